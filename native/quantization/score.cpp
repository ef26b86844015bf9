#include "quantization/score.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "quantization/nearest.h"

namespace bh::quantization {
namespace {

// How many of the ascending bounds are <= x (or < x): a binary search without branches, on a power of two of them.
class Search {
 public:
  explicit Search(std::vector<double> bounds) : bounds_(std::move(bounds)) {
    bounds_.resize(std::bit_ceil(bounds_.size() + 1) - 1, std::numeric_limits<double>::infinity());
  }

  template <typename Passes>
  std::size_t count(const Passes& passes) const {
    std::size_t found = 0;
    for (std::size_t half = (bounds_.size() + 1) / 2; half > 0; half /= 2)
      found += passes(bounds_[found + half - 1]) ? half : 0;
    return found;
  }

 private:
  std::vector<double> bounds_;
};

// Eight sums side by side, added up at the end: as fast as memory allows, and the same on every machine.
template <typename Term>
double sum(std::size_t n, const Term& term) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += term(i + lane);
  for (; i < n; ++i) lanes[0] += term(i);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Adds up loss(i, value) over all values.
template <typename T, typename Loss>
double sum_over(const Stretches<T>& x, const Loss& loss) {
  double all = 0;
  x.each([&](std::size_t first, std::span<const T> stretch) {
    all += sum(stretch.size(), [&](std::size_t i) { return loss(first + i, static_cast<double>(stretch[i])); });
  });
  return all;
}

}  // namespace

template <typename T>
double squared_error(const Stretches<T>& x, std::span<const double> weights, std::span<const double> levels,
                     Objective objective, double unit) {
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  std::vector<double> bounds;
  if (objective == Objective::unbiased) {
    if (levels.size() == 1) return 0;
    bounds.assign(levels.begin() + 1, levels.end() - 1);  // x on the last level lies in the interval below it
    const Search search(std::move(bounds));
    return sum_over(x, [&](std::size_t i, double value) {
      const std::size_t below = search.count([value](double bound) { return bound <= value; });
      const double up = levels[below + 1] * unit - value * unit, down = value * unit - levels[below] * unit;
      return weight(i) * (up * down);
    });
  }
  for (std::size_t k = 0; k + 1 < levels.size(); ++k)
    bounds.push_back(last_nearer_to_low(static_cast<T>(levels[k]), static_cast<T>(levels[k + 1])));
  const Search search(std::move(bounds));
  return sum_over(x, [&](std::size_t i, double value) {
    const std::size_t nearest = search.count([value](double bound) { return bound < value; });
    const double off = value * unit - levels[nearest] * unit;
    return weight(i) * (off * off);
  });
}

template <typename T>
double squared_error(const Distinct<T>& values, std::span<const double> levels, Objective objective, double unit) {
  if (objective == Objective::unbiased && levels.size() == 1) return 0;
  const std::size_t last = levels.size() - (objective == Objective::unbiased ? 2 : 1);
  double error = 0;
  std::size_t from = 0;
  for (std::size_t k = 0; k <= last; ++k) {
    const auto begin = values.values.begin() + static_cast<std::ptrdiff_t>(from);
    auto end = values.values.end();
    if (k < last && objective == Objective::unbiased)
      end = std::lower_bound(begin, end, static_cast<T>(levels[k + 1]));
    else if (k < last)
      end = std::upper_bound(begin, end, last_nearer_to_low(static_cast<T>(levels[k]), static_cast<T>(levels[k + 1])));
    const T* x = values.values.data() + from;
    const auto add = [&](const auto& loss) {
      const auto n = static_cast<std::size_t>(end - begin);
      error +=
          values.plain()
              ? sum(n, [&](std::size_t i) { return loss(static_cast<double>(x[i]) * unit); })
              : sum(n, [&](std::size_t i) { return values.weight(from + i) * loss(static_cast<double>(x[i]) * unit); });
    };
    const double low = levels[k] * unit;
    if (objective == Objective::unbiased)
      add([low, high = levels[k + 1] * unit](double value) { return (high - value) * (value - low); });
    else
      add([low](double value) { return (value - low) * (value - low); });
    from = static_cast<std::size_t>(end - values.values.begin());
  }
  return error;
}

template <typename T>
double squared_norm(const Distinct<T>& values, double unit) {
  return sum(values.size(), [&](std::size_t i) {
    const double value = static_cast<double>(values.values[i]) * unit;
    return values.weight(i) * (value * value);
  });
}

template <typename T>
double squared_norm(const Stretches<T>& x, double unit) {
  return sum_over(x, [unit](std::size_t, double value) { return value * unit * (value * unit); });
}

template double squared_error(const Stretches<float>&, std::span<const double>, std::span<const double>, Objective,
                              double);
template double squared_error(const Stretches<double>&, std::span<const double>, std::span<const double>, Objective,
                              double);
template double squared_error(const Distinct<float>&, std::span<const double>, Objective, double);
template double squared_error(const Distinct<double>&, std::span<const double>, Objective, double);
template double squared_norm(const Distinct<float>&, double);
template double squared_norm(const Distinct<double>&, double);
template double squared_norm(const Stretches<float>&, double);
template double squared_norm(const Stretches<double>&, double);

}  // namespace bh::quantization
