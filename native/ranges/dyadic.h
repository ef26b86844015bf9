// A range of codes as nodes of the binary tree over all codes: how Rosetta takes it apart.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bh::ranges {

// Calls visit(first, height) for the largest nodes that cover [a, b], from left to right, each of 2^height codes and
// none higher than `most` <= 63. A visit that returns false ends it, and is what is returned.
template <typename Visit>
bool each_node(std::uint64_t a, std::uint64_t b, std::uint32_t most, Visit visit) {
  for (;;) {
    const auto aligned = static_cast<std::uint32_t>(a == 0 ? 64 : std::countr_zero(a));
    const std::uint64_t left = b - a;  // codes, less one
    const std::uint32_t fits =
        left == ~std::uint64_t{0} ? 64 : static_cast<std::uint32_t>(std::bit_width(left + 1)) - 1;
    const std::uint32_t height = std::min({aligned, fits, most});
    if (!visit(a, height)) return false;
    const std::uint64_t last = a + ((std::uint64_t{1} << height) - 1);
    if (last == b) return true;
    a = last + 1;
  }
}

// How many nodes of each height cover [a, b], without visiting them one by one.
inline std::array<std::uint64_t, 64> count_nodes(std::uint64_t a, std::uint64_t b, std::uint32_t most) {
  std::array<std::uint64_t, 64> counts{};
  for (std::uint32_t height = 0; height < most; ++height) {
    if (a >> height & 1) {
      ++counts[height];
      const std::uint64_t last = a + ((std::uint64_t{1} << height) - 1);
      if (last == b) return counts;
      a = last + 1;
    }
    if ((b >> height & 1) == 0) {
      ++counts[height];
      const std::uint64_t first = b - ((std::uint64_t{1} << height) - 1);
      if (first == a) return counts;
      b = first - 1;
    }
  }
  const std::uint64_t apart = (b >> most) - (a >> most);
  counts[most] = apart + (apart != ~std::uint64_t{0});
  return counts;
}

}  // namespace bh::ranges
