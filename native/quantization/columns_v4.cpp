#include "quantization/column_stripes.h"

#if BH_COLUMNS_V4
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace bh::quantization {
namespace {

#define BH_COLUMN_INLINE BH_TARGET("x86-64-v4") inline __attribute__((always_inline))

// One more in the lanes of `mask`.
BH_COLUMN_INLINE void increment(__m512i& counts, __mmask16 mask) {
  counts = _mm512_mask_sub_epi32(counts, mask, counts, _mm512_set1_epi32(-1));
}

template <bool Nearest>
BH_COLUMN_INLINE __mmask16 reaches(const __m512& x, const __m512& edge) {
  return Nearest ? _mm512_cmp_ps_mask(x, edge, _CMP_GT_OQ) : _mm512_cmp_ps_mask(x, edge, _CMP_GE_OQ);
}

template <bool Nearest>
BH_COLUMN_INLINE void count_edges(const float* edges, const __m512& x, __m512i& found) {
  __m512i odd = found = _mm512_setzero_si512();
#pragma GCC unroll 7
  for (std::size_t t = 0; t < 14; t += 2) {
    increment(found, reaches<Nearest>(x, _mm512_loadu_ps(edges + t * kStripe)));
    increment(odd, reaches<Nearest>(x, _mm512_loadu_ps(edges + (t + 1) * kStripe)));
  }
  increment(found, reaches<Nearest>(x, _mm512_loadu_ps(edges + 14 * kStripe)));
  found = _mm512_add_epi32(found, odd);
}

// What is the same for all rows.
struct Columns {
  __m512i edges, cells;  // where those of a column begin
  __m512 origin, per_unit, last_cell;

  BH_COLUMN_INLINE void prepare(const Stripe& s) {
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const auto n_cells = static_cast<int>(kCells * s.size);
    edges = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(s.width)));
    cells = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(n_cells));
    origin = _mm512_loadu_ps(s.origin), per_unit = _mm512_loadu_ps(s.per_unit);
    last_cell = _mm512_set1_ps(static_cast<float>(n_cells - 1));
  }
};

// Over `kStep` edges, where a value reaches the last of them.
template <bool Nearest, int kStep>
BH_COLUMN_INLINE void step_up(const Stripe& s, const __m512& x, __m512i& at) {
  const __mmask16 over = reaches<Nearest>(x, _mm512_i32gather_ps(at, s.edges + kStep, 4));
  at = _mm512_mask_add_epi32(at, over, at, _mm512_set1_epi32(kStep));
}

// Leaves where in `edges` the level below stands, or the nearest one.
template <bool Nearest>
BH_COLUMN_INLINE void find(const Stripe& s, const Columns& lanes, const __m512& x, __m512i& at) {
  if (s.steps > 0) {
    const __m512 cell = _mm512_mul_ps(_mm512_sub_ps(x, lanes.origin), lanes.per_unit);
    const __m512 inside = _mm512_min_ps(_mm512_max_ps(cell, _mm512_setzero_ps()), lanes.last_cell);  // NaN becomes 0
    at = _mm512_i32gather_epi32(_mm512_add_epi32(_mm512_cvttps_epi32(inside), lanes.cells), s.start, 1);
    at = _mm512_add_epi32(_mm512_and_si512(at, _mm512_set1_epi32(255)), lanes.edges);
    for (int k = 0; k < s.steps; ++k) step_up<Nearest, 1>(s, x, at);
    return;
  }
  count_edges<Nearest>(s.top, x, at);
  if (s.size == kFew) {
    at = _mm512_add_epi32(at, lanes.edges);
  } else {
    at = _mm512_add_epi32(_mm512_slli_epi32(at, 4), lanes.edges);
    step_up<Nearest, 8>(s, x, at);
    step_up<Nearest, 4>(s, x, at);
    step_up<Nearest, 2>(s, x, at);
    step_up<Nearest, 1>(s, x, at);
  }
}

// One more where a value is rounded up.
BH_COLUMN_INLINE void move_up(const Stripe& s, const __m512& x, const std::uint32_t* words, const __m512i& at,
                              __m512i& found) {
  // Both levels of eight columns in one step.
  const __m512 left = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_castsi512_si256(at), s.edges, 4));
  const __m512 right = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_extracti64x4_epi64(at, 1), s.edges, 4));
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512 low = _mm512_permutex2var_ps(left, even, right), high = _mm512_permutex2var_ps(left, odd, right);
  const __mmask16 apart = _mm512_cmp_ps_mask(high, low, _CMP_GT_OQ);
  const __m512 gap = _mm512_maskz_div_ps(apart, _mm512_set1_ps(1), _mm512_sub_ps(high, low));
  const __m512 p = _mm512_mul_ps(_mm512_sub_ps(x, low), gap);
  // Of a NaN the second operand is left, which becomes the least integer, as does what is below 0.
  const __m512 threshold = _mm512_min_ps(_mm512_set1_ps(2147483520.0f), _mm512_mul_ps(p, _mm512_set1_ps(0x1p31f)));
  const __m512i word = _mm512_srli_epi32(_mm512_loadu_si512(words), 1);
  increment(found, _mm512_cmpgt_epi32_mask(_mm512_cvttps_epi32(threshold), word));
}

template <bool Nearest>
BH_COLUMN_INLINE void round_rows(const Stripe& s, const float* from, const std::uint32_t* words, std::size_t rows,
                                 std::uint8_t* codes, Tally& tally) {
  Columns lanes;
  lanes.prepare(s);
  const __m512 first = _mm512_loadu_ps(s.first), last = _mm512_loadu_ps(s.last);
  const auto kept = static_cast<__mmask16>((1u << s.used) - 1);
  __m512i nonfinite = _mm512_setzero_si512(), outside = nonfinite;
  for (std::size_t row = 0; row < rows; ++row, from += s.columns, codes += s.columns) {
    const __m512 x = _mm512_loadu_ps(from);
    increment(nonfinite, _mm512_fpclass_ps_mask(x, 0x99));  // NaN of either kind, and both infinities
    __m512i at;
    find<Nearest>(s, lanes, x, at);
    __m512i found = _mm512_sub_epi32(at, lanes.edges);
    if constexpr (!Nearest) {
      increment(outside, _mm512_cmp_ps_mask(x, first, _CMP_LT_OQ) | _mm512_cmp_ps_mask(x, last, _CMP_GT_OQ));
      move_up(s, x, words + row * s.columns, at, found);
    }
    _mm512_mask_cvtepi32_storeu_epi8(codes, kept, found);
  }
  tally.nonfinite = static_cast<std::uint32_t>(_mm512_mask_reduce_add_epi32(kept, nonfinite));
  tally.outside = static_cast<std::uint32_t>(_mm512_reduce_add_epi32(outside));
}

}  // namespace

BH_TARGET("x86-64-v4")
Tally round_stripe_v4(const Stripe& stripe, const float* x, const std::uint32_t* words, std::size_t rows,
                      std::uint8_t* codes) {
  Tally tally;
  if (stripe.nearest)
    round_rows<true>(stripe, x, words, rows, codes, tally);
  else
    round_rows<false>(stripe, x, words, rows, codes, tally);
  return tally;
}

BH_TARGET("x86-64-v4")
std::size_t look_up_v4(const std::uint32_t* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                       std::size_t columns, std::size_t used, std::uint32_t* items) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i starts = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(width)));
  std::size_t c = 0;
  for (; c + kStripe <= used; c += kStripe) {
    const std::uint32_t* const own = table + c * width;
    for (std::size_t row = 0; row < rows; ++row) {
      const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + row * columns + c));
      const __m512i at = _mm512_add_epi32(_mm512_cvtepu8_epi32(packed), starts);
      __builtin_prefetch(items + (row + rows) * columns + c, 1);  // what comes next
      _mm512_storeu_si512(items + row * columns + c, _mm512_i32gather_epi32(at, own, 4));
    }
  }
  return c;
}

}  // namespace bh::quantization
#endif
