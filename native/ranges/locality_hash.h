// An approximate set whose answer to a range takes the same few looks whatever its length: values keep their distances
// within blocks of 2^s, each block is moved to a random place below a modulus r, and what results is kept in an
// Elias-Fano set (Goswami, Gronlund, Larsen, Pagh: Approximate Range Emptiness in Constant Time and Optimal Space, SODA
// 2015). A range of c values then meets one of n others with a probability of at most c * n / r.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

#include "ranges/codes.h"
#include "ranges/elias_fano.h"
#include "support/hash.h"
#include "support/simd.h"
#include "support/storage.h"

namespace bh::ranges {

struct LocalityShape {
  static constexpr std::uint64_t kMostModulus = std::uint64_t{1} << 62;

  LocalityShape(std::uint64_t r, std::uint32_t value_bits)
      : modulus(r), block_log(std::min(static_cast<std::uint32_t>(std::bit_width(r)) - 1, value_bits)) {}

  std::uint64_t modulus;
  std::uint32_t block_log;  // s: 2^s <= modulus, and a range of fewer than r values touches three blocks at most
};

// For n >= 1 values of `value_bits` bits: the largest modulus whose set fits. Nothing if none does.
std::optional<LocalityShape> locality_shape(std::uint64_t n, std::uint32_t value_bits, std::uint64_t budget_bits);

// Where each value is kept.
Storage<std::uint64_t> places_of(const Prefixes& values, const LocalityShape& shape, std::uint64_t seed);

class LocalityHash {
 public:
  // Of places as places_of() gives them, at least one.
  static LocalityHash build(Storage<std::uint64_t> places, const LocalityShape& shape, std::uint64_t seed);
  // Throws CorruptData for a shape that none is built with for values of that many bits.
  static LocalityHash load(const LocalityShape& shape, std::uint32_t value_bits, std::uint64_t seed, EliasFano set);

  // Of the values from a to b.
  BH_INLINE bool any(std::uint64_t a, std::uint64_t b) const {
    if (b - a >= shape_.modulus) return true;
    const std::uint64_t mask = low_values(), end = b >> shape_.block_log;
    std::uint64_t first = a & mask;
    for (std::uint64_t block = a >> shape_.block_log; block != end; ++block, first = 0)
      if (any_of_block(block, first, mask)) return true;
    return any_of_block(end, first, b & mask);
  }
  // Of a block of that number or hash, from its value `first` to its value `last`.
  BH_INLINE bool any_of_block(std::uint64_t block, std::uint64_t first, std::uint64_t last) const {
    const std::uint64_t from = place(block, first), to = place(block, last);
    if (from <= to) return set_.meet(from, to).any();
    return set_.meet(from, shape_.modulus - 1).any() || set_.meet(0, to).any();
  }
  // Where the value is looked for in set().
  BH_INLINE std::uint64_t place(std::uint64_t value) const {
    return place(value >> shape_.block_log, value & low_values());
  }

  const LocalityShape& shape() const { return shape_; }
  const EliasFano& set() const { return set_; }
  std::uint64_t bits() const { return set_.bits(); }

  // A value of a block.
  static BH_INLINE std::uint64_t place(const LocalityShape& shape, std::uint64_t seed, std::uint64_t block,
                                       std::uint64_t low) {
    const std::uint64_t at = range(mix64(block ^ seed), shape.modulus) + low;  // below twice the modulus
    return at < shape.modulus ? at : at - shape.modulus;
  }

 private:
  LocalityHash(const LocalityShape& shape, std::uint64_t seed, EliasFano set)
      : shape_(shape), seed_(seed), set_(std::move(set)) {}
  BH_INLINE std::uint64_t low_values() const { return (std::uint64_t{1} << shape_.block_log) - 1; }
  BH_INLINE std::uint64_t place(std::uint64_t block, std::uint64_t low) const {
    return place(shape_, seed_, block, low);
  }

  LocalityShape shape_;
  std::uint64_t seed_;
  EliasFano set_;
};

}  // namespace bh::ranges
