#include "quantization/coarse_to_fine.h"

#include <algorithm>
#include <limits>

namespace bh::quantization {
namespace {

bool all_single(const Cells& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.first == cell.last; });
}

// The window [first, last] in `parts` ranges of nearly equal length.
Cells equal_cells(Index first, Index last, std::size_t parts) {
  const std::size_t length = last - first + 1;
  parts = std::min(parts, length);
  Cells cells(parts);
  for (std::size_t i = 0; i < parts; ++i)
    cells[i] = {static_cast<Index>(first + i * length / parts),
                static_cast<Index>(first + (i + 1) * length / parts - 1)};
  return cells;
}

// Cells of cost at most `value` each, greedily from the left; stops at `most` cells.
template <typename Cost>
Cells cells_of_cost(const Cost& cost, double value, std::size_t most) {
  Cells cells;
  const std::size_t n = cost.size();
  std::size_t step = 1;
  for (std::size_t first = 0; first < n && cells.size() < most;) {
    // Gallop from the length of the last cell, then halve: the cost of a cell grows with its end.
    std::size_t low = first, high = first + step;
    while (high < n && cost(first, high) <= value) low = high, step *= 2, high = first + step;
    high = std::min(high, n);
    while (high - low > 1) {
      const std::size_t probe = (low + high) / 2;
      (cost(first, probe) <= value ? low : high) = probe;
    }
    cells.push_back({static_cast<Index>(first), static_cast<Index>(low)});
    step = std::max<std::size_t>(1, low - first);
    first = low + 1;
  }
  return cells;
}

std::size_t best_between(const UnbiasedCost& cost, std::size_t k, std::size_t, std::size_t j) {
  return cost.between(k, j);
}

// Lloyd's step: the boundary moves to where the midpoint of the two means lies.
std::size_t best_between(const KMeansCost& cost, std::size_t k, std::size_t here, std::size_t j) {
  const double bound = cost.mean(k, here) / 2 + cost.mean(here, j) / 2;
  std::size_t low = k + 1, high = j - 1;
  while (low < high) {  // the first boundary whose next value lies beyond
    const std::size_t probe = (low + high) / 2;
    if (cost.mean(probe, probe + 1) > bound)
      high = probe;
    else
      low = probe + 1;
  }
  return low;
}

}  // namespace

void move_apart(Path& path) {
  std::sort(path.begin(), path.end());
  const Index last = path.back();
  for (std::size_t i = 1; i < path.size(); ++i) path[i] = std::max(path[i], path[i - 1] + 1);
  path.back() = last;
  for (std::size_t i = path.size() - 1; i-- > 0;) path[i] = std::min(path[i], path[i + 1] - 1);
}

template <typename Cost>
void descend(const Cost& cost, Path& path, int sweeps) {
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    bool moved = false;
    for (const std::size_t parity : {1, 2})
      for (std::size_t i = parity; i + 1 < path.size(); i += 2) {
        const Index k = path[i - 1], here = path[i], j = path[i + 1];
        const auto to = static_cast<Index>(best_between(cost, k, here, j));
        if (to == here || !(cost(k, to) + cost(to, j) < cost(k, here) + cost(here, j))) continue;
        path[i] = to;
        moved = true;
      }
    if (!moved) return;
  }
}

template <typename Cost>
Cells equal_cost_cells(const Cost& cost, std::size_t most) {
  const std::size_t n = cost.size();
  const double all = cost(0, n - 1),
               cubed = static_cast<double>(most) * static_cast<double>(most) * static_cast<double>(most);
  Cells best;
  if (all > 0) {
    double low = 0, high = 0, value = all / cubed;  // costs that gave too many and too few cells
    for (int trial = 0; trial < 40; ++trial) {
      Cells cells = cells_of_cost(cost, value, 4 * most);
      const bool complete = cells.back().last == n - 1;
      const bool few = complete && cells.size() <= most;
      if (few && cells.size() > best.size()) best = std::move(cells);
      if (best.size() > most * 7 / 10) break;
      (few ? high : low) = value;
      value = low == 0 ? value / 8 : high == 0 ? value * 8 : std::sqrt(low) * std::sqrt(high);
    }
  }
  return best.empty() ? equal_cells(0, static_cast<Index>(n - 1), most) : best;
}

template <typename Cost>
Search coarse_to_fine(const Cost& cost, std::size_t links, std::uint64_t cap, Beyond beyond, double slack) {
  const std::size_t n = cost.size(), interior = links - 1;
  std::vector<Cells> levels(interior,
                            equal_cost_cells(cost, std::max<std::size_t>(1, std::min(n / 2, 16 * (links + 1)))));
  std::size_t parts = 24;
  std::uint64_t evaluations = 0;
  double before = kNever, upper = kNever;
  Search search{Search::End::failed, {}};
  for (;;) {
    const bool exact = std::all_of(levels.begin(), levels.end(), all_single);
    Bounds<Cost> bounds(cost, levels, evaluations);
    bounds.go_forward(exact);
    Path path = bounds.trace(exact);
    if (path.empty()) return search;
    if (!exact) {
      move_apart(path);
      descend(cost, path, 200);
    }
    if (const double found = path_cost(cost, path); found < upper) upper = found, search.path = std::move(path);
    if (exact) {
      search.end = Search::End::optimal;
      return search;
    }
    bounds.go_backward();
    const double limit = upper + slack * tolerance(cost, search.path);
    std::vector<std::pair<Index, Index>> windows;
    double total = 0;
    for (std::size_t i = 0; i < interior; ++i) {
      std::size_t first = 0, last = levels[i].size();
      while (first < last && !(bounds.through(i, first) <= limit)) ++first;
      while (last > first && !(bounds.through(i, last - 1) <= limit)) --last;
      if (first == last) return search;  // rounding has excluded all
      windows.emplace_back(levels[i][first].first, levels[i][last - 1].last);
      total += static_cast<double>(windows.back().second - windows.back().first + 1);
    }
    if (total > 0.6 * before) parts *= 2;
    before = total;
    const bool tired = evaluations > cap;
    if (tired && beyond == Beyond::give_up) {
      search.end = Search::End::capped;
      return search;
    }
    for (std::size_t i = 0; i < interior; ++i) {
      const auto [first, last] = windows[i];
      const std::size_t length = last - first + 1;
      levels[i] = equal_cells(first, last, tired || length <= 2 * parts ? length : parts);
    }
  }
}

template Search coarse_to_fine(const UnbiasedCost&, std::size_t, std::uint64_t, Beyond, double);
template Search coarse_to_fine(const KMeansCost&, std::size_t, std::uint64_t, Beyond, double);
template Cells equal_cost_cells(const UnbiasedCost&, std::size_t);
template Cells equal_cost_cells(const KMeansCost&, std::size_t);
template void descend(const UnbiasedCost&, Path&, int);
template void descend(const KMeansCost&, Path&, int);

}  // namespace bh::quantization
