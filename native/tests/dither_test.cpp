// The draws of each coordinate against the rule that dither.h states, word by word, wherever a run begins.
#include "gradients/dither.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"
#include "support/random.h"

namespace gradients = bh::gradients;

namespace {

constexpr std::uint64_t kSeed = 0x9E3779B97F4A7C15, kStream = 12345678901;

std::uint16_t drawn(std::uint64_t i) {
  const std::uint64_t counter = (i >> 9) << 6 | (i & 63);
  const bh::Quad words = bh::philox(
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
       static_cast<std::uint32_t>(kStream),
       static_cast<std::uint32_t>(kStream >> 32) | static_cast<std::uint32_t>(bh::Domain::block_rounding) << 24},
      static_cast<std::uint32_t>(kSeed), static_cast<std::uint32_t>(kSeed >> 32));
  return static_cast<std::uint16_t>(words[(i >> 6) & 3] >> ((i >> 8 & 1) ? 16 : 0));
}

void draws_follow_the_stated_rule() {
  gradients::Draws draws({kSeed, kStream, 0});
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{511}, std::uint64_t{2047},
                                    std::uint64_t{2048}, std::uint64_t{1} << 40})
    for (std::uint64_t i = first; i < first + 4096; ++i) CHECK(*draws.at(i) == drawn(i));
}

void copies_cross_the_borders_of_what_is_drawn_at_once() {
  for (const std::uint64_t first : {0, 1, 1000, 2047, 2048, 5000})
    for (const std::size_t n : {0, 1, 7, 2047, 2048, 2049, 9000}) {
      gradients::Draws draws({kSeed, kStream, 0});
      std::vector<std::uint16_t> found(n);
      draws.copy(first, found);
      for (std::size_t i = 0; i < n; ++i) CHECK(found[i] == drawn(first + i));
    }
}

}  // namespace

int main() {
  draws_follow_the_stated_rule();
  copies_cross_the_borders_of_what_is_drawn_at_once();
}
