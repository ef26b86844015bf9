#include "quantization/distinct.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "support/sort.h"

namespace bh::quantization {
namespace {

// Calls take(position) in the order of the values, equal ones in the order of their positions.
template <typename Take>
void in_order(std::span<const float> x, const Take& take) {
  Storage<Keyed> keyed(x.size()), scratch(x.size());
  sort_keyed(x, keyed, scratch);
  for (const Keyed each : keyed) take(static_cast<std::uint32_t>(each));
}
template <typename Take>
void in_order(std::span<const double> x, const Take& take) {
  std::vector<std::uint32_t> order(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  std::sort(order.begin(), order.end(), [&](auto i, auto j) { return x[i] != x[j] ? x[i] < x[j] : i < j; });
  for (const std::uint32_t i : order) take(i);
}

// Collects ascending values with their weights, equal ones merged. Adding 0 turns -0.0 into 0.0.
template <typename T>
struct Collector {
  Distinct<T> found;

  void add(T value, double weight) {
    if (!found.own.empty() && found.own.back() == value) {
      found.weights.back() += weight;
    } else {
      found.own.push_back(value + T{0});
      found.weights.push_back(weight);
    }
  }

  // Whole weights are numbers of copies.
  void count() {
    double total = 0;
    bool whole = true, single = true;
    for (const double weight : found.weights) {
      whole = whole && weight == std::floor(weight), single = single && weight == 1;
      total += weight;
    }
    if (!whole || !(total <= std::numeric_limits<Index>::max())) return;
    if (!single) {
      Index end = 0;
      found.ends.reserve(found.weights.size());
      for (const double weight : found.weights) found.ends.push_back(end += static_cast<Index>(weight));
    }
    found.weights = {};
  }

  Distinct<T> without_idle(Objective objective) && {
    const bool keep_ends = objective == Objective::unbiased;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < found.own.size(); ++i) {
      const bool end = i == 0 || i + 1 == found.own.size();
      if (!(found.weights[i] > 0) && !(end && keep_ends)) continue;
      found.own[kept] = found.own[i];
      found.weights[kept++] = found.weights[i];
    }
    found.own.resize(kept);
    found.weights.resize(kept);
    found.values = found.own;
    count();
    return std::move(found);
  }
};

}  // namespace

void sort(std::span<const float> x, std::span<float> sorted) {
  Storage<float> scratch(x.size());
  sort_values(x, sorted, scratch);
}

void sort(std::span<const double> x, std::span<double> sorted) {
  std::copy(x.begin(), x.end(), sorted.begin());
  std::sort(sorted.begin(), sorted.end());
}

template <typename T>
Distinct<T> distinct(std::span<T> x) {
  Distinct<T> found{x, {}, {}, {}};
  for (auto zero = std::lower_bound(x.begin(), x.end(), T{0}); zero != x.end() && *zero == 0; ++zero) *zero = 0;
  std::size_t repeats = 0;
  for (std::size_t i = 1; i < x.size(); ++i) repeats += x[i] == x[i - 1];
  if (repeats == 0) return found;
  Storage<Index>& ends = found.ends;
  ends.resize(x.size() - repeats);
  std::size_t kept = 0;
  T last = x[0];
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T value = x[i];
    kept += value != last;  // no branch: what repeats is not to be foreseen
    x[kept] = last = value;
    ends[kept] = static_cast<Index>(i + 1);
  }
  found.values = x.first(kept + 1);
  return found;
}

template <typename T>
Distinct<T> distinct(std::span<const T> x, std::span<const double> weights, Objective objective) {
  if (weights.empty()) {
    Storage<T> ascending(x.size());
    sort(x, ascending);
    Distinct<T> found = distinct(std::span<T>(ascending));
    found.own = std::move(ascending);
    return found;
  }
  Collector<T> collector;
  collector.found.own.reserve(x.size());
  collector.found.weights.reserve(x.size());
  in_order(x, [&](std::size_t i) { collector.add(x[i], weights[i]); });
  return std::move(collector).without_idle(objective);
}

std::vector<std::uint16_t> ascending_keys(const Values& values) {
  std::vector<std::uint16_t> keys;
  const std::size_t size = values.kind == Values::Kind::key8 ? 256 : 65536;
  for (std::size_t key = 0; key < size; ++key)
    if (std::isfinite(values.lookup[key])) keys.push_back(static_cast<std::uint16_t>(key));
  std::stable_sort(keys.begin(), keys.end(), [&](auto a, auto b) { return values.lookup[a] < values.lookup[b]; });
  return keys;
}

Distinct<float> distinct(const Values& values, const Grouping& grouping, std::size_t group,
                         std::span<const double> weights, std::span<const std::uint16_t> ascending,
                         Objective objective) {
  std::vector<double> counts(65536), copies(weights.empty() ? 0 : 65536);
  const auto count = [&]<typename Key>(const Key* keys) {
    std::size_t at = 0;
    grouping.each_run(group, [&](std::size_t offset, std::size_t length) {
      for (std::size_t i = offset; i < offset + length; ++i, ++at) {
        counts[keys[i]] += 1;
        if (!weights.empty()) copies[keys[i]] += weights[at];
      }
    });
  };
  if (values.kind == Values::Kind::key8)
    count(static_cast<const std::uint8_t*>(values.data));
  else
    count(static_cast<const std::uint16_t*>(values.data));
  Collector<float> collector;
  for (const std::uint16_t key : ascending)
    if (counts[key] > 0) collector.add(values.lookup[key], weights.empty() ? counts[key] : copies[key]);
  return std::move(collector).without_idle(objective);
}

template Distinct<float> distinct(std::span<float>);
template Distinct<double> distinct(std::span<double>);
template Distinct<float> distinct(std::span<const float>, std::span<const double>, Objective);
template Distinct<double> distinct(std::span<const double>, std::span<const double>, Objective);

}  // namespace bh::quantization
