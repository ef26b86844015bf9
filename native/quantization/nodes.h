// What every solver works on: nodes with running sums that give the cost of any interval between two of them in O(1).
//
// A choice of levels is a path through the nodes from first to last, and its squared error the sum of its links' costs.
// Both costs have the concave Monge property, also called the quadrangle inequality (Yao 1980): for nodes
// a <= b <= c <= d, C(a, c) + C(b, d) <= C(a, d) + C(b, c). So the least-cost path with a given number of links is the
// k-link path problem in a Monge graph, the matrices of its dynamic program are totally monotone, and every solver here
// rests on it:
//   layered.h         divide-and-conquer dynamic programming, the oracle
//   lagrangian.h      Lagrangian relaxation of the number of links
//   coarse_to_fine.h  branch and bound on intervals of nodes; tangent.h the same with tighter bounds
// UnbiasedCost: Ben Basat et al., arXiv:2402.03158. KMeansCost: Wu 1991; Gronlund et al., arXiv:1701.07204.
//
// The sums are anchored at the median and leave their own node out, so that an outlier enters a sum only as an end
// point.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/storage.h"

namespace bh::quantization {

using Index = std::uint32_t;
using Path = std::vector<Index>;

// A value (from the center) and the sums of weight, weight * x and weight * x^2 between the anchor and this node.
struct Node {
  double x, a, b, g;
};

// Nodes are values; a link rounds what lies between two of them to one or the other, at random and without bias.
class UnbiasedCost {
 public:
  UnbiasedCost(std::span<const Node> nodes, std::size_t anchor) : nodes_(nodes), anchor_(anchor) {}

  std::size_t size() const { return nodes_.size(); }
  double x(std::size_t j) const { return nodes_[j].x; }
  const Node& operator[](std::size_t j) const { return nodes_[j]; }

  double operator()(std::size_t k, std::size_t j) const {
    const Node &p = nodes_[k], &q = nodes_[j];
    return (q.x + p.x) * (q.b - p.b) - (q.g - p.g) - q.x * p.x * (q.a - p.a);
  }

  // The size of the terms that cancel in a link's cost: what rounding errors are relative to.
  double magnitude(std::size_t k, std::size_t j) const {
    const Node &p = nodes_[k], &q = nodes_[j];
    return std::abs(p.x + q.x) * (std::abs(p.b) + std::abs(q.b)) + std::abs(p.g) + std::abs(q.g) +
           std::abs(p.x * q.x) * (q.a - p.a);
  }

  // How fast the cost of what lies between grows when node k moves down, and when node j moves up.
  struct Slopes {
    double down, up;
  };
  Slopes slopes(std::size_t k, std::size_t j) const {
    const Node &p = nodes_[k], &q = nodes_[j];
    const double a = q.a - p.a, b = q.b - p.b;
    return {q.x * a - b, b - p.x * a};
  }

  // The same for what lies strictly between, k < j: a sum may hold the end node on the side of the anchor.
  double pull_down(std::size_t k, std::size_t j) const {
    const double own = k >= anchor_ && k + 1 < size() ? (nodes_[k + 1].a - nodes_[k].a) * (x(j) - x(k)) : 0;
    return std::max(0.0, slopes(k, j).down - own);
  }
  double pull_up(std::size_t k, std::size_t j) const {
    const double own = j < anchor_ && anchor_ < size() ? (nodes_[j].a - nodes_[j - 1].a) * (x(j) - x(k)) : 0;
    return std::max(0.0, slopes(k, j).up - own);
  }

  // The best single level between nodes k and j, j > k + 1: where the slope of the cost changes sign.
  std::size_t between(std::size_t k, std::size_t j) const;

 private:
  // Weight up to and including node i.
  double inclusive(std::size_t i) const { return i < anchor_ ? nodes_[i].a : nodes_[i + 1].a; }

  std::span<const Node> nodes_;
  std::size_t anchor_;
};

// Nodes are boundaries between values; a link rounds the values between two boundaries to their mean: 1-D k-means.
class KMeansCost {
 public:
  explicit KMeansCost(std::span<const Node> boundaries) : nodes_(boundaries) {}

  std::size_t size() const { return nodes_.size(); }

  double operator()(std::size_t k, std::size_t j) const {
    const Node &p = nodes_[k], &q = nodes_[j];
    const double b = q.b - p.b;
    return std::max(0.0, (q.g - p.g) - b * b / (q.a - p.a));
  }

  double magnitude(std::size_t k, std::size_t j) const {
    const Node &p = nodes_[k], &q = nodes_[j];
    return std::abs(p.g) + std::abs(q.g) + (std::abs(p.b) + std::abs(q.b)) * std::abs(mean(k, j));
  }

  // Close to the mean of what lies between, k < j; 0 where rounding has swallowed all weight.
  double mean(std::size_t k, std::size_t j) const {
    const double weight = nodes_[j].a - nodes_[k].a;
    return weight > 0 ? (nodes_[j].b - nodes_[k].b) / weight : 0;
  }

 private:
  std::span<const Node> nodes_;
};

template <typename Cost>
double path_cost(const Cost& cost, const Path& path) {
  double sum = 0;
  for (std::size_t i = 1; i < path.size(); ++i) sum += cost(path[i - 1], path[i]);
  return sum;
}

// How much rounding may have changed a path's cost: paths closer than this are not distinguished.
template <typename Cost>
double tolerance(const Cost& cost, const Path& path) {
  double magnitude = 0;
  for (std::size_t i = 1; i < path.size(); ++i) magnitude += cost.magnitude(path[i - 1], path[i]);
  return 0x1p-48 * magnitude + 0x1p-40 * path_cost(cost, path);
}

// A single value's place in the sums.
inline Node single(double x, double weight) { return {x, weight, weight * x, weight * x * x}; }

// The first of n weights at which half of their sum is reached.
template <typename Weight>
std::size_t weighted_median(std::size_t n, const Weight& weight) {
  double total = 0, sum = 0;
  for (std::size_t i = 0; i < n; ++i) total += weight(i);
  std::size_t m = 0;
  while (m + 1 < n && (sum += weight(m)) < total / 2) ++m;
  return m;
}

// Calls place(j, own, before, after) outwards from the anchor m, upwards and then downwards: before and after are the
// sums of what lies between the anchor and j, without own(j) and with it; below the anchor they are negative.
template <typename Own, typename Place>
void outwards(std::size_t n, std::size_t m, const Own& own, const Place& place) {
  Node sums{};
  for (std::size_t j = m; j < n; ++j) {
    const Node one = own(j), before = sums;
    sums.a += one.a, sums.b += one.b, sums.g += one.g;
    place(j, one, before, sums);
  }
  sums = {};
  for (std::size_t j = m; j-- > 0;) {
    const Node one = own(j), before = sums;
    sums.a -= one.a, sums.b -= one.b, sums.g -= one.g;
    place(j, one, before, sums);
  }
}

// Running sums over n buckets: entry 0 stands before the first, entry i + 1 after bucket i; the anchor before bucket m.
template <typename Own>
Storage<Node> boundaries(std::size_t n, std::size_t m, const Own& own) {
  Storage<Node> sums(n + 1);
  sums[m] = {};
  outwards(n, m, own,
           [&](std::size_t j, const Node&, const Node&, const Node& after) { sums[j < m ? j : j + 1] = after; });
  return sums;
}

inline std::size_t UnbiasedCost::between(std::size_t k, std::size_t j) const {
  const Node &p = nodes_[k], &q = nodes_[j];
  const double threshold = (q.x * q.a - p.x * p.a - (q.b - p.b)) / (q.x - p.x);
  std::size_t low = k + 1, high = j - 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (inclusive(middle) >= threshold)
      high = middle;
    else
      low = middle + 1;
  }
  // Rounding may put the formula one off: the formula proposes, the cost decides.
  std::size_t best = low;
  double least = (*this)(k, low) + (*this)(low, j);
  for (const std::size_t i : {low - 1, low + 1}) {
    if (i <= k || i >= j) continue;
    const double cost = (*this)(k, i) + (*this)(i, j);
    if (cost < least) least = cost, best = i;
  }
  return best;
}

}  // namespace bh::quantization
