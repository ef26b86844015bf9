#include "gradients/low_rank.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "support/random.h"

namespace bh::gradients {

void start_matrix(std::uint64_t seed, std::uint64_t stream, std::span<float> entries) {
  constexpr double kRootOf3 = 0x1.bb67ae8584caap0;
  std::array<std::uint32_t, kWords> words;
  for (std::size_t from = 0; from < entries.size(); from += kLanes) {
    random_words(from / kLanes, seed, stream, Domain::low_rank, words);
    for (std::size_t i = 0; i < std::min(kLanes, entries.size() - from); ++i) {
      std::uint32_t sum = 0;
      for (std::size_t word = 0; word < 4; ++word) sum += words[kLanes * word + i] >> 8;
      entries[from + i] = static_cast<float>(kRootOf3 * (sum * 0x1p-24 - 2));
    }
  }
}

}  // namespace bh::gradients
