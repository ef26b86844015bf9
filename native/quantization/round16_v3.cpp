#include "quantization/round16.h"

#if BH_ROUND16_V3
#include <immintrin.h>

#include <limits>

namespace bh::quantization {
namespace {

#define BH_ROUND_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

// Sixteen entries in two registers.
struct Entries {
  __m256 low, high;
};

BH_ROUND_INLINE void load_entries(Entries& entries, const float* from) {
  entries.low = _mm256_loadu_ps(from);
  entries.high = _mm256_loadu_ps(from + 8);
}

// Entries at `index`: a permutation looks at three bits of it, the fourth chooses the half.
BH_ROUND_INLINE void look_up(__m256& found, const Entries& entries, const __m256i& index, const __m256& upper) {
  const __m256 low = _mm256_permutevar8x32_ps(entries.low, index), high = _mm256_permutevar8x32_ps(entries.high, index);
  found = _mm256_blendv_ps(low, high, upper);
}

struct Kernel {
  __m256 half, quarters[2], eighths, sixteenths;  // thresholds, in the order in which a binary search asks for them
  Entries low, gap;
  __m256 first, last;
};

BH_ROUND_INLINE void prepare(Kernel& kernel, const RoundingTable<float>& table) {
  const float* edges = table.edges.data();
  kernel.half = _mm256_set1_ps(edges[7]);
  kernel.quarters[0] = _mm256_set1_ps(edges[3]);
  kernel.quarters[1] = _mm256_set1_ps(edges[11]);
  kernel.eighths = _mm256_setr_ps(edges[1], edges[5], edges[9], edges[13], 0, 0, 0, 0);
  kernel.sixteenths = _mm256_setr_ps(edges[0], edges[2], edges[4], edges[6], edges[8], edges[10], edges[12], edges[14]);
  load_entries(kernel.low, table.low.data());
  load_entries(kernel.gap, table.gap.data());
  kernel.first = _mm256_set1_ps(table.first);
  kernel.last = _mm256_set1_ps(table.last);
}

// Eight codes; what is not finite or lies outside is counted down in `nonfinite` and `outside`.
BH_ROUND_INLINE void round8(const Kernel& kernel, const float* from, const std::uint32_t* words, __m256i& codes,
                            __m256i& nonfinite, __m256i& outside) {
  const __m256 x = _mm256_loadu_ps(from);
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  const __m256 most = _mm256_set1_ps(std::numeric_limits<float>::max());
  nonfinite = _mm256_add_epi32(nonfinite, _mm256_castps_si256(_mm256_cmp_ps(magnitude, most, _CMP_NLE_UQ)));
  outside = _mm256_add_epi32(outside, _mm256_castps_si256(_mm256_or_ps(_mm256_cmp_ps(x, kernel.first, _CMP_LT_OQ),
                                                                       _mm256_cmp_ps(x, kernel.last, _CMP_GT_OQ))));
  // b counts the thresholds that x reaches: a mask is -1 where the next bit of b is 1.
  const __m256 eight = _mm256_cmp_ps(x, kernel.half, _CMP_GE_OQ);
  const __m256 four = _mm256_cmp_ps(x, _mm256_blendv_ps(kernel.quarters[0], kernel.quarters[1], eight), _CMP_GE_OQ);
  __m256i b = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_castps_si256(eight));
  b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(four));
  const __m256 two = _mm256_cmp_ps(x, _mm256_permutevar8x32_ps(kernel.eighths, b), _CMP_GE_OQ);
  b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(two));
  const __m256 one = _mm256_cmp_ps(x, _mm256_permutevar8x32_ps(kernel.sixteenths, b), _CMP_GE_OQ);
  b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(one));

  __m256 low, gap;
  look_up(low, kernel.low, b, eight);
  look_up(gap, kernel.gap, b, eight);
  __m256 p = _mm256_mul_ps(_mm256_sub_ps(x, low), gap);
  p = _mm256_min_ps(_mm256_max_ps(p, _mm256_setzero_ps()), _mm256_set1_ps(1));  // of a NaN the second operand is left
  const __m256 threshold = _mm256_min_ps(_mm256_mul_ps(p, _mm256_set1_ps(0x1p31f)), _mm256_set1_ps(2147483520.0f));
  const __m256i word = _mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)), 1);
  codes = _mm256_sub_epi32(b, _mm256_cmpgt_epi32(_mm256_cvttps_epi32(threshold), word));
}

BH_ROUND_INLINE std::uint32_t count(const __m256i& masks) {
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), masks);
  std::int32_t sum = 0;
  for (const std::int32_t lane : lanes) sum -= lane;
  return static_cast<std::uint32_t>(sum);
}

}  // namespace

BH_TARGET("x86-64-v3")
std::size_t round16_v3(const RoundingTable<float>& table, const float* x, const std::uint32_t* words, std::size_t n,
                       std::uint16_t* codes, Tally& tally) {
  Kernel kernel;
  prepare(kernel, table);
  __m256i nonfinite = _mm256_setzero_si256(), outside = nonfinite;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m256i left, right;
    round8(kernel, x + i, words + i, left, nonfinite, outside);
    round8(kernel, x + i + 8, words + i + 8, right, nonfinite, outside);
    // Packing works on halves of 128 bits: 0, 2, 1, 3 puts their quarters back in order.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(left, right), 0b11011000);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), packed);
  }
  tally.nonfinite += count(nonfinite);
  tally.outside += count(outside);
  return i;
}

}  // namespace bh::quantization
#endif
