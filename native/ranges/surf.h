// SuRF (Zhang et al.: Practical Range Query Filtering with Fast Succinct Tries, SIGMOD 2018): whole keys in a trie
// whose branches are cut one byte after they become unique, with a few bits of each key behind its leaf.
//
// Keys are codes of one width, padded with zeros where they are shorter, so none is a prefix of another and the trie
// needs no sign for "a key ends here".
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ranges/codes.h"
#include "ranges/format.h"
#include "ranges/keys.h"
#include "ranges/louds.h"
#include "ranges/stored.h"
#include "ranges/trie_walk.h"

namespace bh::ranges {

enum class Suffix : std::uint8_t { none = 0, hash = 1, real = 2 };  // bits of the key's hash, or its next bits

struct SurfOptions {
  Suffix suffix = Suffix::real;
  std::optional<std::uint32_t> suffix_bits;  // 0 to 32; without them as many as the budget allows
  std::uint64_t budget_bits = 0;
  std::uint64_t seed = 0;
};

class Surf {
 public:
  static constexpr FilterKind kKind = FilterKind::surf;
  static constexpr std::uint32_t kMostBits = 32;

  // Sorted and distinct.
  static Surf build(std::span<const std::uint64_t> codes, const SurfOptions& options);
  static Surf build(const ByteKeys& keys, const SurfOptions& options);
  static Surf read(FilterReader& reader);
  // Of sections that are borrowed; `width`: bytes of a code. Throws CorruptData.
  static Surf read(std::span<const std::uint8_t> trie, std::span<const std::uint8_t> suffixes, std::size_t width,
                   std::uint64_t seed);

  Surf(Surf&&) = default;
  Surf& operator=(Surf&&) = default;

  bool may_contain(std::uint64_t code) const { return contains(CodeBytes(code).view(64), CodeBytes(code).span()); }
  bool may_contain(ByteCode key) const { return contains(KeyBytes(key, 8 * width_), key); }
  // Closed ranges, a <= b.
  bool may_intersect(std::uint64_t a, std::uint64_t b) const {
    return intersects(CodeBytes(a).view(64), CodeBytes(b).view(64));
  }
  bool may_intersect(ByteCode a, ByteCode b) const {
    return intersects(KeyBytes(a, 8 * width_), KeyBytes(b, 8 * width_));
  }

  std::uint64_t count() const { return louds_.shape().leaves; }
  Suffix suffix() const { return suffix_; }
  std::uint32_t suffix_bits() const { return suffix_bits_; }
  std::span<const std::uint8_t> trie_section() const { return trie_; }
  std::span<const std::uint8_t> suffix_section() const { return packed_; }
  std::vector<Section> sections() const;
  std::uint64_t directory_bits() const { return 8 * (louds_.directory_bytes() + suffixes_.directory_bytes()); }
  std::uint64_t bits() const { return 8 * (trie_.size() + packed_.size()) + directory_bits(); }

 private:
  Surf(std::span<const std::uint8_t> trie, std::span<const std::uint8_t> suffixes, std::size_t width,
       std::uint64_t seed);
  template <typename Shared, typename Key>
  static Surf build(std::size_t count, std::size_t width, const SurfOptions& options, Shared shared, Key key);
  bool contains(const KeyBytes& key, ByteCode bytes) const;
  bool intersects(const KeyBytes& a, const KeyBytes& b) const;

  std::vector<std::uint8_t> owned_trie_, owned_suffixes_;  // empty where they are borrowed
  std::span<const std::uint8_t> trie_, packed_;
  std::size_t width_;
  std::uint64_t seed_;  // of the hash
  Suffix suffix_ = Suffix::none;
  std::uint32_t suffix_bits_ = 0;
  Louds louds_;
  Suffixes suffixes_ = Suffixes::fixed(0), no_suffixes_ = Suffixes::fixed(0);
};

}  // namespace bh::ranges
