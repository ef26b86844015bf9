// The random numbers of codecs that round by coordinate: coordinate i takes of counter (i >> 9) << 6 | (i & 63) the
// word (i >> 6) & 3, its low half if bit 8 of i is 0.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "support/random.h"

namespace bh::gradients {

// Coordinates are counted from `first` on.
struct Dither {
  std::uint64_t seed, stream, first;
};

constexpr std::size_t kDrawn = 2 * kWords;  // coordinates whose draws are made at once

// Hands out the draws of 16 bits of consecutive coordinates.
class Draws {
 public:
  explicit Draws(const Dither& dither) : dither_(dither) {}
  // Those from coordinate i on, as many as are left up to a multiple of kDrawn. Valid until the next call.
  const std::uint16_t* at(std::uint64_t i);
  // Those of as many coordinates as there is room for, from coordinate i on.
  void copy(std::uint64_t i, std::span<std::uint16_t> draws);

 private:
  Dither dither_;
  std::uint64_t held_ = ~std::uint64_t{0};
  std::array<std::uint16_t, kDrawn> draws_;
};

}  // namespace bh::gradients
