// Floats of 16 bits on the wire, as their bits: IEEE binary16 ("half") and bfloat16, the upper half of a float32.
//
// Rounding is to the nearest, ties to even; what is too large becomes infinite; NaN stays NaN, made quiet, with the
// upper bits of what it carries. So do the processors that have such instructions, and the bits agree.
#pragma once
#include <cstdint>
#include <span>

namespace bh::gradients {

enum class Half : std::uint8_t { float16, bfloat16 };

// x / divisor, rounded to float32 and then to 16 bits. Both spans have one length.
void narrow(std::span<const float> x, Half kind, float divisor, std::span<std::uint16_t> halves);

// The value times the factor, rounded to float32.
void widen(std::span<const std::uint16_t> halves, Half kind, float factor, std::span<float> x);

}  // namespace bh::gradients
