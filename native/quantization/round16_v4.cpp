#include "quantization/round16.h"

#if BH_ROUND16_V4
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace bh::quantization {
namespace {

#define BH_ROUND_INLINE BH_TARGET("x86-64-v4") inline __attribute__((always_inline))

struct Kernel {
  __m512 tree;  // thresholds as a binary search asks for them: below entry k stand 2k and, where it is reached, 2k + 1
  __m512 low, gap, first, last;
};

BH_ROUND_INLINE void prepare(Kernel& kernel, const RoundingTable<float>& table) {
  const float* edges = table.edges.data();
  kernel.tree = _mm512_setr_ps(0, edges[7], edges[3], edges[11], edges[1], edges[5], edges[9], edges[13],  //
                               edges[0], edges[2], edges[4], edges[6], edges[8], edges[10], edges[12], edges[14]);
  kernel.low = _mm512_loadu_ps(table.low.data());
  kernel.gap = _mm512_loadu_ps(table.gap.data());
  kernel.first = _mm512_set1_ps(table.first);
  kernel.last = _mm512_set1_ps(table.last);
}

// One more in the lanes of `mask`.
BH_ROUND_INLINE void increment(__m512i& counts, __mmask16 mask) {
  counts = _mm512_mask_add_epi32(counts, mask, counts, _mm512_set1_epi32(1));
}

// Sixteen codes; what is not finite or lies outside is counted in `nonfinite` and `outside`.
BH_ROUND_INLINE void round_lanes(const Kernel& kernel, const float* from, const std::uint32_t* words,
                                 std::uint16_t* codes, __m512i& nonfinite, __m512i& outside) {
  const __m512 x = _mm512_loadu_ps(from);
  increment(nonfinite, _mm512_fpclass_ps_mask(x, 0x99));  // NaN of either kind, and both infinities
  increment(outside, _mm512_cmp_ps_mask(x, kernel.first, _CMP_LT_OQ) | _mm512_cmp_ps_mask(x, kernel.last, _CMP_GT_OQ));
  // From the root down, four times. What is left is 16 + b, and permutations look at the lowest four bits alone.
  __m512i b = _mm512_set1_epi32(1);
  for (int level = 0; level < 4; ++level) {
    const __mmask16 reached = _mm512_cmp_ps_mask(x, _mm512_permutexvar_ps(b, kernel.tree), _CMP_GE_OQ);
    b = _mm512_add_epi32(b, b);
    increment(b, reached);
  }

  const __m512 low = _mm512_permutexvar_ps(b, kernel.low), gap = _mm512_permutexvar_ps(b, kernel.gap);
  __m512 p = _mm512_mul_ps(_mm512_sub_ps(x, low), gap);
  p = _mm512_min_ps(_mm512_max_ps(p, _mm512_setzero_ps()), _mm512_set1_ps(1));  // of a NaN the second operand is left
  const __m512 threshold = _mm512_min_ps(_mm512_mul_ps(p, _mm512_set1_ps(0x1p31f)), _mm512_set1_ps(2147483520.0f));
  const __m512i word = _mm512_srli_epi32(_mm512_loadu_si512(words), 1);
  increment(b, _mm512_cmpgt_epi32_mask(_mm512_cvttps_epi32(threshold), word));
  const __m512i code = _mm512_sub_epi32(b, _mm512_set1_epi32(16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), _mm512_cvtepi32_epi16(code));
}

}  // namespace

BH_TARGET("x86-64-v4")
std::size_t round16_v4(const RoundingTable<float>& table, const float* x, const std::uint32_t* words, std::size_t n,
                       std::uint16_t* codes, Tally& tally) {
  Kernel kernel;
  prepare(kernel, table);
  __m512i nonfinite = _mm512_setzero_si512(), outside = nonfinite;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) round_lanes(kernel, x + i, words + i, codes + i, nonfinite, outside);
  tally.nonfinite += static_cast<std::uint32_t>(_mm512_reduce_add_epi32(nonfinite));
  tally.outside += static_cast<std::uint32_t>(_mm512_reduce_add_epi32(outside));
  return i;
}

}  // namespace bh::quantization
#endif
