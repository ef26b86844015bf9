// The fast Walsh-Hadamard transform: in place, in natural order, without a factor. Stage i replaces each pair (a, b) of
// values 2^i apart by (a + b, a - b). Stages ascend, which fixes every rounding: the bits of the result depend on
// neither the width of the registers, nor the order in which memory is visited, nor the threads.
#pragma once
#include <cstddef>
#include <span>

#include "support/simd.h"

namespace bh::quantization {

struct Stages {
  int lo, hi;  // from lo up to, but without, hi
};

// Transforms all rows of 2^hi values at once; x holds a whole number of them.
void hadamard(std::span<float> x, Stages stages, std::size_t threads, Isa width);
void hadamard(std::span<double> x, Stages stages, std::size_t threads);
inline void hadamard(std::span<float> x, Stages stages, std::size_t threads) { hadamard(x, stages, threads, isa()); }

}  // namespace bh::quantization
