// A Bloom filter of prefixes (Bloom, CACM 1970).
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "ranges/codes.h"
#include "ranges/payload.h"
#include "support/hash.h"
#include "support/simd.h"

namespace bh::ranges {

struct BloomShape {
  BloomShape() = default;
  // Of n >= 1 values in at most that many bits, of which it takes a multiple of 64, up to 2^40. Fewer than 64: none.
  BloomShape(std::uint64_t n, std::uint64_t budget_bits);
  double rate(std::uint64_t n) const;  // the probability that a value is found which is not in the set

  std::uint64_t bits = 0;
  std::uint32_t probes = 0;
};

class Bloom {
 public:
  static constexpr std::uint32_t kMostProbes = 32;
  static constexpr std::uint64_t kMostBits = std::uint64_t{1} << 40;

  static Bloom build(const Prefixes& values, const BloomShape& shape, std::uint64_t seed);
  static Bloom build(std::span<const std::uint64_t> values, const BloomShape& shape, std::uint64_t seed) {
    return build(Prefixes{values, 0}, shape, seed);
  }
  // Throws CorruptData where the payload's size does not follow from the shape.
  static Bloom load(const BloomShape& shape, std::uint64_t seed, Payload payload);

  BH_INLINE bool has(std::uint64_t value) const {
    for (std::uint32_t i = 0; i < shape_.probes; ++i) {
      const std::uint64_t at = bit(value, i);
      if ((payload_.data()[at / 8] >> at % 8 & 1) == 0) return false;
    }
    return true;
  }
  // Asks for each value from a to b.
  BH_INLINE bool any(std::uint64_t a, std::uint64_t b) const {
    if (b - a < kFew) {
      for (; a != b; ++a)
        if (has(a)) return true;
      return has(b);
    }
    for (; b - a >= kTogether; a += kTogether)
      if (any_of(a, kTogether)) return true;
    return any_of(a, b - a + 1);
  }
  BH_INLINE void fetch(std::uint64_t value) const { __builtin_prefetch(payload_.data() + bit(value, 0) / 8); }

  const BloomShape& shape() const { return shape_; }
  const Payload& payload() const { return payload_; }
  std::uint64_t bits() const { return shape_.bits; }

 private:
  Bloom(const BloomShape& shape, std::uint64_t seed, Payload payload)
      : shape_(shape), seed_(seed), payload_(std::move(payload)) {}
  static constexpr std::uint64_t kFew = 6, kTogether = 64;
  // Of values from `first` on. Which of its bits denies a value cannot be foreseen: so all that are left are asked for
  // their next bit, without branches, and wait for memory together.
  BH_INLINE bool any_of(std::uint64_t first, std::uint64_t count) const {
    std::uint64_t left = ~std::uint64_t{0} >> (kTogether - count);
    for (std::uint32_t probe = 0; probe < shape_.probes && left != 0; ++probe) {
      std::uint64_t kept = 0;
      for (; left != 0; left &= left - 1) {
        const auto i = static_cast<std::uint64_t>(std::countr_zero(left)), at = bit(first + i, probe);
        kept |= static_cast<std::uint64_t>(payload_.data()[at / 8] >> at % 8 & 1) << i;
      }
      left = kept;
    }
    return left != 0;
  }
  BH_INLINE std::uint64_t bit(std::uint64_t value, std::uint32_t i) const {
    return range(kth(value ^ seed_, i), shape_.bits);
  }

  BloomShape shape_;
  std::uint64_t seed_;
  Payload payload_;
};

}  // namespace bh::ranges
