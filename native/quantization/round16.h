// Rounding at random to at most 16 float32 levels, by hand for AVX2: the levels stay in registers, and permutations of
// them replace both the search and the look-ups. The bits are those of the plain loop in stochastic.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include "quantization/stochastic.h"
#include "support/simd.h"

#if BH_DISPATCH || defined(__AVX2__)
#define BH_ROUND16 1
#else
#define BH_ROUND16 0
#endif

namespace bh {

// Codes the first n - n % 16 values and returns how many that are; `table` is unbiased and has 16 entries.
std::size_t round16(const RoundingTable<float>& table, const float* x, const std::uint32_t* words, std::size_t n,
                    std::uint16_t* codes, Tally& tally);

}  // namespace bh
