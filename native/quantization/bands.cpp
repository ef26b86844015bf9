#include "quantization/bands.h"

#include <algorithm>
#include <limits>

#include "support/simd.h"

namespace bh::quantization {
namespace {

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

void Level::look_up(const UnbiasedCost& cost) {
  const std::size_t n = size();
  for (auto* column : {&x, &a, &b, &g, &width, &forward, &backward}) column->resize(n);
  from.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Node& node = cost[cells[i].first];
    x[i] = node.x, a[i] = node.a, b[i] = node.b, g[i] = node.g, width[i] = cost.x(cells[i].last) - node.x;
  }
}

Bands::Bands(const UnbiasedCost& cost, std::vector<Level>& levels, const Potentials& potentials, bool exact)
    : cost_(cost), levels_(levels), potentials_(potentials), exact_(exact) {
  end_.push_back({static_cast<Index>(cost.size() - 1), static_cast<Index>(cost.size() - 1)}, 0, 0);
  end_.look_up(cost);
  for (Level& level : levels_) level.look_up(cost);
}

void Bands::go_forward() {
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

void Bands::go_backward(double limit) {
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

Path Bands::trace() const {
  Path path(levels_.size() + 2);
  path.back() = end_.cells[0].last;
  std::size_t at = best_;
  for (std::size_t i = levels_.size(); i-- > 0; at = levels_[i].from[at]) path[i + 1] = middle(levels_[i].cells[at]);
  return path;
}

void Bands::links(const Cell& from, const Level& next, std::size_t level, std::size_t low, std::size_t past) {
  const std::size_t n = past - low;
  evaluations_ += n;
  if (links_.size() < n) links_.resize(n);
  const Start start{cost_[from.last], cost_.x(from.last) - cost_.x(from.first), potentials_[level]};
  tangent_links(start, potentials_[level + 1], n, next.x.data() + low, next.a.data() + low, next.b.data() + low,
                next.g.data() + low, next.width.data() + low, links_.data());
  if (!exact_) return;
  for (std::size_t i = 0; i < n && next.cells[low + i].first <= from.last; ++i) links_[i] = kNever;
}

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

}  // namespace bh::quantization
