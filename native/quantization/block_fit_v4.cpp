#include "quantization/block_fit.h"
#include "quantization/round16.h"

#if BH_ROUND16_V4
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstring>

namespace bh::quantization {

#define BH_FIT_INLINE BH_TARGET("x86-64-v4") inline __attribute__((always_inline))

namespace {

// The level nearest to y. From the root down, four times; what is left is 16 + code, and permutations look at the
// lowest four bits alone.
BH_FIT_INLINE void search(const __m512& tree, const __m512& y, __m512i& b) {
  const __m512i one = _mm512_set1_epi32(1);
  b = one;
  for (int depth = 0; depth < 4; ++depth) {
    const __mmask16 exceeded = _mm512_cmp_ps_mask(y, _mm512_permutexvar_ps(b, tree), _CMP_GT_OQ);
    b = _mm512_add_epi32(b, b);
    b = _mm512_mask_add_epi32(b, exceeded, b, one);
  }
}

}  // namespace

// The bits are those of fit_nearest and try_nearest in block_fit.cpp: the same operations in the same lanes.
BH_TARGET("x86-64-v4")
std::size_t fit16_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                     std::uint8_t* codes, FitSums& sums) {
  const __m512 tree = _mm512_load_ps(table.tree), levels = _mm512_loadu_ps(table.level.data());
  const __m512 inverses = _mm512_set1_ps(inverse), scales = _mm512_set1_ps(scale);
  __m512 error = _mm512_setzero_ps(), cross = error, own = error;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 x = _mm512_loadu_ps(z + i);
    __m512i b;
    search(tree, _mm512_mul_ps(x, inverses), b);
    const __m512 level = _mm512_permutexvar_ps(b, levels), off = _mm512_sub_ps(x, _mm512_mul_ps(scales, level));
    error = _mm512_add_ps(error, _mm512_mul_ps(off, off));
    cross = _mm512_add_ps(cross, _mm512_mul_ps(x, level));
    own = _mm512_add_ps(own, _mm512_mul_ps(level, level));
    const __m512i code = _mm512_and_si512(b, _mm512_set1_epi32(15));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_cvtepi32_epi8(code));
  }
  _mm512_store_ps(sums.error, error);
  _mm512_store_ps(sums.cross, cross);
  _mm512_store_ps(sums.own, own);
  return i;
}

BH_TARGET("x86-64-v4")
std::size_t try16_v4(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  constexpr std::size_t kSide = 3;  // scales side by side, so that none waits for its own results
  static_assert(Trials::kMost % kSide == 0);
  const __m512 tree = _mm512_load_ps(table.tree);
  const __m512 even = _mm512_load_ps(table.even), odd = _mm512_load_ps(table.odd);
  const __m512 half = _mm512_set1_ps(table.tree[1]);
  const __m512 quarter = _mm512_set1_ps(table.tree[2]), three_quarters = _mm512_set1_ps(table.tree[3]);
  const __m512i one = _mm512_set1_epi32(1), four = _mm512_set1_epi32(4), six = _mm512_set1_epi32(6);
  std::size_t i = 0;
  for (std::size_t t = 0; t < Trials::kMost; t += kSide) {
    __m512 inverse[kSide], scale[kSide], error[kSide];
    for (std::size_t k = 0; k < kSide; ++k) {
      inverse[k] = _mm512_set1_ps(trials.inverse[t + k]), scale[k] = _mm512_set1_ps(trials.relative[t + k]);
      error[k] = _mm512_setzero_ps();
    }
    for (i = 0; i + 16 <= n; i += 16) {
      const __m512 x = _mm512_loadu_ps(z + i);
      for (std::size_t k = 0; k < kSide; ++k) {
        // As `search`, but the first two steps choose by masks, and the last one chooses the level at once.
        const __m512 y = _mm512_mul_ps(x, inverse[k]);
        const __mmask16 upper = _mm512_cmp_ps_mask(y, half, _CMP_GT_OQ);
        const __mmask16 second =
            _mm512_cmp_ps_mask(y, _mm512_mask_blend_ps(upper, quarter, three_quarters), _CMP_GT_OQ);
        __m512i b = _mm512_mask_blend_epi32(upper, four, six);
        b = _mm512_mask_add_epi32(b, second, b, one);
        const __mmask16 third = _mm512_cmp_ps_mask(y, _mm512_permutexvar_ps(b, tree), _CMP_GT_OQ);
        b = _mm512_add_epi32(b, b);
        b = _mm512_mask_add_epi32(b, third, b, one);
        const __mmask16 fourth = _mm512_cmp_ps_mask(y, _mm512_permutexvar_ps(b, tree), _CMP_GT_OQ);
        const __m512 level = _mm512_mask_permutexvar_ps(_mm512_permutexvar_ps(b, even), fourth, b, odd);
        const __m512 off = _mm512_sub_ps(x, _mm512_mul_ps(scale[k], level));
        error[k] = _mm512_add_ps(error[k], _mm512_mul_ps(off, off));
      }
    }
    for (std::size_t k = 0; k < kSide; ++k) _mm512_store_ps(trials.error[t + k], error[k]);
  }
  return i;
}

BH_TARGET("x86-64-v4")
std::size_t look_up16_v4(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values) {
  const __m512 levels = _mm512_loadu_ps(table);
  const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(shifts), shifts, 1);
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    std::int32_t words[2];
    std::memcpy(words, packed + i, sizeof words);
    const __m512i spread = _mm512_mask_set1_epi32(_mm512_set1_epi32(words[0]), 0xFF00, words[1]);
    // Permutations look at the lowest four bits alone.
    _mm512_storeu_ps(values + 2 * i, _mm512_permutexvar_ps(_mm512_srlv_epi32(spread, both), levels));
  }
  return i;
}

}  // namespace bh::quantization
#endif
