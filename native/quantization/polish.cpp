#include "quantization/polish.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "quantization/coarse_to_fine.h"

namespace bh::quantization {
namespace {

// The best path when every interior node may move by up to two steps of h; whether it is better.
bool shift(const UnbiasedCost& cost, Path& path, Index h) {
  constexpr int kMoves = 5;
  const std::size_t links = path.size() - 1;
  const std::int64_t last = path.back();
  const auto moved = [&](std::size_t i, int move) {
    return std::clamp<std::int64_t>(std::int64_t{path[i]} + (move - 2) * std::int64_t{h}, 0, last);
  };
  std::vector<std::array<int, kMoves>> from(path.size());
  std::array<double, kMoves> sums{0, kNever, kNever, kNever, kNever};  // the first node stays: all moves are one
  std::array<std::int64_t, kMoves> places{0, 0, 0, 0, 0};
  for (std::size_t i = 1; i <= links; ++i) {
    std::array<double, kMoves> next;
    std::array<std::int64_t, kMoves> there;
    for (int move = 0; move < kMoves; ++move) {
      there[move] = i == links ? last : moved(i, move);
      next[move] = kNever;
      for (int before = 0; before < kMoves; ++before) {
        if (places[before] >= there[move] || sums[before] == kNever) continue;
        const double sum =
            sums[before] + cost(static_cast<std::size_t>(places[before]), static_cast<std::size_t>(there[move]));
        if (sum < next[move]) next[move] = sum, from[i][move] = before;
      }
    }
    sums = next, places = there;
  }
  if (sums[0] == kNever) return false;
  Path better = path;
  int move = from[links][0];
  for (std::size_t i = links - 1; i > 0; move = from[i--][move]) better[i] = static_cast<Index>(moved(i, move));
  if (!(path_cost(cost, better) < path_cost(cost, path))) return false;
  path = std::move(better);
  return true;
}

}  // namespace

void polish(const UnbiasedCost& cost, Path& path, Index h) {
  for (; h > 0; h /= 2)
    for (int pass = 0; pass < 6 && shift(cost, path, h); ++pass) {
    }
  descend(cost, path, 200);
  for (int pass = 0; pass < 50 && shift(cost, path, 1); ++pass) {
  }
}

}  // namespace bh::quantization
