#include "quantization/block_fit.h"
#include "quantization/round16.h"

#if BH_ROUND16_V3
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstring>

namespace bh::quantization {
namespace {

#define BH_FIT_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

constexpr int kNearest = _CMP_GT_OQ, kBelow = _CMP_GE_OQ;  // how a value goes over an edge

// Sixteen levels in registers.
template <int kCompare>
struct Sixteen {
  __m256 half, quarters[2], eighths, sixteenths;  // edges, in the order in which a binary search asks for them
  __m256 levels[2], above[2];

  BH_FIT_INLINE void prepare(const FitTable& table) {
    half = _mm256_set1_ps(table.tree[1]);
    quarters[0] = _mm256_set1_ps(table.tree[2]);
    quarters[1] = _mm256_set1_ps(table.tree[3]);
    eighths = _mm256_castps128_ps256(_mm_load_ps(table.tree + 4));
    sixteenths = _mm256_load_ps(table.tree + 8);
    for (int k = 0; k < 2; ++k) {
      levels[k] = _mm256_loadu_ps(table.level.data() + 8 * k);
      above[k] = _mm256_loadu_ps(table.level.data() + 8 * k + 1);
    }
  }
  BH_FIT_INLINE void find(const __m256& y, __m256i& b) const {
    // A mask is -1 where the next bit of the code is 1.
    const __m256 eight = _mm256_cmp_ps(y, half, kCompare);
    const __m256 four = _mm256_cmp_ps(y, _mm256_blendv_ps(quarters[0], quarters[1], eight), kCompare);
    b = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_castps_si256(eight));
    b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(four));
    const __m256 two = _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(eighths, b), kCompare);
    b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(two));
    const __m256 one = _mm256_cmp_ps(y, _mm256_permutevar8x32_ps(sixteenths, b), kCompare);
    b = _mm256_sub_epi32(_mm256_add_epi32(b, b), _mm256_castps_si256(one));
  }
  BH_FIT_INLINE void level(const __m256i& code, __m256& found) const { look_up(levels, code, found); }
  BH_FIT_INLINE void both(const __m256i& code, __m256& low, __m256& high) const {
    look_up(levels, code, low);
    look_up(above, code, high);
  }

 private:
  // Permutations look at the lowest three bits alone; the fourth, moved to where signs are, chooses the half.
  static BH_FIT_INLINE void look_up(const __m256* halves, const __m256i& code, __m256& found) {
    found = _mm256_blendv_ps(_mm256_permutevar8x32_ps(halves[0], code), _mm256_permutevar8x32_ps(halves[1], code),
                             _mm256_castsi256_ps(_mm256_slli_epi32(code, 28)));
  }
};

// The items of pairs, which are neighbors in memory: four pairs in one step. Shuffles work on halves of 128 bits: 0, 2,
// 1, 3 puts their quarters back in order.
template <int kScale>
BH_FIT_INLINE void look_up_pairs(const void* pairs, const __m256i& at, __m256& first, __m256& second) {
  const auto* const from = static_cast<const double*>(pairs);
  const __m256 left = _mm256_castpd_ps(_mm256_i32gather_pd(from, _mm256_castsi256_si128(at), kScale));
  const __m256 right = _mm256_castpd_ps(_mm256_i32gather_pd(from, _mm256_extracti128_si256(at, 1), kScale));
  const __m256d firsts = _mm256_castps_pd(_mm256_shuffle_ps(left, right, 0b10001000));
  const __m256d seconds = _mm256_castps_pd(_mm256_shuffle_ps(left, right, 0b11011101));
  first = _mm256_castpd_ps(_mm256_permute4x64_pd(firsts, 0b11011000));
  second = _mm256_castpd_ps(_mm256_permute4x64_pd(seconds, 0b11011000));
}

// Of more levels, which stay in memory, cells say where to begin.
struct Cells {
  const float* levels;
  __m256 per_unit, half, most;

  BH_FIT_INLINE void set(const FitTable& table) {
    levels = table.level.data();
    per_unit = _mm256_set1_ps(table.per_unit), half = _mm256_set1_ps(table.half);
    most = _mm256_set1_ps(table.most_cell);
  }
  BH_FIT_INLINE void cell(const __m256& y, __m256i& found) const {
    const __m256 at = _mm256_add_ps(_mm256_mul_ps(y, per_unit), half);
    found = _mm256_cvttps_epi32(_mm256_min_ps(_mm256_max_ps(at, _mm256_setzero_ps()), most));
  }
  BH_FIT_INLINE void level(const __m256i& code, __m256& found) const { found = _mm256_i32gather_ps(levels, code, 4); }
  BH_FIT_INLINE void both(const __m256i& code, __m256& low, __m256& high) const {
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
  BH_FIT_INLINE void find(const __m256& y, __m256i& b) const {
    cell(y, b);
    b = _mm256_i32gather_epi32(reinterpret_cast<const int*>(start), b, 1);
    b = _mm256_and_si256(b, _mm256_set1_epi32(255));
    for (int step = 0; step < steps; ++step)
      b = _mm256_sub_epi32(b, _mm256_castps_si256(_mm256_cmp_ps(y, _mm256_i32gather_ps(edges, b, 4), kCompare)));
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
  BH_FIT_INLINE void find(const __m256& y, __m256i& b) const {
    __m256 edge, below;
    cell(y, b);
    look_up_pairs<8>(edges, b, edge, below);
    b = _mm256_sub_epi32(_mm256_castps_si256(below), _mm256_castps_si256(_mm256_cmp_ps(y, edge, kCompare)));
  }
};

// The nearest level and its code.
template <typename Search>
BH_FIT_INLINE void find_level(const Search& search, const __m256& y, __m256i& b, __m256& level) {
  search.find(y, b);
  search.level(b, level);
}
BH_FIT_INLINE void find_level(const Single<kNearest>& search, const __m256& y, __m256i& b, __m256& level) {
  __m256i at;
  __m256 edge, below, low, high;
  search.cell(y, at);
  look_up_pairs<8>(search.edges, at, edge, below);
  look_up_pairs<8>(search.sides, at, low, high);
  const __m256 over = _mm256_cmp_ps(y, edge, kNearest);
  b = _mm256_sub_epi32(_mm256_castps_si256(below), _mm256_castps_si256(over));
  level = _mm256_blendv_ps(low, high, over);
}

// The squared distance from the nearest level.
template <typename Search>
BH_FIT_INLINE void find_error(const Search& search, const __m256& y, __m256& error) {
  __m256i b;
  __m256 level;
  search.find(y, b);
  search.level(b, level);
  const __m256 off = _mm256_sub_ps(y, level);
  error = _mm256_mul_ps(off, off);
}
// It is the lesser one of two: what is nearer is so after rounding.
BH_FIT_INLINE void find_error(const Single<kNearest>& search, const __m256& y, __m256& error) {
  __m256i at;
  __m256 low, high;
  search.cell(y, at);
  look_up_pairs<8>(search.sides, at, low, high);
  const __m256 below = _mm256_sub_ps(y, low), above = _mm256_sub_ps(y, high);
  error = _mm256_min_ps(_mm256_mul_ps(below, below), _mm256_mul_ps(above, above));
}

// Packing works on halves of 128 bits: 0, 2, 1, 3 puts their quarters back in order.
BH_FIT_INLINE void store_codes(const __m256i& first, const __m256i& second, std::uint8_t* to) {
  const __m256i wide = _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), 0b11011000);
  const __m128i narrow = _mm_packus_epi16(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), narrow);
}

template <typename Search>
BH_FIT_INLINE std::size_t fit_by(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                 std::uint8_t* codes, FitSums& sums) {
  Search search;
  search.prepare(table);
  const __m256 inverses = _mm256_set1_ps(inverse), scales = _mm256_set1_ps(scale), zero = _mm256_setzero_ps();
  __m256 error[2] = {zero, zero}, cross[2] = {zero, zero}, own[2] = {zero, zero};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m256i b[2];
    for (int k = 0; k < 2; ++k) {
      const __m256 x = _mm256_loadu_ps(z + i + 8 * k);
      __m256 level;
      find_level(search, _mm256_mul_ps(x, inverses), b[k], level);
      const __m256 off = _mm256_sub_ps(x, _mm256_mul_ps(scales, level));
      error[k] = _mm256_add_ps(error[k], _mm256_mul_ps(off, off));
      cross[k] = _mm256_add_ps(cross[k], _mm256_mul_ps(x, level));
      own[k] = _mm256_add_ps(own[k], _mm256_mul_ps(level, level));
    }
    store_codes(b[0], b[1], codes + i);
  }
  for (int k = 0; k < 2; ++k) {
    _mm256_store_ps(sums.error + 8 * k, error[k]);
    _mm256_store_ps(sums.cross + 8 * k, cross[k]);
    _mm256_store_ps(sums.own + 8 * k, own[k]);
  }
  return i;
}

template <typename Search>
BH_FIT_INLINE std::size_t between_by(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                     std::uint8_t* codes, FitSums& sums) {
  Search search;
  search.prepare(table);
  const __m256 inverses = _mm256_set1_ps(inverse), scales = _mm256_set1_ps(scale), zero = _mm256_setzero_ps();
  __m256 error[2] = {zero, zero};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m256i b[2];
    for (int k = 0; k < 2; ++k) {
      const __m256 x = _mm256_loadu_ps(z + i + 8 * k);
      __m256 low, high;
      search.find(_mm256_mul_ps(x, inverses), b[k]);
      search.both(b[k], low, high);
      const __m256 variance =
          _mm256_mul_ps(_mm256_sub_ps(_mm256_mul_ps(scales, high), x), _mm256_sub_ps(x, _mm256_mul_ps(scales, low)));
      error[k] = _mm256_add_ps(error[k], _mm256_max_ps(variance, zero));
    }
    store_codes(b[0], b[1], codes + i);
  }
  for (int k = 0; k < 2; ++k) _mm256_store_ps(sums.error + 8 * k, error[k]);
  return i;
}

template <typename Search>
BH_FIT_INLINE std::size_t try_by(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  Search search;
  search.prepare(table);
  std::size_t i = 0;
  for (std::size_t t = 0; t < trials.count; ++t) {
    const __m256 inverses = _mm256_set1_ps(trials.inverse[t]);
    __m256 error[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (i = 0; i + 16 <= n; i += 16)
      for (int k = 0; k < 2; ++k) {
        const __m256 y = _mm256_mul_ps(_mm256_loadu_ps(z + i + 8 * k), inverses);
        __m256 squared;
        find_error(search, y, squared);
        error[k] = _mm256_add_ps(error[k], squared);
      }
    for (int k = 0; k < 2; ++k) _mm256_store_ps(trials.error[t] + 8 * k, error[k]);
  }
  return i;
}

}  // namespace

// The bits are those of the plain loops in block_fit.cpp: the same operations in the same lanes.
BH_TARGET("x86-64-v3")
std::size_t fit_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                   std::uint8_t* codes, FitSums& sums) {
  if (table.size == 16) return fit_by<Sixteen<kNearest>>(table, z, n, inverse, scale, codes, sums);
  if (table.steps == 1) return fit_by<Single<kNearest>>(table, z, n, inverse, scale, codes, sums);
  return table.steps ? fit_by<Many<kNearest>>(table, z, n, inverse, scale, codes, sums) : 0;
}

BH_TARGET("x86-64-v3")
std::size_t fit_between_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                           std::uint8_t* codes, FitSums& sums) {
  if (table.size == 16) return between_by<Sixteen<kBelow>>(table, z, n, inverse, scale, codes, sums);
  if (table.steps == 1) return between_by<Single<kBelow>>(table, z, n, inverse, scale, codes, sums);
  return table.steps ? between_by<Many<kBelow>>(table, z, n, inverse, scale, codes, sums) : 0;
}

BH_TARGET("x86-64-v3")
std::size_t try_v3(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  if (table.size == 16) return try_by<Sixteen<kNearest>>(table, z, n, trials);
  if (table.steps == 1) return try_by<Single<kNearest>>(table, z, n, trials);
  return table.steps ? try_by<Many<kNearest>>(table, z, n, trials) : 0;
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
