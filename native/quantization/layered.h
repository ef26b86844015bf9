// The oracle: dynamic programming with one layer for each link. The matrix of a layer is totally monotone (the best
// predecessor never moves back), so its row minima are found by divide and conquer. SMAWK (Aggarwal, Klawe, Moran,
// Shor, Wilber 1987) would save the factor log n. O(links * n * log n) costs and 4 * n * (links - 2) bytes; for small
// problems, histograms, and to test all others.
#pragma once
#include <limits>

#include "quantization/nodes.h"

namespace bh::quantization {

template <typename Cost>
class Layered {
 public:
  // The cheapest path from the first node to the last with exactly `links` links, 1 <= links < cost.size().
  static Path solve(const Cost& cost, std::size_t links) {
    const std::size_t last = cost.size() - 1;
    if (links == 1) return {0, static_cast<Index>(last)};
    Layered layers(cost, links);
    for (std::size_t layer = 2; layer < links; ++layer) layers.advance(layer);
    return layers.trace();
  }

 private:
  Layered(const Cost& cost, std::size_t links)
      : cost_(cost), links_(links), n_(cost.size()), before_(n_), after_(n_), from_(n_ * (links - 2)) {
    for (std::size_t j = 1; j < n_; ++j) before_[j] = cost(0, j);
  }

  void advance(std::size_t layer) {
    row_ = from_.data() + (layer - 2) * n_;
    fill(layer, n_ - 1 - (links_ - layer), layer - 1, n_ - 2 - (links_ - layer));
    std::swap(before_, after_);
  }

  // Rows first..last of this layer, whose best predecessors lie in low..high.
  void fill(std::size_t first, std::size_t last, std::size_t low, std::size_t high) {
    const std::size_t middle = first + (last - first) / 2;
    const std::size_t best = best_before(middle, low, std::min(high, middle - 1));
    after_[middle] = before_[best] + cost_(best, middle);
    row_[middle] = static_cast<Index>(best);
    if (first < middle) fill(first, middle - 1, low, best);
    if (middle < last) fill(middle + 1, last, best, high);
  }

  std::size_t best_before(std::size_t j, std::size_t low, std::size_t high) const {
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = low;
    for (std::size_t k = low; k <= high; ++k) {
      const double sum = before_[k] + cost_(k, j);
      if (sum < least) least = sum, best = k;
    }
    return best;
  }

  Path trace() const {
    Path path(links_ + 1);
    path[links_] = static_cast<Index>(n_ - 1);
    path[links_ - 1] = static_cast<Index>(best_before(n_ - 1, links_ - 1, n_ - 2));
    for (std::size_t layer = links_ - 1; layer >= 2; --layer) path[layer - 1] = from_[(layer - 2) * n_ + path[layer]];
    return path;  // its first node is 0
  }

  const Cost& cost_;
  std::size_t links_, n_;
  std::vector<double> before_, after_;  // the cheapest way to each node with one link fewer, and with this many
  std::vector<Index> from_;
  Index* row_ = nullptr;
};

}  // namespace bh::quantization
