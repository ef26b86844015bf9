#include "support/random.h"

#include <algorithm>

#if BH_DISPATCH || defined(__AVX2__)
#define BH_PHILOX_V3 1
#else
#define BH_PHILOX_V3 0
#endif
#if BH_DISPATCH || defined(__AVX512F__)
#define BH_PHILOX_V4 1
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#else
#define BH_PHILOX_V4 0
#endif
#if BH_PHILOX_V3 || BH_PHILOX_V4
#include <immintrin.h>
#endif

// Without AVX-512 wider registers only add shuffles: the products fill the even lanes.
#if BH_DISPATCH
#define BH_WIDEST __attribute__((target_clones("arch=x86-64-v4", "default")))
#else
#define BH_WIDEST
#endif

namespace bh {
namespace {

struct Start {
  std::uint32_t lo, hi, stream, purpose, key0, key1;
};

// The rounds are unrolled inside the loop over lanes: the other way round the lanes would travel through memory ten
// times.
[[maybe_unused]] void philox_lanes(const Start& start, std::uint32_t* words) {
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    const Quad drawn = philox({start.lo + lane, start.hi, start.stream, start.purpose}, start.key0, start.key1);
    words[lane] = drawn[0];
    words[lane + kLanes] = drawn[1];
    words[lane + 2 * kLanes] = drawn[2];
    words[lane + 3 * kLanes] = drawn[3];
  }
}

// By hand, a word lies in the lower half of 64 bits: products read only that and may leave anything above, so that no
// word is moved before the last round. Registers of even and of odd lanes are then laid into one another.

[[maybe_unused]] constexpr std::make_integer_sequence<std::uint32_t, 10> kRounds;

#if BH_PHILOX_V4
BH_TARGET("x86-64-v4")
BH_INLINE void round_v4(__m512i (&c)[2][4], std::uint32_t key0, std::uint32_t key1) {
  const __m512i first = _mm512_set1_epi64(kFactor0), second = _mm512_set1_epi64(kFactor1);
  for (auto& w : c) {
    const __m512i p = _mm512_mul_epu32(w[0], first), q = _mm512_mul_epu32(w[2], second);
    w[0] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(q, 32), w[1], _mm512_set1_epi64(key0), 0x96);  // a ^ b ^ c
    w[2] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p, 32), w[3], _mm512_set1_epi64(key1), 0x96);
    w[1] = q;
    w[3] = p;
  }
}

template <std::uint32_t... Round>
BH_TARGET("x86-64-v4")
BH_INLINE void rounds_v4(__m512i (&c)[2][4], std::uint32_t key0, std::uint32_t key1,
                         std::integer_sequence<std::uint32_t, Round...>) {
  (round_v4(c, key0 + Round * kStep0, key1 + Round * kStep1), ...);
}

BH_TARGET("x86-64-v4")
void philox_lanes_v4(const Start& start, std::uint32_t* words) {
  const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
  for (std::uint32_t lane = 0; lane < kLanes; lane += 16) {
    __m512i c[2][4];
    for (int odd = 0; odd < 2; ++odd) {
      c[odd][0] = _mm512_add_epi64(even, _mm512_set1_epi64(start.lo + lane + static_cast<std::uint32_t>(odd)));
      c[odd][1] = _mm512_set1_epi64(start.hi);
      c[odd][2] = _mm512_set1_epi64(start.stream);
      c[odd][3] = _mm512_set1_epi64(start.purpose);
    }
    rounds_v4(c, start.key0, start.key1, kRounds);
    for (std::size_t w = 0; w < 4; ++w)
      _mm512_storeu_si512(words + kLanes * w + lane,
                          _mm512_mask_mov_epi32(c[0][w], 0xAAAA, _mm512_slli_epi64(c[1][w], 32)));
  }
}
#endif

#if BH_PHILOX_V3
BH_TARGET("x86-64-v3")
BH_INLINE void round_v3(__m256i (&c)[4][4], std::uint32_t key0, std::uint32_t key1) {
  const __m256i first = _mm256_set1_epi64x(kFactor0), second = _mm256_set1_epi64x(kFactor1);
  for (auto& w : c) {
    const __m256i p = _mm256_mul_epu32(w[0], first), q = _mm256_mul_epu32(w[2], second);
    w[0] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(q, 32), w[1]), _mm256_set1_epi64x(key0));
    w[2] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p, 32), w[3]), _mm256_set1_epi64x(key1));
    w[1] = q;
    w[3] = p;
  }
}

template <std::uint32_t... Round>
BH_TARGET("x86-64-v3")
BH_INLINE void rounds_v3(__m256i (&c)[4][4], std::uint32_t key0, std::uint32_t key1,
                         std::integer_sequence<std::uint32_t, Round...>) {
  (round_v3(c, key0 + Round * kStep0, key1 + Round * kStep1), ...);
}

BH_TARGET("x86-64-v3")
void philox_lanes_v3(const Start& start, std::uint32_t* words) {
  const __m256i even = _mm256_set_epi64x(6, 4, 2, 0);
  for (std::uint32_t lane = 0; lane < kLanes; lane += 16) {
    __m256i c[4][4];  // even, odd, and both once more, eight lanes on
    for (std::uint32_t part = 0; part < 4; ++part) {
      c[part][0] = _mm256_add_epi64(even, _mm256_set1_epi64x(start.lo + lane + part % 2 + part / 2 * 8));
      c[part][1] = _mm256_set1_epi64x(start.hi);
      c[part][2] = _mm256_set1_epi64x(start.stream);
      c[part][3] = _mm256_set1_epi64x(start.purpose);
    }
    rounds_v3(c, start.key0, start.key1, kRounds);
    for (std::size_t w = 0; w < 4; ++w)
      for (std::size_t half = 0; half < 2; ++half)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(words + kLanes * w + lane + 8 * half),
                            _mm256_blend_epi32(c[2 * half][w], _mm256_slli_epi64(c[2 * half + 1][w], 32), 0xAA));
  }
}
#endif

}  // namespace

void random_words(std::uint64_t block, std::uint64_t seed, std::uint64_t stream, Domain domain,
                  std::span<std::uint32_t, kWords> words) {
  const std::uint64_t counter = block * kLanes;  // its low byte is 0: adding a lane carries nothing
  const std::uint32_t purpose = static_cast<std::uint32_t>(stream >> 32) | static_cast<std::uint32_t>(domain) << 24;
  const Start start{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                    static_cast<std::uint32_t>(stream),  purpose,
                    static_cast<std::uint32_t>(seed),    static_cast<std::uint32_t>(seed >> 32)};
#if BH_PHILOX_V4
  if (isa() >= Isa::v4) return philox_lanes_v4(start, words.data());
#endif
#if BH_PHILOX_V3
  if (isa() >= Isa::v3) return philox_lanes_v3(start, words.data());
#endif
  philox_lanes(start, words.data());
}

BH_WIDEST void uniform_lanes(const std::uint64_t* counters, std::size_t count, std::uint32_t stream,
                             std::uint32_t purpose, std::uint32_t key0, std::uint32_t key1, double* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t at = counters[i];
    const Quad drawn =
        philox({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at >> 32), stream, purpose}, key0, key1);
    const auto high = static_cast<std::int32_t>(drawn[0] >> 5);
    const auto low = static_cast<std::int32_t>(drawn[1] >> 6);
    out[i] = (high * 0x1p26 + (low + 1.0)) * 0x1p-53;
  }
}

void uniforms_at(std::span<const std::uint64_t> counters, std::uint64_t seed, std::uint64_t stream, Domain domain,
                 std::span<double> out) {
  const std::uint32_t purpose = static_cast<std::uint32_t>(stream >> 32) | static_cast<std::uint32_t>(domain) << 24;
  uniform_lanes(counters.data(), std::min(counters.size(), out.size()), static_cast<std::uint32_t>(stream), purpose,
                static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), out.data());
}

}  // namespace bh
