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

constexpr int kNearest = _CMP_GT_OQ, kBelow = _CMP_GE_OQ;  // how a value goes over an edge

// Sixteen levels in a register.
struct Sixteen {
  __m512 levels, above;

  BH_FIT_INLINE void set(const FitTable& table) {
    levels = _mm512_loadu_ps(table.level.data());
    above = _mm512_loadu_ps(table.level.data() + 1);
  }
  BH_FIT_INLINE void level(const __m512i& code, __m512& found) const { found = _mm512_permutexvar_ps(code, levels); }
  BH_FIT_INLINE void both(const __m512i& code, __m512& low, __m512& high) const {
    low = _mm512_permutexvar_ps(code, levels);
    high = _mm512_permutexvar_ps(code, above);
  }
};

// Four steps down from the root, which leave 16 + code.
template <int kCompare>
struct Tree : Sixteen {
  __m512 edges;

  BH_FIT_INLINE void prepare(const FitTable& table) {
    set(table);
    edges = _mm512_load_ps(table.tree);
  }
  BH_FIT_INLINE void find(const __m512& y, __m512i& b) const {
    const __m512i one = _mm512_set1_epi32(1);
    b = one;
    for (int depth = 0; depth < 4; ++depth) {
      const __mmask16 over = _mm512_cmp_ps_mask(y, _mm512_permutexvar_ps(b, edges), kCompare);
      b = _mm512_add_epi32(b, b);
      b = _mm512_mask_add_epi32(b, over, b, one);
    }
    b = _mm512_and_si512(b, _mm512_set1_epi32(15));
  }
};

// The whole part of a value leaves one edge to ask for.
template <int kCompare>
struct Parted : Sixteen {
  __m512 edges[2];
  __m512i codes[2];

  BH_FIT_INLINE void prepare(const FitTable& table) {
    set(table);
    for (int k = 0; k < 2; ++k) {
      edges[k] = _mm512_load_ps(table.cell_edge + 16 * k);
      codes[k] = _mm512_load_si512(table.cell_code + 16 * k);
    }
  }
  BH_FIT_INLINE void find(const __m512& y, __m512i& b) const {
    constexpr int kLesserSize = 2;  // with the sign of the first
    const __m512 inside = _mm512_range_ps(y, _mm512_set1_ps(0x1.fffffep3f), kLesserSize);
    const __m512i cell = _mm512_cvt_roundps_epi32(inside, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    const __mmask16 over = _mm512_cmp_ps_mask(y, _mm512_permutex2var_ps(edges[0], cell, edges[1]), kCompare);
    b = _mm512_permutex2var_epi32(codes[0], cell, codes[1]);
    b = _mm512_mask_add_epi32(b, over, b, _mm512_set1_epi32(1));
  }
};

// The items of pairs, which are neighbors in memory: eight pairs in one step.
template <int kScale>
BH_FIT_INLINE void look_up_pairs(const void* pairs, const __m512i& at, __m512& first, __m512& second) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512 left = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_castsi512_si256(at), pairs, kScale));
  const __m512 right = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_extracti64x4_epi64(at, 1), pairs, kScale));
  first = _mm512_permutex2var_ps(left, even, right);
  second = _mm512_permutex2var_ps(left, odd, right);
}

// Of more levels, which stay in memory, cells say where to begin.
struct Cells {
  const float* levels;
  __m512 per_unit, half, most;

  BH_FIT_INLINE void set(const FitTable& table) {
    levels = table.level.data();
    per_unit = _mm512_set1_ps(table.per_unit), half = _mm512_set1_ps(table.half);
    most = _mm512_set1_ps(table.most_cell);
  }
  BH_FIT_INLINE void cell(const __m512& y, __m512i& found) const {
    const __m512 at = _mm512_add_ps(_mm512_mul_ps(y, per_unit), half);
    found = _mm512_cvttps_epi32(_mm512_min_ps(_mm512_max_ps(at, _mm512_setzero_ps()), most));
  }
  BH_FIT_INLINE void level(const __m512i& code, __m512& found) const { found = _mm512_i32gather_ps(code, levels, 4); }
  BH_FIT_INLINE void both(const __m512i& code, __m512& low, __m512& high) const {
    look_up_pairs<4>(levels, code, low, high);
  }
};

template <int kCompare>
struct Many : Cells {
  const float* edges;
  const std::uint8_t* start;
  int steps;

  BH_FIT_INLINE void prepare(const FitTable& table) {
    set(table);
    edges = table.edges.data(), start = table.start.data(), steps = table.steps;
  }
  BH_FIT_INLINE void find(const __m512& y, __m512i& b) const {
    cell(y, b);
    b = _mm512_and_si512(_mm512_i32gather_epi32(b, start, 1), _mm512_set1_epi32(255));
    for (int step = 0; step < steps; ++step) {
      const __mmask16 over = _mm512_cmp_ps_mask(y, _mm512_i32gather_ps(b, edges, 4), kCompare);
      b = _mm512_mask_add_epi32(b, over, b, _mm512_set1_epi32(1));
    }
  }
};

// No cell holds two edges.
template <int kCompare>
struct Single : Cells {
  const FitTable::Edge* edges;
  const FitTable::Sides* sides;

  BH_FIT_INLINE void prepare(const FitTable& table) {
    set(table);
    edges = table.cell_edges.data(), sides = table.cell_sides.data();
  }
  BH_FIT_INLINE void find(const __m512& y, __m512i& b) const {
    __m512i at;
    __m512 edge, below;
    cell(y, at);
    look_up_pairs<8>(edges, at, edge, below);
    b = _mm512_castps_si512(below);
    b = _mm512_mask_add_epi32(b, _mm512_cmp_ps_mask(y, edge, kCompare), b, _mm512_set1_epi32(1));
  }
};

// The nearest level and its code.
template <typename Search>
BH_FIT_INLINE void find_level(const Search& search, const __m512& y, __m512i& b, __m512& level) {
  search.find(y, b);
  search.level(b, level);
}
BH_FIT_INLINE void find_level(const Single<kNearest>& search, const __m512& y, __m512i& b, __m512& level) {
  __m512i at;
  __m512 edge, below, low, high;
  search.cell(y, at);
  look_up_pairs<8>(search.edges, at, edge, below);
  look_up_pairs<8>(search.sides, at, low, high);
  const __mmask16 over = _mm512_cmp_ps_mask(y, edge, kNearest);
  b = _mm512_castps_si512(below);
  b = _mm512_mask_add_epi32(b, over, b, _mm512_set1_epi32(1));
  level = _mm512_mask_mov_ps(low, over, high);
}

// The squared distance from the nearest level.
template <typename Search>
BH_FIT_INLINE void find_error(const Search& search, const __m512& y, __m512& error) {
  __m512i b;
  __m512 level;
  search.find(y, b);
  search.level(b, level);
  const __m512 off = _mm512_sub_ps(y, level);
  error = _mm512_mul_ps(off, off);
}
// It is the lesser one of two: what is nearer is so after rounding.
BH_FIT_INLINE void find_error(const Single<kNearest>& search, const __m512& y, __m512& error) {
  __m512i at;
  __m512 low, high;
  search.cell(y, at);
  look_up_pairs<8>(search.sides, at, low, high);
  const __m512 below = _mm512_sub_ps(y, low), above = _mm512_sub_ps(y, high);
  error = _mm512_min_ps(_mm512_mul_ps(below, below), _mm512_mul_ps(above, above));
}

BH_FIT_INLINE void store_codes(const __m512i& codes, std::uint8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(codes));
}

template <typename Search>
BH_FIT_INLINE std::size_t fit_by(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                 std::uint8_t* codes, FitSums& sums) {
  Search search;
  search.prepare(table);
  const __m512 inverses = _mm512_set1_ps(inverse), scales = _mm512_set1_ps(scale);
  __m512 error = _mm512_setzero_ps(), cross = error, own = error;
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 x = _mm512_loadu_ps(z + i);
    __m512i b;
    __m512 level;
    find_level(search, _mm512_mul_ps(x, inverses), b, level);
    const __m512 off = _mm512_sub_ps(x, _mm512_mul_ps(scales, level));
    error = _mm512_add_ps(error, _mm512_mul_ps(off, off));
    cross = _mm512_add_ps(cross, _mm512_mul_ps(x, level));
    own = _mm512_add_ps(own, _mm512_mul_ps(level, level));
    store_codes(b, codes + i);
  }
  _mm512_store_ps(sums.error, error);
  _mm512_store_ps(sums.cross, cross);
  _mm512_store_ps(sums.own, own);
  return i;
}

template <typename Search>
BH_FIT_INLINE std::size_t between_by(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                     std::uint8_t* codes, FitSums& sums) {
  Search search;
  search.prepare(table);
  const __m512 inverses = _mm512_set1_ps(inverse), scales = _mm512_set1_ps(scale);
  __m512 error = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 x = _mm512_loadu_ps(z + i);
    __m512i b;
    __m512 low, high;
    search.find(_mm512_mul_ps(x, inverses), b);
    search.both(b, low, high);
    const __m512 variance =
        _mm512_mul_ps(_mm512_sub_ps(_mm512_mul_ps(scales, high), x), _mm512_sub_ps(x, _mm512_mul_ps(scales, low)));
    error = _mm512_add_ps(error, _mm512_max_ps(variance, _mm512_setzero_ps()));
    store_codes(b, codes + i);
  }
  _mm512_store_ps(sums.error, error);
  return i;
}

// Scales side by side, so that none waits for its own results.
template <typename Search, std::size_t kSide>
BH_FIT_INLINE std::size_t try_by(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  Search search;
  search.prepare(table);
  std::size_t i = 0;
  for (std::size_t t = 0; t < trials.count; t += kSide) {
    __m512 inverse[kSide], error[kSide];
    for (std::size_t k = 0; k < kSide; ++k)
      inverse[k] = _mm512_set1_ps(trials.inverse[t + k]), error[k] = _mm512_setzero_ps();
    for (i = 0; i + 16 <= n; i += 16) {
      const __m512 x = _mm512_loadu_ps(z + i);
      for (std::size_t k = 0; k < kSide; ++k) {
        const __m512 y = _mm512_mul_ps(x, inverse[k]);
        __m512 squared;
        find_error(search, y, squared);
        error[k] = _mm512_add_ps(error[k], squared);
      }
    }
    for (std::size_t k = 0; k < kSide; ++k) _mm512_store_ps(trials.error[t + k], error[k]);
  }
  return i;
}

}  // namespace

// The bits are those of the plain loops in block_fit.cpp: the same operations in the same lanes.
BH_TARGET("x86-64-v4")
std::size_t fit_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                   std::uint8_t* codes, FitSums& sums) {
  if (table.parted) return fit_by<Parted<kNearest>>(table, z, n, inverse, scale, codes, sums);
  if (table.size == 16) return fit_by<Tree<kNearest>>(table, z, n, inverse, scale, codes, sums);
  if (table.steps == 1) return fit_by<Single<kNearest>>(table, z, n, inverse, scale, codes, sums);
  return table.steps ? fit_by<Many<kNearest>>(table, z, n, inverse, scale, codes, sums) : 0;
}

BH_TARGET("x86-64-v4")
std::size_t fit_between_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                           std::uint8_t* codes, FitSums& sums) {
  if (table.parted) return between_by<Parted<kBelow>>(table, z, n, inverse, scale, codes, sums);
  if (table.size == 16) return between_by<Tree<kBelow>>(table, z, n, inverse, scale, codes, sums);
  if (table.steps == 1) return between_by<Single<kBelow>>(table, z, n, inverse, scale, codes, sums);
  return table.steps ? between_by<Many<kBelow>>(table, z, n, inverse, scale, codes, sums) : 0;
}

BH_TARGET("x86-64-v4")
std::size_t try_v4(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  if (table.parted) return try_by<Parted<kNearest>, 2>(table, z, n, trials);
  if (table.size == 16) return try_by<Tree<kNearest>, 2>(table, z, n, trials);
  if (table.steps == 1) return try_by<Single<kNearest>, 2>(table, z, n, trials);
  return table.steps ? try_by<Many<kNearest>, 2>(table, z, n, trials) : 0;
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
