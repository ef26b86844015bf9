#include "gradients/half.h"

#include <bit>
#include <cmath>
#include <cstddef>

#include "support/simd.h"

#if BH_DISPATCH || defined(__F16C__)
#define BH_HALF_V3 1
#include <immintrin.h>
#else
#define BH_HALF_V3 0
#endif

namespace bh::gradients {
namespace {

constexpr std::uint32_t kSign = 0x80000000, kInfinity = 0x7F800000, kQuiet = 0x00400000;
constexpr std::uint32_t kRebias = 112;  // from the exponents of half to those of float32

BH_INLINE std::uint16_t to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t size = bits & ~kSign;
  const std::uint32_t rounded = ((size + 0xFFF + (size >> 13 & 1)) >> 13) - (kRebias << 10);
  const std::uint32_t normal = size >= 0x477FF000 ? 0x7C00 : rounded;
  // Multiples of 2^-24: the sum leaves no bits behind them.
  const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3F000000;
  const std::uint32_t nan = 0x7E00 | (size >> 13 & 0x3FF);
  const std::uint32_t half = size > kInfinity ? nan : size < 0x38800000 ? small : normal;
  return static_cast<std::uint16_t>(half | (bits & kSign) >> 16);
}

BH_INLINE float from_half(std::uint16_t half) {
  const std::uint32_t size = half & 0x7FFFu, moved = size << 13;
  const float small = std::bit_cast<float>(moved + ((kRebias + 1) << 23)) - 0x1p-14f;
  const std::uint32_t special = (moved + (2 * kRebias << 23)) | (size > 0x7C00 ? kQuiet : 0);
  const std::uint32_t large = size < 0x7C00 ? moved + (kRebias << 23) : special;
  const std::uint32_t is_small = size < 0x400 ? ~0u : 0u;  // a choice that gcc makes for whole registers
  const std::uint32_t found = (std::bit_cast<std::uint32_t>(small) & is_small) | (large & ~is_small);
  return std::bit_cast<float>(found | (std::uint32_t{half} << 16 & kSign));
}

BH_INLINE std::uint16_t to_bfloat(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1);
  return static_cast<std::uint16_t>(((bits & ~kSign) > kInfinity ? bits | kQuiet : rounded) >> 16);
}

BH_INLINE float from_bfloat(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  return std::bit_cast<float>((bits & ~kSign) > kInfinity ? bits | kQuiet : bits);
}

}  // namespace

#define BH_PLAIN(name, From, To, expression)                                     \
  BH_MULTIVERSION void name(const From* from, std::size_t n, float by, To* to) { \
    for (std::size_t i = 0; i < n; ++i) to[i] = expression;                      \
  }
BH_PLAIN(scale_to_half, float, std::uint16_t, to_half(from[i] * by))
BH_PLAIN(divide_to_half, float, std::uint16_t, to_half(from[i] / by))
BH_PLAIN(scale_to_bfloat, float, std::uint16_t, to_bfloat(from[i] * by))
BH_PLAIN(divide_to_bfloat, float, std::uint16_t, to_bfloat(from[i] / by))
BH_PLAIN(scale_half, std::uint16_t, float, from_half(from[i]) * by)
BH_PLAIN(scale_bfloat, std::uint16_t, float, from_bfloat(from[i]) * by)
#undef BH_PLAIN

#if BH_HALF_V3
namespace {

template <bool Divide>
BH_TARGET("x86-64-v3")
void to_half_v3(const float* from, std::size_t n, float by, std::uint16_t* to) {
  const __m256 factor = _mm256_set1_ps(by);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = _mm256_loadu_ps(from + i), moved = Divide ? _mm256_div_ps(x, factor) : _mm256_mul_ps(x, factor);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_cvtps_ph(moved, _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < n; ++i) to[i] = to_half(Divide ? from[i] / by : from[i] * by);
}

BH_TARGET("x86-64-v3")
void scale_half_v3(const std::uint16_t* from, std::size_t n, float by, float* to) {
  const __m256 factor = _mm256_set1_ps(by);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
    _mm256_storeu_ps(to + i, _mm256_mul_ps(x, factor));
  }
  for (; i < n; ++i) to[i] = from_half(from[i]) * by;
}

}  // namespace
#endif

void narrow(std::span<const float> x, Half kind, float divisor, std::span<std::uint16_t> halves) {
  const float inverse = 1 / divisor;
  int exponent = 0;
  const bool exact = std::frexp(divisor, &exponent) == 0.5f && std::isnormal(inverse);  // a power of two
  auto* work = exact ? scale_to_bfloat : divide_to_bfloat;
  if (kind == Half::float16) {
    work = exact ? scale_to_half : divide_to_half;
#if BH_HALF_V3
    if (isa() >= Isa::v3) work = exact ? to_half_v3<false> : to_half_v3<true>;
#endif
  }
  work(x.data(), x.size(), exact ? inverse : divisor, halves.data());
}

void widen(std::span<const std::uint16_t> halves, Half kind, float factor, std::span<float> x) {
  auto* work = kind == Half::float16 ? scale_half : scale_bfloat;
#if BH_HALF_V3
  if (kind == Half::float16 && isa() >= Isa::v3) work = scale_half_v3;
#endif
  work(halves.data(), halves.size(), factor, x.data());
}

}  // namespace bh::gradients
