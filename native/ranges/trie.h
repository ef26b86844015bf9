// An exact set of key prefixes of one length: a trie of their bytes in which a branch is cut where it becomes unique,
// and the bits that are cut lie behind its leaf, so that every stored prefix is whole.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ranges/codes.h"
#include "ranges/ends.h"
#include "ranges/keys.h"
#include "ranges/louds.h"
#include "ranges/trie_walk.h"

namespace bh::ranges {

// T(l1) of the Proteus paper: what a trie of l1-bit prefixes takes at most, in bits, if there are counts[l] distinct
// prefixes of l bits; and on how many levels it is dense then. T(0) = 0.
struct TrieCost {
  std::uint64_t bits = 0, dense_levels = 0;
};
TrieCost trie_cost(std::span<const std::uint64_t> counts, std::uint32_t bits);
inline std::uint64_t trie_bits(std::span<const std::uint64_t> counts, std::uint32_t bits) {
  return trie_cost(counts, bits).bits;
}

class Trie {
 public:
  // The distinct prefixes of sorted distinct codes or keys. `bits` is 1 to 64 for codes; for keys it is counted from
  // byte `skip` on, which all keys have in common up to there.
  static Trie build(std::span<const std::uint64_t> codes, std::uint32_t bits);
  static Trie build(const ByteKeys& keys, std::uint32_t bits, std::size_t skip = 0);
  // What section() gave. Borrows it. Throws CorruptData.
  static Trie read(std::span<const std::uint8_t> section, std::uint32_t bits);

  Trie(Trie&&) = default;
  Trie& operator=(Trie&&) = default;

  // a <= b are whole codes or keys, keys without the bytes that were skipped; only their first bits count.
  Ends meet(std::uint64_t a, std::uint64_t b) const { return meet(CodeBytes(a).view(bits_), CodeBytes(b).view(bits_)); }
  Ends meet(ByteCode a, ByteCode b) const { return meet(KeyBytes(a, bits_), KeyBytes(b, bits_)); }
  bool any(std::uint64_t a, std::uint64_t b) const { return meet(a, b).any(); }

  std::uint64_t count() const { return louds_.shape().leaves; }
  std::uint64_t dense_levels() const { return louds_.shape().dense_levels; }
  std::span<const std::uint8_t> section() const { return section_; }
  // Directories included.
  std::uint64_t bits() const { return 8 * (section_.size() + louds_.directory_bytes() + suffixes_.directory_bytes()); }

 private:
  Trie(std::vector<std::uint8_t> owned, std::uint32_t bits);
  Trie(std::span<const std::uint8_t> section, std::uint32_t bits);
  Ends meet(const KeyBytes& a, const KeyBytes& b) const;

  std::vector<std::uint8_t> owned_;  // empty where the section is borrowed
  std::span<const std::uint8_t> section_;
  std::uint32_t bits_;
  Louds louds_;
  Suffixes suffixes_;
};

}  // namespace bh::ranges
