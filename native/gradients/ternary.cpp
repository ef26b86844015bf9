#include "gradients/ternary.h"

#include <algorithm>
#include <cmath>

#include "support/simd.h"

namespace bh::gradients {

BH_MULTIVERSION void ternary_group(const float* x, const std::uint16_t* draws, float scale, std::uint8_t* packed) {
  constexpr std::size_t kQuarter = kTernaryGroup / 4;
  std::uint8_t codes[kTernaryGroup];
  for (std::size_t i = 0; i < kTernaryGroup; ++i) {
    const float share = std::abs(x[i]) / scale;
    const float draw = (static_cast<float>(std::int32_t{draws[i]}) + 0.5f) * 0x1p-16f;
    const std::int32_t moved = draw < share, sign = x[i] < 0 ? -1 : 1;
    codes[i] = static_cast<std::uint8_t>(1 + sign * moved);
  }
  for (std::size_t j = 0; j < kQuarter; ++j)
    packed[j] = static_cast<std::uint8_t>(codes[j] | codes[kQuarter + j] << 2 | codes[2 * kQuarter + j] << 4 |
                                          codes[3 * kQuarter + j] << 6);
}

void ternary_encode(std::span<const float> x, float scale, const Dither& dither, std::span<std::uint8_t> packed) {
  if (!(scale > 0)) return static_cast<void>(std::fill(packed.begin(), packed.end(), std::uint8_t{0x55}));
  Draws draws(dither);
  for (std::size_t i = 0; i < x.size(); i += kTernaryGroup)
    ternary_group(x.data() + i, draws.at(dither.first + i), scale, packed.data() + i / 4);
}

}  // namespace bh::gradients
