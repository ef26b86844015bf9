// The parts of a filter that its design names, over codes of 64 bits: those of numbers, or the window of bytes keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <variant>

#include "ranges/bloom.h"
#include "ranges/codes.h"
#include "ranges/design.h"
#include "ranges/elias_fano.h"
#include "ranges/fuse.h"
#include "ranges/locality_hash.h"
#include "ranges/trie.h"
#include "support/storage.h"

namespace bh::ranges {

using ApproxSet = std::variant<std::monostate, Bloom, Fuse, LocalityHash>;

struct Parts {
  Design design;                 // names locality where the fuse filter of a design could not be built
  std::uint32_t exact_bits = 0;  // of prefixes, counted from the bits on that not all keys have in common
  std::uint32_t approx_bits = 0;
  std::optional<EliasFano> set = {};  // of exact prefixes less that of the least key, or of buckets from it on
  std::optional<Trie> trie = {};
  ApproxSet approx = {};
  bool fell_back = false;

  std::uint64_t bits() const;  // directories included
  std::uint64_t exact_size() const { return set ? set->bits() : trie ? trie->bits() : 0; }
};

// Throws InvalidInput unless codes of so many bits can have this design.
void check_design(const Design& design, std::uint32_t code_bits);

// What the approximate part of a design is made of.
struct ApproxInput {
  std::uint64_t count;       // of distinct prefixes
  std::uint64_t blocks;      // of distinct prefixes that are kFuseBlockLog bits shorter
  std::uint32_t value_bits;  // of a prefix, behind the bits that all have in common
  // Prefixes as numbers, for the part of that tag: those of a block, which are 2^block_log, follow one another. They
  // may be written to the room, and must then not outlive it.
  std::function<Prefixes(Tag part, std::uint32_t block_log, Storage<std::uint64_t>& room)> values;
  std::function<Storage<std::uint64_t>(const LocalityShape& shape)> places;  // of a locality hash
};

// Throws InvalidInput where the budget is too small. Tests let every attempt at a fuse filter fail.
void build_approx(Parts& parts, const ApproxInput& input, std::uint64_t budget_bits, std::uint64_t seed,
                  int fuse_attempts = Fuse::kAttempts);
// Of prefixes of at most 64 bits.
ApproxInput plain_input(std::span<const std::uint64_t> codes, std::uint32_t bits, std::uint64_t seed);

// Of sorted codes, at least one; they may repeat. `skipped` bits, which are common to all keys, come before these 64.
// Throws InvalidInput where the parts do not fit the budget.
void build_set(Parts& parts, std::span<const std::uint64_t> codes);
Parts build_parts(std::span<const std::uint64_t> codes, const Design& design, std::uint32_t skipped,
                  std::uint64_t budget_bits, std::uint64_t seed, int fuse_attempts = Fuse::kAttempts);
// What the exact part leaves of the budget.
std::uint64_t remaining(const Parts& parts, std::uint64_t budget_bits);
constexpr std::uint32_t beyond(std::uint32_t bits, std::uint32_t skipped) {
  return bits > skipped ? bits - skipped : 0;
}

// Questions that are answered side by side, so that they wait for memory together.
constexpr std::size_t kGroup = 64;

// Whether ranges of codes from a[i] to b[i] >= a[i] may hold a key; at most kGroup of them. If there is a set, they lie
// between the least and the greatest key.
void ask(const Parts& parts, std::uint64_t least, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
         bool* answers);

}  // namespace bh::ranges
