#include "gradients/thc_kernels.h"

#if BH_THC_V4
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "support/random.h"

namespace bh::gradients {
namespace {

#define BH_THC_INLINE BH_TARGET("x86-64-v4") inline __attribute__((always_inline))

// The code of each point, with 32 codes in each of these registers.
template <int Registers>
BH_THC_INLINE void look_up(__m512i& code, const __m512i* codes, const __m512i& point) {
  constexpr __mmask32 kLow = 0x55555555;  // the upper halves of the points are 0, and so are those of the codes
  if constexpr (Registers == 2) {
    code = _mm512_maskz_permutex2var_epi16(kLow, codes[0], point, codes[1]);
  } else {
    __m512i high;
    look_up<2>(code, codes, point);
    look_up<2>(high, codes + 2, point);
    code = _mm512_mask_mov_epi32(code, _mm512_test_epi32_mask(point, _mm512_set1_epi32(64)), high);
  }
}

BH_THC_INLINE void put(std::uint8_t* to, const __m512i& values) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(values));
}
BH_THC_INLINE void put(std::uint16_t* to, const __m512i& values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(values));
}

// No registers: every point has its code.
template <int Registers, bool Codes, typename Value>
BH_THC_INLINE std::size_t round_groups(const float* h, std::size_t groups, const std::uint32_t* words, float scale,
                                       const Cells& cells, Value* values) {
  const __m512 factor = _mm512_set1_ps(scale), middle = _mm512_set1_ps(cells.middle), zero = _mm512_setzero_ps();
  const __m512 most = _mm512_set1_ps(cells.most), unit = _mm512_set1_ps(65536.0f), half = _mm512_set1_ps(0.5f);
  const __m512i one = _mm512_set1_epi32(1), low_half = _mm512_set1_epi32(0xFFFF);
  __m512i codes_of[Registers > 0 ? Registers : 1];
  for (int k = 0; k < Registers; ++k) codes_of[k] = _mm512_loadu_si512(cells.code.data() + 32 * k);
  const __m512 lowers = _mm512_loadu_ps(cells.lower.data()), inverses = _mm512_loadu_ps(cells.inverse.data());
  const __m512i points = _mm512_loadu_si512(cells.points.data());
  std::size_t outside = 0;
  for (std::size_t group = 0; group < groups; ++group)
    for (std::size_t j = 0; j < kGroup / 2; j += 16) {
      const __m512i word = _mm512_loadu_si512(words + kLanes * (j / 64) + 64 * group + j % 64);
      const __m512i draws[2] = {_mm512_and_si512(word, low_half), _mm512_srli_epi32(word, 16)};
      for (int side = 0; side < 2; ++side) {
        const std::size_t i = kGroup * group + kGroup / 2 * static_cast<std::size_t>(side) + j;
        const __m512 moved = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(h + i), factor), middle);
        const __m512 u = _mm512_min_ps(_mm512_max_ps(moved, zero), most);  // NaN becomes 0: the second operand wins
        outside += static_cast<std::size_t>(__builtin_popcount(_mm512_cmp_ps_mask(u, moved, _CMP_NEQ_OQ)));
        const __m512i floor = _mm512_cvttps_epi32(u);
        const __m512 threshold = _mm512_add_ps(_mm512_cvtepi32_ps(draws[side]), half);
        if constexpr (Registers == 0) {
          const __m512 share = _mm512_mul_ps(_mm512_sub_ps(u, _mm512_cvtepi32_ps(floor)), unit);
          put(values + i, _mm512_mask_add_epi32(floor, _mm512_cmp_ps_mask(threshold, share, _CMP_LT_OQ), floor, one));
        } else {
          __m512i code;
          look_up<Registers>(code, codes_of, floor);
          const __m512 above = _mm512_sub_ps(u, _mm512_permutexvar_ps(code, lowers));
          const __m512 share = _mm512_mul_ps(above, _mm512_permutexvar_ps(code, inverses));
          code = _mm512_mask_add_epi32(code, _mm512_cmp_ps_mask(threshold, share, _CMP_LT_OQ), code, one);
          put(values + i, Codes ? code : _mm512_permutexvar_epi32(code, points));
        }
      }
    }
  return outside;
}

template <int Registers, typename Value>
BH_TARGET("x86-64-v4")
std::size_t round_all(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
                      bool codes, Value* values) {
  if (codes) return round_groups<Registers, true>(h, groups, words, scale, cells, values);
  return round_groups<Registers, false>(h, groups, words, scale, cells, values);
}

template <typename Value>
bool round_any(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
               bool codes, Value* values, std::size_t& outside) {
  if (cells.identity)
    outside += round_all<0>(h, groups, words, scale, cells, codes, values);
  else if (cells.most < 64)
    outside += round_all<2>(h, groups, words, scale, cells, codes, values);
  else if (cells.most < 128)
    outside += round_all<4>(h, groups, words, scale, cells, codes, values);
  else
    return false;
  return true;
}

}  // namespace

bool round_v4(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
              bool codes, std::uint8_t* values, std::size_t& outside) {
  return round_any(h, groups, words, scale, cells, codes, values, outside);
}
bool round_v4(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
              bool codes, std::uint16_t* values, std::size_t& outside) {
  return round_any(h, groups, words, scale, cells, codes, values, outside);
}

}  // namespace bh::gradients
#endif
