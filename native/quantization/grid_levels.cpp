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
  Chain chain;
  std::vector<std::size_t> index;
  std::size_t at = 0;
  const auto within = [&](std::size_t j) {
    return at < values.size() && static_cast<double>(values.values[at]) <= grid[j];
  };
  for (std::size_t j = first; j <= last; ++j) {
    const bool idle = j > first && j < last && !within(j) && !within(j + 1);
    if (idle) continue;
    const double here = grid[j] * unit, before = index.empty() ? here : grid[index.back()] * unit;
    Piece piece;  // values above the candidate before and not above this one
    for (; within(j); ++at) {
      const double x = static_cast<double>(values.values[at]) * unit, up = x - before, down = here - x;
      const double weight = values.weight(at);
      piece.weight += weight, piece.low += weight * up, piece.high += weight * down, piece.cost += weight * (up * down);
    }
    chain.add(static_cast<Index>(index.size()), here, piece);
    index.push_back(j);
  }
  if (index.size() <= s) return {std::move(index), 0};
  double price = 0;
  const Solution found = solve<Objective::unbiased>(chain, s - 1, price);
  GridLevels levels{{}, found.gap};
  for (const Index i : found.path) levels.index.push_back(index[i]);
  return levels;
}

template GridLevels grid_levels(const Distinct<float>&, std::span<const double>, std::size_t, double);
template GridLevels grid_levels(const Distinct<double>&, std::span<const double>, std::size_t, double);

}  // namespace bh::quantization
