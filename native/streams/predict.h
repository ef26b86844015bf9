// Kernels of the predictors of streams: from a key to the logarithm (base 2) of the count it will reach.
//
// A feature of a key is a number of at most 64 bits, hashed to one of a few buckets; each bucket has a weight. Integers
// have their prefixes as features, strings their n-grams. Tables remember the heaviest keys by a 32-bit fingerprint.
//
// Layout of the section MODL, kinds 16-20 of the byte format: u64 horizon (0: none), f64 seconds per key, then
//   16 lookup table  u32 entries at most, f32 default, u64 n, n x u32 ascending fingerprints, n x u8 eighths
//   17 n-grams       u32 buckets, u8 shortest, u8 longest n-gram, u16 0, f32 bias, 5 x f32 dense, buckets x f16
//   18 key bits      u32 buckets, f32 bias, u64 lengths (bit L - 1: prefix of L bits; 0: halves), buckets x f16
//   19 first of two  f32 shift, u32 0, u64 bytes of the first blob, both blobs
//   20 constant      f64 value
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "streams/ridge.h"

namespace bh::streams {

constexpr std::uint32_t kMostBuckets = 65'536;

// Features of many values at once: value >> shift & mask, hashed with `add` to set each kind of feature apart.
struct Feature {
  std::uint64_t shift, mask, add;
};

// The prefixes whose lengths `lengths` names, bit L - 1 for L bits of the whole key; 0 stands for prefixes of 8 to 32
// bits of either half.
std::vector<Feature> prefixes(std::uint64_t lengths);

void predict_key_bits(std::span<const std::uint64_t> ids, std::span<const Feature> features,
                      std::span<const float> weights, float bias, std::span<float> out);
SparseRows key_bits_rows(std::span<const std::uint64_t> ids, std::span<const Feature> features, std::uint32_t buckets);

// A few thousand bytes of keys, with the buckets of all their n-grams. A key counts with a zero byte on either side and
// its ASCII letters in lower case.
class Ngrams {
 public:
  static constexpr std::size_t kDense = 5;

  // n-grams of `shortest` to `longest` bytes, 1 to 8.
  Ngrams(std::uint32_t shortest, std::uint32_t longest, std::uint32_t buckets);

  void add(std::string_view key);
  bool full() const { return bytes_.size() >= 4096; }
  void clear();

  // Of all keys since the last clear: appends to `out`, or rows to `rows`.
  void predict(std::span<const float> weights, std::span<const float, kDense> dense, float bias,
               std::vector<float>& out);
  void rows(SparseRows& rows);

 private:
  struct Key {
    std::size_t first, size;  // its padded bytes
    std::array<float, kDense> dense;
  };
  struct Cell {
    float weight;
    std::uint32_t count;  // of the key at hand; 0 between keys
  };

  void hash();
  template <typename Visit>
  void each_bucket(const Key& key, const Visit& visit) const;

  std::uint32_t shortest_, longest_, buckets_;
  std::vector<std::uint8_t> bytes_;  // of all keys, padded
  std::vector<Key> keys_;
  std::vector<std::uint64_t> words_;   // the eight bytes from each place on
  std::vector<std::uint32_t> places_;  // the bucket of the n-gram at each place: one run for each length
  std::vector<Cell> cells_;
};

// The heaviest keys by ascending fingerprint; those that begin with the bits b are starts[b] to starts[b + 1].
struct Table {
  std::span<const std::uint32_t> fingerprints;
  std::span<const std::uint8_t> eighths;
  std::span<const std::uint32_t> starts;  // 2^n + 1
};

void fingerprints(std::span<const std::uint64_t> ids, std::span<std::uint32_t> out);

// Writes the logarithm of each key's count, or `missing`, and whether the table knows the key.
void look_up(std::span<const std::uint64_t> ids, const Table& table, float missing, std::span<float> out,
             std::span<std::uint8_t> known);

// For each arrival how many arrivals later its key comes again; 2^32 - 1 if that is never or later than any u32.
void next_gaps(std::span<const std::uint64_t> ids, std::span<std::uint32_t> gaps);

}  // namespace bh::streams
