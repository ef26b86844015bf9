#include "quantization/grid_levels.h"

#include <algorithm>

#include "quantization/solve.h"
#include "support/errors.h"

namespace bh::quantization {

// Candidates between the last one at or below the data and the first at or above; those with neither data just below
// nor just above are dropped, as the cost is linear between data.
template <typename T>
GridLevels grid_levels(const Distinct<T>& values, std::span<const double> grid, std::size_t s, double unit) {
  const auto low = static_cast<double>(values.values.front()), high = static_cast<double>(values.values.back());
  if (grid.front() > low || grid.back() < high)
    throw InvalidInput("grid covers [" + shown(grid.front()) + ", " + shown(grid.back()) + "], but x has values in [" +
                       shown(low) + ", " + shown(high) + "]; widen the grid");
  const auto first = static_cast<std::size_t>(std::upper_bound(grid.begin(), grid.end(), low) - grid.begin()) - 1;
  const auto last = static_cast<std::size_t>(std::lower_bound(grid.begin(), grid.end(), high) - grid.begin());
  const std::size_t n = last - first + 1;
  const std::size_t middle = weighted_median(values.size(), [&](std::size_t i) { return values.weight(i); });
  const double center = static_cast<double>(values.values[middle]) * unit;
  std::vector<Node> own(n);  // candidate j's bucket: what lies above candidate j - 1 and not above j
  std::size_t at = 0;
  for (std::size_t j = 0; j < n; ++j) {
    own[j].x = grid[first + j] * unit - center;
    for (; at < values.size() && static_cast<double>(values.values[at]) <= grid[first + j]; ++at) {
      const Node one = single(static_cast<double>(values.values[at]) * unit - center, values.weight(at));
      own[j].a += one.a, own[j].b += one.b, own[j].g += one.g;
    }
  }
  const std::size_t anchor = weighted_median(n, [&](std::size_t i) { return own[i].a; });
  const Storage<Node> sums = boundaries(n, anchor, [&](std::size_t i) { return own[i]; });
  std::vector<Node> nodes;
  std::vector<std::size_t> index;
  for (std::size_t j = 0; j < n; ++j) {
    if (j > 0 && j + 1 < n && !(own[j].a > 0) && !(own[j + 1].a > 0)) continue;
    nodes.push_back({own[j].x, sums[j + 1].a, sums[j + 1].b, sums[j + 1].g});
    index.push_back(first + j);
  }
  if (nodes.size() <= s) return {std::move(index), 0};
  double price = 0;
  const Solution found = solve(UnbiasedCost(nodes, nodes.size()), s - 1, price);
  GridLevels levels{{}, found.gap};
  for (const Index i : found.path) levels.index.push_back(index[i]);
  return levels;
}

template GridLevels grid_levels(const Distinct<float>&, std::span<const double>, std::size_t, double);
template GridLevels grid_levels(const Distinct<double>&, std::span<const double>, std::size_t, double);

}  // namespace bh::quantization
