// Rounding at random to at most 16 float32 levels, by hand: the levels stay in registers, and permutations of them
// replace both the search and the look-ups. The bits are those of the plain loop in stochastic.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include "quantization/stochastic.h"
#include "support/simd.h"

#if BH_DISPATCH || defined(__AVX2__)
#define BH_ROUND16_V3 1
#else
#define BH_ROUND16_V3 0
#endif

#if BH_DISPATCH || (defined(__AVX512F__) && defined(__AVX512DQ__))
#define BH_ROUND16_V4 1
#else
#define BH_ROUND16_V4 0
#endif

namespace bh::quantization {

// Code the first n - n % 16 values and return how many that are; `table` is unbiased and has 16 entries.
std::size_t round16_v3(const RoundingTable<float>& table, const float* x, const std::uint32_t* words, std::size_t n,
                       std::uint16_t* codes, Tally& tally);  // AVX2
std::size_t round16_v4(const RoundingTable<float>& table, const float* x, const std::uint32_t* words, std::size_t n,
                       std::uint16_t* codes, Tally& tally);  // AVX-512

}  // namespace bh::quantization
