// TernGrad's codes: -1, 0 or 1 times a scale that all workers share, packed for the wire.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "gradients/dither.h"

namespace bh::gradients {

constexpr std::size_t kTernaryGroup = 512;

// Codes x.size() coordinates, a multiple of 512, none beyond the scale: 0, 1 and 2 stand for -1, 0 and 1, and the
// probability of the sign is |x| / scale. Byte j of a group holds the codes j, 128 + j, 256 + j and 384 + j.
void ternary_encode(std::span<const float> x, float scale, const Dither& dither, std::span<std::uint8_t> packed);

}  // namespace bh::gradients
