#include "quantization/block_fit.h"
#include "quantization/round16.h"

#if BH_ROUND16_V3
#include <immintrin.h>

#include <cstring>

namespace bh::quantization {
namespace {

#define BH_FIT_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

struct Kernel {
  __m256 half, quarters[2], eighths, sixteenths;  // thresholds, in the order in which a binary search asks for them
  __m256 low, high;                               // levels
  __m256 inverse, scale;
};

struct Lanes8 {
  __m256 error, cross, own;
};

BH_FIT_INLINE void store_lanes(const Lanes8& lanes, FitSums& sums, std::size_t from) {
  _mm256_store_ps(sums.error + from, lanes.error);
  _mm256_store_ps(sums.cross + from, lanes.cross);
  _mm256_store_ps(sums.own + from, lanes.own);
}

BH_FIT_INLINE void prepare(Kernel& kernel, const FitTable& table, float inverse, float scale) {
  kernel.half = _mm256_set1_ps(table.tree[1]);
  kernel.quarters[0] = _mm256_set1_ps(table.tree[2]);
  kernel.quarters[1] = _mm256_set1_ps(table.tree[3]);
  kernel.eighths = _mm256_castps128_ps256(_mm_load_ps(table.tree + 4));
  kernel.sixteenths = _mm256_load_ps(table.tree + 8);
  kernel.low = _mm256_loadu_ps(table.level.data());
  kernel.high = _mm256_loadu_ps(table.level.data() + 8);
  kernel.inverse = _mm256_set1_ps(inverse);
  kernel.scale = _mm256_set1_ps(scale);
}

// The levels nearest to eight values, and how far off they are.
BH_FIT_INLINE void nearest8(const Kernel& kernel, const __m256& x, __m256i& code, __m256& level, __m256& off) {
  const __m256 y = _mm256_mul_ps(x, kernel.inverse);
  // A mask is -1 where the next bit of the code is 1.
  const __m256 eight = _mm256_cmp_ps(y, kernel.half, _CMP_GT_OQ);
  const __m256 four = _mm256_cmp_ps(y, _mm256_blendv_ps(kernel.quarters[0], kernel.quarters[1], eight), _CMP_GT_OQ);
  __m256i b = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_castps_si256(eight));
  b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(four));
  const __m256 two = _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(kernel.eighths, b), _CMP_GT_OQ);
  b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(two));
  const __m256 one = _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(kernel.sixteenths, b), _CMP_GT_OQ);
  code = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(one));
  level =
      _mm256_blendv_ps(_mm256_permutevar8x32_ps(kernel.low, code), _mm256_permutevar8x32_ps(kernel.high, code), eight);
  off = _mm256_sub_ps(x, _mm256_mul_ps(kernel.scale, level));
}

BH_FIT_INLINE void fit8(const Kernel& kernel, const float* z, __m256i& code, Lanes8& lanes) {
  const __m256 x = _mm256_loadu_ps(z);
  __m256 level, off;
  nearest8(kernel, x, code, level, off);
  lanes.error = _mm256_add_ps(lanes.error, _mm256_mul_ps(off, off));
  lanes.cross = _mm256_add_ps(lanes.cross, _mm256_mul_ps(x, level));
  lanes.own = _mm256_add_ps(lanes.own, _mm256_mul_ps(level, level));
}

BH_FIT_INLINE void try8(const Kernel& kernel, const float* z, __m256& error) {
  const __m256 x = _mm256_loadu_ps(z);
  __m256i code;
  __m256 level, off;
  nearest8(kernel, x, code, level, off);
  error = _mm256_add_ps(error, _mm256_mul_ps(off, off));
}

}  // namespace

// The bits are those of fit_nearest and try_nearest in block_fit.cpp: the same operations in the same lanes.
BH_TARGET("x86-64-v3")
std::size_t fit16_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                     std::uint8_t* codes, FitSums& sums) {
  Kernel kernel;
  prepare(kernel, table, inverse, scale);
  Lanes8 left{_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()}, right = left;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m256i first, second;
    fit8(kernel, z + i, first, left);
    fit8(kernel, z + i + 8, second, right);
    // Packing works on halves of 128 bits: 0, 2, 1, 3 puts their quarters back in order.
    const __m256i wide = _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0b11011000);
    const __m128i narrow = _mm_packus_epi16(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), narrow);
  }
  store_lanes(left, sums, 0);
  store_lanes(right, sums, 8);
  return i;
}

BH_TARGET("x86-64-v3")
std::size_t try16_v3(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  std::size_t i = 0;
  for (std::size_t t = 0; t < Trials::kMost; ++t) {
    Kernel kernel;
    prepare(kernel, table, trials.inverse[t], trials.relative[t]);
    __m256 left = _mm256_setzero_ps(), right = left;
    for (i = 0; i + 16 <= n; i += 16) {
      try8(kernel, z + i, left);
      try8(kernel, z + i + 8, right);
    }
    _mm256_store_ps(trials.error[t], left);
    _mm256_store_ps(trials.error[t] + 8, right);
  }
  return i;
}

BH_TARGET("x86-64-v3")
std::size_t look_up16_v3(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values) {
  const __m256 low = _mm256_loadu_ps(table), high = _mm256_loadu_ps(table + 8);
  const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  std::size_t i = 0;
  for (; i + 4 <= bytes; i += 4) {
    std::int32_t word;
    std::memcpy(&word, packed + i, sizeof word);
    // Permutations look at the lowest three bits alone; the fourth, moved to where signs are, chooses the half.
    const __m256i code = _mm256_srlv_epi32(_mm256_set1_epi32(word), shifts);
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
    _mm256_storeu_ps(values + 2 * i, _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, code),
                                                      _mm256_permutevar8x32_ps(high, code), upper));
  }
  return i;
}

}  // namespace bh::quantization
#endif
