#include "quantization/tangent.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "support/simd.h"

namespace bh::quantization {
namespace {

using Potentials = std::vector<double>;  // of the levels from first to last; 0 at both ends

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

// The cells of one level in columns, as the links to all of them are computed side by side.
struct Level {
  Cells cells;
  std::vector<Index> low, high;           // the cells of the next level that each can be linked to; none: low > high
  std::vector<double> forward, backward;  // the least costs from and to the ends of paths
  std::vector<Index> from;                // the cell of the level before that the least cost comes from
  std::vector<double> x, a, b, g, width;  // the first node's value and sums, and how far the cell reaches from there

  std::size_t size() const { return cells.size(); }

  void push_back(const Cell& cell, Index first, Index last) {
    cells.push_back(cell);
    low.push_back(first);
    high.push_back(last);
  }

  void look_up(const UnbiasedCost& cost) {
    const std::size_t n = size();
    for (auto* column : {&x, &a, &b, &g, &width, &forward, &backward}) column->resize(n);
    from.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      const Node& node = cost[cells[i].first];
      x[i] = node.x, a[i] = node.a, b[i] = node.b, g[i] = node.g, width[i] = cost.x(cells[i].last) - node.x;
    }
  }

  bool through(std::size_t i, double limit) const { return forward[i] + backward[i] <= limit; }
};

// What a link starts from: the last node of a cell, how far the cell reaches back from there, and its potential.
struct Start {
  Node node;
  double width, potential;
};

}  // namespace

// The least costs of links from anywhere in one cell to anywhere in each of n others: convex in both ends, they lie
// above their tangents at the cells' inner ends.
BH_MULTIVERSION void tangent_links(const Start& start, double potential, std::size_t n, const double* x,
                                   const double* a, const double* b, const double* g, const double* width,
                                   double* links) {
  const Node node = start.node;
  const double own = start.potential * node.x, back = start.width, slope = start.potential;
  const double apart = own - slope * back;
  for (std::size_t i = 0; i < n; ++i) {
    const double da = a[i] - node.a, db = b[i] - node.b;
    const double cost = (x[i] + node.x) * db - (g[i] - node.g) - x[i] * node.x * da;
    const double down = (x[i] * da - db - slope) * back, up = (db - node.x * da - potential) * width[i];
    const double link = cost + own - potential * x[i] + (down < 0 ? down : 0) + (up < 0 ? up : 0);
    links[i] = node.x < x[i] ? link : apart - potential * (x[i] + width[i]);
  }
}

namespace {

class Bands {
 public:
  // `exact`: all cells are single nodes, between which only links that go forward are paths.
  Bands(const UnbiasedCost& cost, std::vector<Level>& levels, const Potentials& potentials, bool exact)
      : cost_(cost), levels_(levels), potentials_(potentials), exact_(exact) {
    end_.push_back({static_cast<Index>(cost.size() - 1), static_cast<Index>(cost.size() - 1)}, 0, 0);
    end_.look_up(cost);
    for (Level& level : levels_) level.look_up(cost);
  }

  void go_forward() {
    Level& bottom = levels_[0];
    links({0, 0}, bottom, 0, 0, bottom.size());
    std::copy(links_.begin(), links_.begin() + static_cast<std::ptrdiff_t>(bottom.size()), bottom.forward.begin());
    for (std::size_t i = 1; i < levels_.size(); ++i) {
      const Level& here = levels_[i - 1];
      Level& next = levels_[i];
      std::fill(next.forward.begin(), next.forward.end(), kNever);
      for (std::size_t from = 0; from < here.size(); ++from) {
        const std::size_t low = here.low[from],
                          past = std::min<std::size_t>(next.size(), here.high[from] + std::size_t{1});
        if (low >= past) continue;
        links(here.cells[from], next, i, low, past);
        for (std::size_t to = low; to < past; ++to) {
          const double sum = here.forward[from] + links_[to - low];
          if (sum < next.forward[to]) next.forward[to] = sum, next.from[to] = static_cast<Index>(from);
        }
      }
    }
    Level& top = levels_.back();
    least_ = kNever;
    for (std::size_t from = 0; from < top.size(); ++from) {
      links(top.cells[from], end_, levels_.size(), 0, 1);
      top.backward[from] = links_[0];
      const double sum = top.forward[from] + links_[0];
      if (sum < least_) least_ = sum, best_ = from;
    }
  }

  // Also narrows the cells that each can be linked to, to those through which a path of at most `limit` may pass.
  void go_backward(double limit) {
    for (std::size_t i = levels_.size() - 1; i-- > 0;) {
      Level& here = levels_[i];
      const Level& next = levels_[i + 1];
      for (std::size_t from = 0; from < here.size(); ++from) {
        here.backward[from] = kNever;
        const std::size_t low = here.low[from],
                          past = std::min<std::size_t>(next.size(), here.high[from] + std::size_t{1});
        here.low[from] = 1, here.high[from] = 0;
        if (low >= past) continue;
        links(here.cells[from], next, i + 1, low, past);
        double least = kNever;
        for (std::size_t to = low; to < past; ++to) {
          links_[to - low] += next.backward[to];
          least = links_[to - low] < least ? links_[to - low] : least;
        }
        here.backward[from] = least;
        if (!here.through(from, limit)) continue;
        std::size_t first = low, last = past - 1;
        while (!(here.forward[from] + links_[first - low] <= limit)) ++first;
        while (!(here.forward[from] + links_[last - low] <= limit)) --last;
        here.low[from] = static_cast<Index>(first), here.high[from] = static_cast<Index>(last);
      }
    }
  }

  // The path of the middle nodes.
  Path trace() const {
    Path path(levels_.size() + 2);
    path.back() = end_.cells[0].last;
    std::size_t at = best_;
    for (std::size_t i = levels_.size(); i-- > 0; at = levels_[i].from[at]) path[i + 1] = middle(levels_[i].cells[at]);
    return path;
  }

  double least() const { return least_; }
  std::uint64_t evaluations() const { return evaluations_; }

 private:
  // To cells low .. past - 1 of `next`, which is the level after that of `from`; 0 is the first interior level.
  void links(const Cell& from, const Level& next, std::size_t level, std::size_t low, std::size_t past) {
    const std::size_t n = past - low;
    evaluations_ += n;
    if (links_.size() < n) links_.resize(n);
    const Start start{cost_[from.last], cost_.x(from.last) - cost_.x(from.first), potentials_[level]};
    tangent_links(start, potentials_[level + 1], n, next.x.data() + low, next.a.data() + low, next.b.data() + low,
                  next.g.data() + low, next.width.data() + low, links_.data());
    if (!exact_) return;
    for (std::size_t i = 0; i < n && next.cells[low + i].first <= from.last; ++i) links_[i] = kNever;
  }

  const UnbiasedCost& cost_;
  std::vector<Level>& levels_;
  const Potentials& potentials_;
  bool exact_;
  Level end_;
  std::vector<double> links_;
  double least_ = kNever;
  std::size_t best_ = 0;
  std::uint64_t evaluations_ = 0;
};

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

void polish(const UnbiasedCost& cost, Path& path, Index h) {
  for (; h > 0; h /= 2)
    for (int pass = 0; pass < 6 && shift(cost, path, h); ++pass) {
    }
  descend(cost, path, 200);
  for (int pass = 0; pass < 50 && shift(cost, path, 1); ++pass) {
  }
}

// Each cell in up to four parts, which inherit what their parent could be linked to.
std::vector<Level> split(const std::vector<Level>& levels, double limit) {
  std::vector<Level> finer(levels.size());
  std::vector<Index> begins, ends;  // of the parts of each cell in the level above; equal for one that was dropped
  for (std::size_t i = levels.size(); i-- > 0;) {
    const Level& level = levels[i];
    std::vector<Index> first_part(level.size()), past_part(level.size());
    for (std::size_t at = 0; at < level.size(); ++at) {
      first_part[at] = static_cast<Index>(finer[i].size());
      if (level.through(at, limit)) {
        Index low = 1, high = 0;  // parts of the first and the last kept cell that this one can be linked to
        for (Index to = level.low[at]; to <= level.high[at] && to < begins.size(); ++to) {
          if (begins[to] == ends[to]) continue;
          if (low > high) low = begins[to];
          high = ends[to] - 1;
        }
        const Cell& cell = level.cells[at];
        const std::uint64_t length = cell.last - cell.first + 1, parts = std::min<std::uint64_t>(4, length);
        for (std::uint64_t part = 0; part < parts; ++part)
          finer[i].push_back({static_cast<Index>(cell.first + part * length / parts),
                              static_cast<Index>(cell.first + (part + 1) * length / parts - 1)},
                             low, high);
      }
      past_part[at] = static_cast<Index>(finer[i].size());
    }
    begins = std::move(first_part), ends = std::move(past_part);
  }
  return finer;
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
