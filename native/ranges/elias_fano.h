// A sorted set of integers in about 2 + log2(U/n) bits each (Elias, JACM 1974; Fano 1971). A value is cut in low bits,
// which are packed, and a bucket, the rest; the bit vector of the buckets has a one for each value and, after those of
// a bucket, a zero. So a value of index i in bucket h has its one at i + h, and the zero of a bucket follows its last
// one.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "ranges/ends.h"
#include "ranges/payload.h"
#include "ranges/words.h"
#include "support/simd.h"
#include "support/storage.h"

namespace bh::ranges {

// Of n >= 1 distinct values from 0 to `largest`.
struct EliasFanoShape {
  EliasFanoShape(std::uint64_t n, std::uint64_t most);
  std::uint64_t lows_bits() const { return values * low_bits; }
  std::uint64_t highs_bits() const { return values + buckets; }
  std::uint64_t directory_bits() const;
  std::uint64_t bits() const { return lows_bits() + highs_bits() + directory_bits(); }

  std::uint64_t values, largest;
  std::uint32_t low_bits;
  std::uint64_t buckets;
};

inline std::uint64_t elias_fano_bits(std::uint64_t n, std::uint64_t largest) {
  return EliasFanoShape(n, largest).bits();
}

class EliasFano {
 public:
  // Sorted distinct values, at least one and none above `largest`.
  static EliasFano build(std::span<const std::uint64_t> values, std::uint64_t largest);
  // Throws CorruptData unless the payloads are what build() makes of some values.
  static EliasFano load(const EliasFanoShape& shape, Payload lows, Payload highs);

  bool any(std::uint64_t a, std::uint64_t b) const;
  // Of a <= b <= shape().largest; `start` is start(a). `last` is not said where something is inside.
  BH_INLINE Ends meet(std::uint64_t start, std::uint64_t a, std::uint64_t b) const;
  Ends meet(std::uint64_t a, std::uint64_t b) const { return meet(start(a), a, b); }

  // Where the values of the bucket of a begin. What it reads, and what meet() reads, can be fetched beforehand in
  // three stages, so that many ranges wait for memory at once.
  BH_INLINE std::uint64_t start(std::uint64_t a) const {
    const std::uint64_t bucket = a >> shape_.low_bits;
    return bucket == 0 ? 0 : zero(bucket - 1) + 1;
  }
  BH_INLINE void fetch_hint(std::uint64_t a) const { __builtin_prefetch(&hints_[hint_of(a)]); }
  BH_INLINE void fetch_highs(std::uint64_t a) const {
    const std::uint64_t hint = hint_of(a);
    const std::uint8_t* from = highs_.data() + (kHintEvery * hint + hints_[hint]) / 8;
    __builtin_prefetch(from);
    __builtin_prefetch(from + 64);
  }
  BH_INLINE void fetch_lows(std::uint64_t start, std::uint64_t a) const {
    __builtin_prefetch(lows_.data() + (start - (a >> shape_.low_bits)) * shape_.low_bits / 8);
  }

  const EliasFanoShape& shape() const { return shape_; }
  const Payload& lows() const { return lows_; }
  const Payload& highs() const { return highs_; }
  std::uint64_t bits() const { return shape_.bits(); }
  std::uint64_t directory_bits() const { return shape_.directory_bits(); }

 private:
  friend struct EliasFanoShape;
  static constexpr std::uint64_t kHintEvery = 256, kCountEvery = 4096;
  static constexpr std::uint64_t kScanned = 32;    // values of a bucket; of more the low bits are searched by halving
  static constexpr std::uint64_t kZeroWords = 72;  // before the counts are searched by halving
  static constexpr std::uint64_t kEmptyWords = 8;  // before the end of the range is looked up

  EliasFano(const EliasFanoShape& shape, Payload lows, Payload highs)
      : shape_(shape), lows_(std::move(lows)), highs_(std::move(highs)) {}
  std::uint64_t make_directory();  // and count the ones
  bool ascends() const;

  BH_INLINE std::uint64_t hint_of(std::uint64_t a) const {
    const std::uint64_t bucket = a >> shape_.low_bits;
    return bucket == 0 ? 0 : (bucket - 1) / kHintEvery;
  }
  BH_INLINE std::uint64_t word(std::uint64_t i) const { return load_word(highs_.data() + 8 * i); }
  BH_INLINE std::uint64_t low(std::uint64_t index) const {
    return load_bits(lows_.data(), index * shape_.low_bits, shape_.low_bits);
  }
  BH_INLINE std::uint64_t zero(std::uint64_t k) const;
  std::uint64_t zero_by_counts(std::uint64_t k) const;
  std::uint64_t first_low(std::uint64_t index, std::uint64_t end, std::uint64_t low) const;
  BH_INLINE Ends meet_after(std::uint64_t index, std::uint64_t bucket, std::uint64_t b, bool first) const;

  EliasFanoShape shape_;
  Payload lows_, highs_;
  Storage<std::uint32_t> hints_;   // ones before every 256th zero: there are fewer than 2^32 values
  Storage<std::uint32_t> counts_;  // ones before every 4096th bit
};

// The place of the k-th zero, from 0: that of bucket k.
BH_INLINE std::uint64_t EliasFano::zero(std::uint64_t k) const {
  const std::uint64_t hint = k / kHintEvery;
  const std::uint64_t from = kHintEvery * hint + hints_[hint];
  std::uint64_t rest = k % kHintEvery, at = from / 64;
  std::uint64_t zeros = ~word(at) & ~std::uint64_t{0} << from % 64;
  for (const std::uint64_t end = at + kZeroWords;;) {
    const auto count = static_cast<std::uint64_t>(std::popcount(zeros));
    if (rest < count) return 64 * at + select_one(zeros, static_cast<std::uint32_t>(rest));
    if (++at == end) return zero_by_counts(k);
    rest -= count;
    zeros = ~word(at);
  }
}

BH_INLINE Ends EliasFano::meet(std::uint64_t start, std::uint64_t a, std::uint64_t b) const {
  const std::uint64_t bucket = a >> shape_.low_bits, low_a = a & ((std::uint64_t{1} << shape_.low_bits) - 1);
  std::uint64_t index = start - bucket, end = index;
  const auto ones = static_cast<std::uint64_t>(std::countr_one(load_bits(highs_.data(), start, kScanned + 1)));
  if (ones <= kScanned) {
    end += ones;
    while (index < end && low(index) < low_a) ++index;
  } else {
    end = zero(bucket) - bucket;
    index = first_low(index, end, low_a);
  }
  const bool first = index < end && low(index) == low_a;
  if (a == b) return {false, first, first};
  index += first;
  const bool one_bucket = bucket == b >> shape_.low_bits;
  if (index == end) return one_bucket ? Ends{false, first, false} : meet_after(index, bucket + 1, b, first);
  if (!one_bucket) return {true, first, false};
  const std::uint64_t next = low(index), low_b = b & ((std::uint64_t{1} << shape_.low_bits) - 1);
  return {next < low_b, first, next == low_b};
}

// Goes on with the value of that index, which lies in that bucket or behind it.
BH_INLINE Ends EliasFano::meet_after(std::uint64_t index, std::uint64_t bucket, std::uint64_t b, bool first) const {
  const std::uint64_t last = b >> shape_.low_bits;
  std::uint64_t place = index + bucket, bits = word(place / 64) >> place % 64;
  for (std::uint64_t empty = 0; bits == 0; bits = word(place / 64)) {
    place = (place / 64 + 1) * 64;
    if (place - index > last) return {false, first, false};
    if (++empty < kEmptyWords) continue;
    const std::uint64_t last_start = zero(last - 1) + 1;
    if (last_start - last > index) return {true, first, false};
    place = last_start;
    bits = word(place / 64) >> place % 64 | std::uint64_t{1} << 63;  // found here, or beyond the range
    break;
  }
  place += static_cast<std::uint64_t>(std::countr_zero(bits));
  if (place - index != last) return {place - index < last, first, false};
  const std::uint64_t next = low(index), low_b = b & ((std::uint64_t{1} << shape_.low_bits) - 1);
  return {next < low_b, first, next == low_b};
}

}  // namespace bh::ranges
