// The random numbers of codecs that round by coordinate: coordinate i takes of counter (i >> 9) << 6 | (i & 63) the
// word (i >> 6) & 3, its low half if bit 8 of i is 0.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

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

 private:
  Dither dither_;
  std::uint64_t held_ = ~std::uint64_t{0};
  std::array<std::uint16_t, kDrawn> draws_;
};

// Calls visit(from, size) for runs of n coordinates from `first` on that cross no multiple of kDrawn.
template <typename Visit>
void each_drawn(std::uint64_t first, std::size_t n, const Visit& visit) {
  for (std::size_t done = 0; done < n;) {
    const std::size_t part = std::min<std::size_t>(n - done, kDrawn - (first + done) % kDrawn);
    visit(done, part);
    done += part;
  }
}

}  // namespace bh::gradients
