// Optimal levels without a single clever step: every interval's cost summed directly, every path tried, in long double.
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "quantization/chain.h"

namespace bh::quantization {

class BruteForce {
 public:
  BruteForce(const Distinct<double>& values, Objective objective)
      : n_(values.size() + (objective == Objective::mse ? 1 : 0)), costs_(n_ * n_) {
    for (std::size_t k = 0; k < n_; ++k)
      for (std::size_t j = k + 1; j < n_; ++j)
        costs_[k * n_ + j] = objective == Objective::mse ? spread(values, k, j) : rounding(values, k, j);
  }

  long double cost(std::size_t k, std::size_t j) const { return costs_[k * n_ + j]; }

  long double cost(const Path& path) const {
    long double sum = 0;
    for (std::size_t i = 1; i < path.size(); ++i) sum += cost(path[i - 1], path[i]);
    return sum;
  }

  long double least(std::size_t links) const {
    const long double never = std::numeric_limits<long double>::infinity();
    std::vector<long double> best(n_, never);
    best[0] = 0;
    for (std::size_t link = 0; link < links; ++link) {
      std::vector<long double> next(n_, never);
      for (std::size_t j = 1; j < n_; ++j)
        for (std::size_t k = 0; k < j; ++k) next[j] = std::min(next[j], best[k] + cost(k, j));
      best = next;
    }
    return best[n_ - 1];
  }

 private:
  static long double rounding(const Distinct<double>& values, std::size_t k, std::size_t j) {
    long double sum = 0;
    for (std::size_t i = k + 1; i < j; ++i)
      sum += values.weight(i) * (static_cast<long double>(values.values[j]) - values.values[i]) *
             (static_cast<long double>(values.values[i]) - values.values[k]);
    return sum;
  }

  // Around the mean, which is measured from the cluster's heaviest value: from one far off it would lose digits.
  static long double spread(const Distinct<double>& values, std::size_t k, std::size_t j) {
    long double weight = 0, sum = 0, squares = 0;
    std::size_t origin = k;
    for (std::size_t i = k; i < j; ++i) origin = values.weight(i) > values.weight(origin) ? i : origin;
    const auto x = [&](std::size_t i) { return static_cast<long double>(values.values[i]) - values.values[origin]; };
    for (std::size_t i = k; i < j; ++i) weight += values.weight(i), sum += values.weight(i) * x(i);
    for (std::size_t i = k; i < j; ++i) squares += values.weight(i) * (x(i) - sum / weight) * (x(i) - sum / weight);
    return squares;
  }

  std::size_t n_;
  std::vector<long double> costs_;
};

}  // namespace bh::quantization
