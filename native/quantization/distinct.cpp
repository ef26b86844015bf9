#include "quantization/distinct.h"

#include <algorithm>
#include <utility>

#include "support/sort.h"

namespace bh::quantization {
namespace {

Storage<float> sorted(std::span<const float> x) {
  Storage<float> values(x.size()), scratch(x.size());
  sort_values(x, values, scratch);
  return values;
}

Storage<double> sorted(std::span<const double> x) {
  Storage<double> values(x.begin(), x.end());
  std::sort(values.begin(), values.end());
  return values;
}

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
    if (!found.values.empty() && found.values.back() == value) {
      found.weights.back() += weight;
    } else {
      found.values.push_back(value + T{0});
      found.weights.push_back(weight);
    }
  }

  Distinct<T> without_idle(Objective objective) && {
    const bool keep_ends = objective == Objective::unbiased;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool end = i == 0 || i + 1 == found.size();
      if (!(found.weights[i] > 0) && !(end && keep_ends)) continue;
      found.values[kept] = found.values[i];
      found.weights[kept++] = found.weights[i];
    }
    found.values.resize(kept);
    found.weights.resize(kept);
    return std::move(found);
  }
};

template <typename T>
Distinct<T> unweighted(std::span<const T> x) {
  Distinct<T> found{sorted(x), {}, {}};
  Storage<T>& values = found.values;
  if (values.empty()) return found;
  for (T& value : values) value += T{0};
  std::size_t repeats = 0;
  for (std::size_t i = 1; i < values.size(); ++i) repeats += values[i] == values[i - 1];
  if (repeats == 0) return found;
  Storage<Index>& ends = found.ends;
  ends.resize(values.size() - repeats);
  std::size_t kept = 0;
  T last = values[0];
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    kept += value != last;  // no branch: what repeats is not to be foreseen
    values[kept] = last = value;
    ends[kept] = static_cast<Index>(i + 1);
  }
  values.resize(kept + 1);
  return found;
}

template <typename T>
std::size_t median(const Distinct<T>& values) {
  if (values.plain()) return (values.size() - 1) / 2;
  if (const auto& ends = values.ends; !ends.empty()) {
    const Index half = ends.back() - ends.back() / 2;
    return static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), half) - ends.begin());
  }
  return weighted_median(values.size(), [&](std::size_t i) { return values.weight(i); });
}

}  // namespace

template <typename T>
Distinct<T> distinct(std::span<const T> x, std::span<const double> weights, Objective objective) {
  if (weights.empty()) return unweighted(x);
  Collector<T> collector;
  collector.found.values.reserve(x.size());
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

template <typename T>
Nodes value_nodes(const Distinct<T>& values, double unit) {
  const std::size_t n = values.size(), m = median(values);
  const double center = static_cast<double>(values.values[m]) * unit;
  Nodes made{Storage<Node>(n), m};
  outwards(
      n, m,
      [&](std::size_t j) { return single(static_cast<double>(values.values[j]) * unit - center, values.weight(j)); },
      [&](std::size_t j, const Node& own, const Node& before, const Node&) {
        made.nodes[j] = {own.x, before.a, before.b, before.g};
      });
  return made;
}

template <typename T>
Nodes boundary_nodes(const Distinct<T>& values, double unit) {
  const std::size_t n = values.size(), m = median(values);
  const double center = static_cast<double>(values.values[m]) * unit;
  return {boundaries(n, m,
                     [&](std::size_t j) {
                       return single(static_cast<double>(values.values[j]) * unit - center, values.weight(j));
                     }),
          m};
}

template Distinct<float> distinct(std::span<const float>, std::span<const double>, Objective);
template Distinct<double> distinct(std::span<const double>, std::span<const double>, Objective);
template Nodes value_nodes(const Distinct<float>&, double);
template Nodes value_nodes(const Distinct<double>&, double);
template Nodes boundary_nodes(const Distinct<float>&, double);
template Nodes boundary_nodes(const Distinct<double>&, double);

}  // namespace bh::quantization
