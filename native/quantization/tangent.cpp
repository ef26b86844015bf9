#include "quantization/tangent.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "quantization/bands.h"
#include "quantization/polish.h"

namespace bh::quantization {
namespace {

// The potentials at which a locally optimal path balances. Its sums leave the end nodes out: an outlier that is a level
// itself must not count.
Potentials balance(const UnbiasedCost& cost, const Path& path) {
  Potentials potentials(path.size(), 0.0);
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    potentials[i] = std::max(cost.pull_up(path[i - 1], path[i]), cost.pull_down(path[i], path[i + 1]));
  return potentials;
}

double tolerance(const UnbiasedCost& cost, const Path& path, const Potentials& potentials) {
  const double span = cost.x(cost.size() - 1) - cost.x(0);
  return tolerance(cost, path) + 0x1p-47 * std::accumulate(potentials.begin(), potentials.end(), 0.0) * span;
}

// The length of the widest cell.
Index widest(const std::vector<Level>& levels) {
  Index most = 0;
  for (const Level& level : levels)
    for (const Cell& cell : level.cells) most = std::max(most, cell.last - cell.first + 1);
  return most;
}

// The cells through which a path of at most `limit` may pass by plain bounds, each linked to all of the next level.
std::vector<Level> keep(const Bounds<UnbiasedCost>& plain, const std::vector<Cells>& cells, double limit) {
  std::vector<Level> levels(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i)
    for (std::size_t at = 0; at < cells[i].size(); ++at)
      if (plain.through(i, at) <= limit) levels[i].push_back(cells[i][at], 0, std::numeric_limits<Index>::max() - 1);
  return levels;
}

bool any_empty(const std::vector<Level>& levels) {
  return std::any_of(levels.begin(), levels.end(), [](const Level& level) { return level.size() == 0; });
}

}  // namespace

Search tangent(const UnbiasedCost& cost, std::size_t links, std::uint64_t cap, double slack) {
  const std::size_t n = cost.size(), interior = links - 1;
  Search search{Search::End::failed, {}};
  std::uint64_t evaluations = 0;

  // One round of plain bounds, to know roughly where the levels are.
  const std::vector<Cells> cells(interior, equal_cost_cells(cost, std::min(n / 2, 16 * (links + 1))));
  Bounds<UnbiasedCost> plain(cost, cells, evaluations);
  plain.go_forward(false);
  search.path = plain.trace(false);
  if (search.path.empty()) return search;
  plain.go_backward();
  move_apart(search.path);
  descend(cost, search.path, 200);
  polish(cost, search.path, static_cast<Index>(std::max<std::size_t>(1, n / (8 * (links + 1)))));
  double upper = path_cost(cost, search.path);
  Potentials next = balance(cost, search.path);
  std::vector<Level> levels = keep(plain, cells, upper + slack * tolerance(cost, search.path));
  if (any_empty(levels)) return search;

  for (;;) {
    const Index width = widest(levels);
    const bool exact = width == 1;
    const Potentials potentials = exact ? Potentials(links + 1, 0.0) : next;
    Bands bands(cost, levels, potentials, exact);
    bands.go_forward();
    if (bands.least() == kNever) return search;
    Path path = bands.trace();
    if (!exact) {
      move_apart(path);
      descend(cost, path, 200);
      polish(cost, path, width);
    }
    if (const double found = path_cost(cost, path); found < upper) {
      upper = found;
      search.path = std::move(path);
      next = balance(cost, search.path);
    }
    if (exact) {
      search.end = Search::End::optimal;
      return search;
    }
    if ((evaluations += bands.evaluations()) > cap) {
      search.end = Search::End::capped;
      return search;
    }
    const double limit = upper + slack * tolerance(cost, search.path, potentials);
    bands.go_backward(limit);
    levels = split(levels, limit);
    if (any_empty(levels)) return search;
  }
}

double lower_bound(const UnbiasedCost& cost, const Path& path, const Cells& cells) {
  const std::size_t interior = path.size() - 2;
  const double upper = path_cost(cost, path);
  if (interior == 0) return upper;
  std::uint64_t evaluations = 0;
  const std::vector<Cells> all(interior, cells);
  Bounds<UnbiasedCost> plain(cost, all, evaluations);
  plain.go_forward(false);
  plain.go_backward();
  double bound = kNever;
  for (std::size_t at = 0; at < cells.size(); ++at) bound = std::min(bound, plain.through(0, at));
  std::vector<Level> levels = keep(plain, all, upper + tolerance(cost, path));
  if (any_empty(levels)) return bound;
  const Potentials potentials = balance(cost, path);
  Bands bands(cost, levels, potentials, false);
  bands.go_forward();
  return std::max(bound, std::min(bands.least(), upper) - tolerance(cost, path, potentials));
}

}  // namespace bh::quantization
