#include "quantization/column_stripes.h"

#if BH_COLUMNS_V3
#include <immintrin.h>

#include <cstring>
#include <limits>

namespace bh::quantization {
namespace {

#define BH_COLUMN_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

// All bits of a lane where its value reaches the edge: -1, so that subtracting counts.
template <bool Nearest>
BH_COLUMN_INLINE void reaches(__m256i& mask, const __m256& x, const __m256& edge) {
  mask = _mm256_castps_si256(Nearest ? _mm256_cmp_ps(x, edge, _CMP_GT_OQ) : _mm256_cmp_ps(x, edge, _CMP_GE_OQ));
}

template <bool Nearest>
BH_COLUMN_INLINE void count_edges(const float* edges, const __m256& x, __m256i& found) {
  found = _mm256_setzero_si256();
#pragma GCC unroll 15
  for (std::size_t t = 0; t + 1 < kFew; ++t) {
    __m256i mask;
    reaches<Nearest>(mask, x, _mm256_loadu_ps(edges + t * kStripe));
    found = _mm256_sub_epi32(found, mask);
  }
}

// What is the same for all rows, of eight of the sixteen columns.
struct Columns {
  const float* top;
  __m256i edges, cells;  // where those of a column begin
  __m256 origin, per_unit, last_cell, first, last;

  BH_COLUMN_INLINE void prepare(const Stripe& s, std::size_t c) {
    const __m256i lanes =
        _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(static_cast<int>(c)));
    const auto n_cells = static_cast<int>(kCells * s.size);
    top = s.top + c;
    edges = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(static_cast<int>(s.width)));
    cells = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(n_cells));
    origin = _mm256_loadu_ps(s.origin + c), per_unit = _mm256_loadu_ps(s.per_unit + c);
    last_cell = _mm256_set1_ps(static_cast<float>(n_cells - 1));
    first = _mm256_loadu_ps(s.first + c), last = _mm256_loadu_ps(s.last + c);
  }
};

// Over `kStep` edges, where a value reaches the last of them.
template <bool Nearest, int kStep>
BH_COLUMN_INLINE void step_up(const Stripe& s, const __m256& x, __m256i& at) {
  __m256i mask;
  reaches<Nearest>(mask, x, _mm256_i32gather_ps(s.edges + kStep, at, 4));
  at = _mm256_add_epi32(at, _mm256_and_si256(mask, _mm256_set1_epi32(kStep)));
}

// Leaves where in `edges` the level below stands, or the nearest one.
template <bool Nearest>
BH_COLUMN_INLINE void find(const Stripe& s, const Columns& lanes, const __m256& x, __m256i& at) {
  if (s.steps > 0) {
    const __m256 cell = _mm256_mul_ps(_mm256_sub_ps(x, lanes.origin), lanes.per_unit);
    const __m256 inside = _mm256_min_ps(_mm256_max_ps(cell, _mm256_setzero_ps()), lanes.last_cell);  // NaN becomes 0
    at = _mm256_i32gather_epi32(reinterpret_cast<const int*>(s.start),
                                _mm256_add_epi32(_mm256_cvttps_epi32(inside), lanes.cells), 1);
    at = _mm256_add_epi32(_mm256_and_si256(at, _mm256_set1_epi32(255)), lanes.edges);
    for (int k = 0; k < s.steps; ++k) step_up<Nearest, 1>(s, x, at);
    return;
  }
  count_edges<Nearest>(lanes.top, x, at);
  if (s.size == kFew) {
    at = _mm256_add_epi32(at, lanes.edges);
  } else {
    at = _mm256_add_epi32(_mm256_slli_epi32(at, 4), lanes.edges);
    step_up<Nearest, 8>(s, x, at);
    step_up<Nearest, 4>(s, x, at);
    step_up<Nearest, 2>(s, x, at);
    step_up<Nearest, 1>(s, x, at);
  }
}

// One more where a value is rounded up.
BH_COLUMN_INLINE void move_up(const Stripe& s, const __m256& x, const std::uint32_t* words, const __m256i& at,
                              __m256i& found) {
  const __m256 low = _mm256_i32gather_ps(s.edges, at, 4), high = _mm256_i32gather_ps(s.edges + 1, at, 4);
  const __m256 apart = _mm256_cmp_ps(high, low, _CMP_GT_OQ);
  const __m256 gap = _mm256_and_ps(apart, _mm256_div_ps(_mm256_set1_ps(1), _mm256_sub_ps(high, low)));
  const __m256 p = _mm256_mul_ps(_mm256_sub_ps(x, low), gap);
  // Of a NaN the second operand is left, which becomes the least integer, as does what is far below 0.
  const __m256 threshold = _mm256_min_ps(_mm256_set1_ps(2147483520.0f), _mm256_mul_ps(p, _mm256_set1_ps(0x1p31f)));
  const __m256i word = _mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)), 1);
  found = _mm256_sub_epi32(found, _mm256_cmpgt_epi32(_mm256_cvttps_epi32(threshold), word));
}

template <bool Nearest>
BH_COLUMN_INLINE void round8(const Stripe& s, const Columns& lanes, const float* from, const std::uint32_t* words,
                             __m256i& found, __m256i& nonfinite, __m256i& outside) {
  const __m256 x = _mm256_loadu_ps(from);
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  const __m256 most = _mm256_set1_ps(std::numeric_limits<float>::max());
  nonfinite = _mm256_sub_epi32(nonfinite, _mm256_castps_si256(_mm256_cmp_ps(magnitude, most, _CMP_NLE_UQ)));
  __m256i at;
  find<Nearest>(s, lanes, x, at);
  found = _mm256_sub_epi32(at, lanes.edges);
  if constexpr (Nearest) return;
  const __m256 below = _mm256_cmp_ps(x, lanes.first, _CMP_LT_OQ), above = _mm256_cmp_ps(x, lanes.last, _CMP_GT_OQ);
  outside = _mm256_sub_epi32(outside, _mm256_castps_si256(_mm256_or_ps(below, above)));
  move_up(s, x, words, at, found);
}

BH_COLUMN_INLINE std::uint32_t sum(const __m256i& counts, std::size_t used) {
  alignas(32) std::uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), counts);
  std::uint32_t total = 0;
  for (std::size_t c = 0; c < used; ++c) total += lanes[c];
  return total;
}

template <bool Nearest>
BH_COLUMN_INLINE void round_rows(const Stripe& s, const float* from, const std::uint32_t* words, std::size_t rows,
                                 std::uint8_t* codes, Tally& tally) {
  Columns lanes[2];
  lanes[0].prepare(s, 0), lanes[1].prepare(s, 8);
  __m256i nonfinite[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, outside = nonfinite[0], left, right;
  for (std::size_t row = 0; row < rows; ++row, from += s.columns, codes += s.columns) {
    round8<Nearest>(s, lanes[0], from, words + row * s.columns, left, nonfinite[0], outside);
    round8<Nearest>(s, lanes[1], from + 8, words + row * s.columns + 8, right, nonfinite[1], outside);
    // Packing works on halves of 128 bits: 0, 2, 1, 3 puts their quarters back in order.
    const __m256i both = _mm256_permute4x64_epi64(_mm256_packus_epi32(left, right), 0b11011000);
    const __m128i packed = _mm_packus_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    if (s.used == kStripe) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), packed);
    } else {
      std::uint8_t bytes[kStripe];
      _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), packed);
      std::memcpy(codes, bytes, s.used);
    }
  }
  tally.nonfinite = sum(nonfinite[0], s.used < 8 ? s.used : 8) + sum(nonfinite[1], s.used < 8 ? 0 : s.used - 8);
  tally.outside = sum(outside, 8);
}

}  // namespace

BH_TARGET("x86-64-v3")
Tally round_stripe_v3(const Stripe& stripe, const float* x, const std::uint32_t* words, std::size_t rows,
                      std::uint8_t* codes) {
  Tally tally;
  if (stripe.nearest)
    round_rows<true>(stripe, x, words, rows, codes, tally);
  else
    round_rows<false>(stripe, x, words, rows, codes, tally);
  return tally;
}

BH_TARGET("x86-64-v3")
std::size_t look_up_v3(const std::uint32_t* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                       std::size_t columns, std::size_t used, std::uint32_t* items) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i starts = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(static_cast<int>(width)));
  const std::size_t whole = used - used % kStripe;
  for (std::size_t c = 0; c < whole; c += 8) {
    const int* const own = reinterpret_cast<const int*>(table + c * width);
    for (std::size_t row = 0; row < rows; ++row) {
      const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + row * columns + c));
      const __m256i at = _mm256_add_epi32(_mm256_cvtepu8_epi32(packed), starts);
      __builtin_prefetch(items + (row + rows) * columns + c, 1);  // what comes next
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(items + row * columns + c), _mm256_i32gather_epi32(own, at, 4));
    }
  }
  return whole;
}

}  // namespace bh::quantization
#endif
