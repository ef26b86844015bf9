#include "gradients/dither.h"

#include <algorithm>

#include "support/simd.h"

namespace bh::gradients {

BH_MULTIVERSION void ordered_draws(const std::uint32_t* words, std::uint16_t* draws) {
  for (std::size_t group = 0; group < kDrawn / 512; ++group)
    for (std::size_t half = 0; half < 2; ++half)
      for (std::size_t word = 0; word < 4; ++word)
        for (std::size_t j = 0; j < 64; ++j)
          draws[512 * group + 256 * half + 64 * word + j] =
              static_cast<std::uint16_t>(words[kLanes * word + 64 * group + j] >> 16 * half);
}

const std::uint16_t* Draws::at(std::uint64_t i) {
  if (i / kDrawn != held_) {
    std::array<std::uint32_t, kWords> words;
    held_ = i / kDrawn;
    random_words(held_, dither_.seed, dither_.stream, Domain::block_rounding, words);
    ordered_draws(words.data(), draws_.data());
  }
  return draws_.data() + i % kDrawn;
}

void Draws::copy(std::uint64_t i, std::span<std::uint16_t> draws) {
  while (!draws.empty()) {
    const std::size_t part = std::min<std::size_t>(draws.size(), kDrawn - i % kDrawn);
    std::copy_n(at(i), part, draws.data());
    draws = draws.subspan(part);
    i += part;
  }
}

}  // namespace bh::gradients
