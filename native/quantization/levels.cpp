#include "quantization/levels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "quantization/grid_levels.h"
#include "quantization/histogram.h"
#include "quantization/score.h"
#include "quantization/solve.h"
#include "support/errors.h"
#include "support/parallel.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kChunk = 64;          // groups that hand the price of a link on: the unit of work of a thread
constexpr std::size_t kCounting = 1 << 14;  // values of a group from which on keys are counted, not sorted
constexpr double kUncertified = std::numeric_limits<double>::quiet_NaN();

// One group as the solvers see it.
template <typename T>
struct Group {
  std::span<const T> x;
  std::span<const double> weights;
  Range<T> range;
  double unit;
};

// Squares and their sums must stay within the range of doubles; those of floats always do.
double unit_for(const Range<float>&) { return 1; }
double unit_for(const Range<double>& range) {
  const double most = std::max(-range.low, range.high);
  return most > 0x1p400 ? 0x1p-600 : most < 0x1p-400 ? 0x1p600 : 1;
}

template <typename T>
void append(std::vector<double>& levels, double level) {
  const double rounded = static_cast<double>(static_cast<T>(level)) + 0.0;
  if (levels.empty() || levels.back() < rounded) levels.push_back(rounded);
}

template <typename T>
Table uniform(const Group<T>& group, std::size_t s) {
  const double low = static_cast<double>(group.range.low) + 0.0, high = static_cast<double>(group.range.high) + 0.0;
  Table table;
  const auto steps = static_cast<double>(std::max<std::size_t>(s, 2) - 1);
  for (std::size_t i = 0; i < s; ++i) {
    const double part = s == 1 ? 0.5 : static_cast<double>(i) / steps;
    append<T>(table.levels, std::clamp(low * (1 - part) + high * part, low, high));
  }
  table.gap = kUncertified;
  return table;
}

template <typename T>
Table from_histogram(const Group<T>& group, const Request& request) {
  auto histogram = Histogram::like(group.x, group.range, request.bins, group.unit);
  histogram.update(group.x, group.weights, group.range);
  const BucketLevels found = histogram_levels(histogram, request.s, request.objective, request.certify);
  Table table;
  for (const double level : found.levels) append<T>(table.levels, level);
  table.squared_error = found.squared_error;
  table.squared_norm = histogram_norm(histogram);
  table.gap = found.gap;
  return table;
}

// Where to start the search for the price of a link: where it ends on a histogram of the values.
template <typename T>
StartPrice start_price(const Distinct<T>& values, std::size_t links, Objective objective, double unit) {
  return [&values, links, objective, unit] {
    const std::span<const T> x(values.values);
    const Range<T> ends{x.front(), x.back(), true};
    auto histogram = Histogram::like(x, ends, links > 128 ? 65536 : 4096, unit);
    constexpr std::size_t block = 4096;  // not all at once: memory is at its peak here
    std::vector<double> weights(values.plain() ? 0 : block);
    for (std::size_t i = 0; i < x.size(); i += block) {
      const std::size_t n = std::min(block, x.size() - i);
      if (!values.plain())
        for (std::size_t j = 0; j < n; ++j) weights[j] = values.weight(i + j);
      histogram.update(x.subspan(i, n), std::span(weights).first(values.plain() ? 0 : n), ends);
    }
    return histogram_price(histogram, links, objective);
  };
}

// Summed anew from the first value on: the solver's running sums may have swallowed all of a small weight.
template <typename T>
double mean(const Distinct<T>& values, std::size_t from, std::size_t to, double unit) {
  const double first = static_cast<double>(values.values[from]) * unit;
  double weight = 0, sum = 0;
  for (std::size_t i = from; i < to; ++i) {
    weight += values.weight(i);
    sum += values.weight(i) * (static_cast<double>(values.values[i]) * unit - first);
  }
  return (first + sum / weight) / unit;
}

template <typename T>
Table exact(const Distinct<T>& values, const Request& request, double unit, double& price) {
  if (values.size() == 0) refuse_changing();  // keys are read again to be counted, and may stand for NaN by now
  Table table;
  if (!request.grid.empty()) {
    GridLevels found = grid_levels(values, request.grid, request.s, unit);
    for (const std::size_t i : found.index) table.levels.push_back(request.grid[i]);
    table.grid_index = std::move(found.index);
    table.gap = found.gap;
    return table;
  }
  if (values.size() <= request.s) {
    table.levels.assign(values.values.begin(), values.values.end());
    return table;
  }
  Solution found;
  if (request.objective == Objective::unbiased) {
    const Nodes nodes = value_nodes(values, unit);
    const UnbiasedCost cost(nodes.nodes, nodes.anchor);
    found = solve(cost, request.s - 1, price, start_price(values, request.s - 1, request.objective, unit));
    for (const Index i : found.path) table.levels.push_back(static_cast<double>(values.values[i]));
  } else {
    const Nodes nodes = boundary_nodes(values, unit);
    const KMeansCost cost(nodes.nodes);
    found = solve(cost, request.s, price, start_price(values, request.s, request.objective, unit));
    for (std::size_t link = 0; link + 1 < found.path.size(); ++link) {
      const Index from = found.path[link], to = found.path[link + 1];
      const double level = mean(values, from, to, unit);
      append<T>(table.levels, std::clamp(level, static_cast<double>(values.values[from]),
                                         static_cast<double>(values.values[to - 1])));
    }
  }
  table.gap = found.gap;
  return table;
}

template <typename T>
void score(const Group<T>& group, Objective objective, Table& table) {
  table.squared_error = squared_error(group.x, group.weights, table.levels, objective, group.unit);
  table.plain_error =
      group.weights.empty() ? table.squared_error : squared_error<T>(group.x, {}, table.levels, objective, group.unit);
  table.squared_norm = squared_norm(group.x, group.unit);
}

// What the threads of one call share, and what one chunk of groups passes on from group to group.
struct Shared {
  const Data& data;
  const Request& request;
  std::vector<std::uint16_t> ascending;  // keys by the values they stand for
};

template <typename T>
struct Chunk {
  Storage<T> values;
  Storage<double> weights;
  double price = 0;
};

// Solvers need values that stay as they are; a single pass does not.
enum class Loaded { in_place, copied };

template <typename T>
Group<T> load(const Data& data, std::size_t index, Chunk<T>& chunk, Loaded how = Loaded::in_place) {
  const auto bring = how == Loaded::copied ? gather_copy<T> : gather<T>;
  Group<T> group{bring(data.values, data.grouping, index, chunk.values), {}, {}, 1};
  if (!data.weights.empty()) {
    const Values weights{Values::Kind::float64, data.weights.data(), nullptr, data.weights.size()};
    group.weights = gather(weights, data.grouping, index, chunk.weights);
    if (std::none_of(group.weights.begin(), group.weights.end(), [](double w) { return w > 0; }))
      throw InvalidInput("weights of group " + std::to_string(index) + " are all 0; give at least one value a weight");
  }
  group.range = range(group.x);
  if (!group.range.finite) refuse_non_finite(data.values);
  group.unit = unit_for(group.range);
  return group;
}

template <typename T>
Table solve_group(const Shared& shared, std::size_t index, Chunk<T>& chunk) {
  const Request& request = shared.request;
  const Group<T> group =
      load(shared.data, index, chunk, request.method == Method::exact ? Loaded::copied : Loaded::in_place);
  Table table;
  // Values in order hold all that scoring needs, but for what was without weight.
  const auto solve_exactly = [&](const Distinct<T>& values) {
    table = exact(values, request, group.unit, chunk.price);
    table.squared_error = table.plain_error = squared_error(values, table.levels, request.objective, group.unit);
    if (!group.weights.empty())
      table.plain_error = squared_error<T>(group.x, {}, table.levels, request.objective, group.unit);
    table.squared_norm = group.weights.empty() ? squared_norm(values, group.unit) : squared_norm(group.x, group.unit);
  };
  switch (request.method) {
    case Method::uniform:
      table = uniform(group, request.s);
      score(group, request.objective, table);
      break;
    case Method::histogram:
      table = from_histogram(group, request);
      table.plain_error = table.squared_error;
      if (request.objective == Objective::mse || !group.weights.empty()) score(group, request.objective, table);
      break;
    case Method::exact:
      if constexpr (std::is_same_v<T, float>)
        if (shared.data.values.table && group.x.size() >= kCounting) {
          solve_exactly(distinct(shared.data.values, shared.data.grouping, index, group.weights, shared.ascending,
                                 request.objective));
          break;
        }
      const Distinct<T> values = distinct(group.x, group.weights, request.objective);
      if (group.weights.empty()) chunk.values = {};  // memory is at its peak further on
      solve_exactly(values);
  }
  if (table.squared_error == 0) table.gap = 0;
  table.unit = group.unit;
  return table;
}

template <typename T>
void solve_all(const Data& data, const Request& request, std::size_t threads,
               const std::function<void(std::size_t, const Table&)>& take) {
  Shared shared{data, request, {}};
  if (data.values.table) shared.ascending = ascending_keys(data.values);
  const std::size_t groups = data.grouping.count();
  parallel((groups + kChunk - 1) / kChunk, threads, [&](std::size_t first) {
    Chunk<T> chunk;
    for (std::size_t group = first * kChunk; group < std::min(groups, (first + 1) * kChunk); ++group)
      take(group, solve_group(shared, group, chunk));
  });
}

}  // namespace

void solve_groups(const Data& data, const Request& request, std::size_t threads,
                  const std::function<void(std::size_t, const Table&)>& take) {
  data.values.wide() ? solve_all<double>(data, request, threads, take) : solve_all<float>(data, request, threads, take);
}

Table score_group(const Data& data, std::size_t index, std::span<const double> levels, Objective objective) {
  const auto scored = [&]<typename T>(Chunk<T> chunk) {
    const Group<T> group = load(data, index, chunk);
    Table table;
    table.levels.assign(levels.begin(), levels.end());
    score(group, objective, table);
    table.unit = group.unit;
    return table;
  };
  return data.values.wide() ? scored(Chunk<double>{}) : scored(Chunk<float>{});
}

Range<double> group_range(const Data& data, std::size_t index) {
  const auto found = [&]<typename T>(Chunk<T> chunk) {
    const Range<T> range = load(data, index, chunk).range;
    return Range<double>{static_cast<double>(range.low) + 0.0, static_cast<double>(range.high) + 0.0, true};
  };
  return data.values.wide() ? found(Chunk<double>{}) : found(Chunk<float>{});
}

}  // namespace bh::quantization
