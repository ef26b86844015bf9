#include "quantization/levels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "quantization/buckets.h"
#include "quantization/distinct.h"
#include "quantization/grid_levels.h"
#include "quantization/histogram.h"
#include "quantization/score.h"
#include "quantization/solve.h"
#include "support/errors.h"
#include "support/parallel.h"
#include "support/shared.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kChunk = 64;          // groups that hand the price of a link on: the unit of work of a thread
constexpr std::size_t kCounting = 1 << 14;  // values of a group from which on keys are counted, not sorted
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Table {
  std::vector<double> levels;           // ascending, in the precision that suits the values
  std::vector<std::size_t> grid_index;  // where each level stands in the grid
  GroupCost cost;
};

// One group as the solvers see it.
template <typename T>
struct Group {
  Stretches<T> x;
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
  return table;
}

// The mean of values from .. to - 1. As measured from the first, which may be far off and weigh next to nothing, it
// would lack digits: a second look from where it is about to be brings them.
template <typename T>
double mean(const Distinct<T>& values, const Ascending<T, Objective::mse>& points, std::size_t from, std::size_t to) {
  const double about = points.x(from) + points.piece(from, to).low;
  if (values.weights.empty()) return about;
  double weight = 0, off = 0;
  for (std::size_t i = from; i < to; ++i) weight += values.weight(i), off += values.weight(i) * (points.x(i) - about);
  return about + off / weight;
}

template <typename T>
Table exact(const Distinct<T>& values, const Request& request, double unit, double& price) {
  if (values.size() == 0) refuse_changing();  // keys are read again to be counted, and may stand for NaN by now
  Table table;
  if (!request.grid.empty()) {
    GridLevels found = grid_levels(values, request.grid, request.n_levels, unit);
    for (const std::size_t i : found.index) table.levels.push_back(request.grid[i]);
    table.grid_index = std::move(found.index);
    table.cost.gap = found.gap;
    return table;
  }
  if (values.size() <= request.n_levels) {
    table.levels.assign(values.values.begin(), values.values.end());
    return table;
  }
  Solution found;
  if (request.objective == Objective::unbiased) {
    const Ascending<T, Objective::unbiased> points(values, unit);
    found = solve(points, request.n_levels - 1, price);
    table.cost.squared_error = found.cost;
    for (const Index i : found.path) table.levels.push_back(static_cast<double>(values.values[i]));
  } else {
    const Ascending<T, Objective::mse> points(values, unit);
    found = solve(points, request.n_levels, price);
    for (std::size_t link = 0; link + 1 < found.path.size(); ++link) {
      const std::size_t from = found.path[link], to = found.path[link + 1];
      append<T>(table.levels,
                std::clamp(mean(values, points, from, to) / unit, static_cast<double>(values.values[from]),
                           static_cast<double>(values.values[to - 1])));
    }
  }
  table.cost.gap = found.gap;
  return table;
}

template <typename T>
Table from_buckets(const BucketLevels& found) {
  Table table;
  for (const double level : found.levels) append<T>(table.levels, level);
  table.cost.gap = found.gap;
  return table;
}

// Where values crowd in a few buckets of a histogram: by buckets cut to fit them, which takes a sort; all values, where
// there are too many levels even for those.
template <typename T>
Table from_narrow_buckets(const Group<T>& group, const Request& request, double& price) {
  const std::size_t most = std::max<std::size_t>(request.bins, std::min<std::size_t>(64 * request.n_levels, 65536));
  Storage<T> own(group.x.size());
  group.x.each([&](std::size_t first, std::span<const T> stretch) {
    for (std::size_t i = 0; i < stretch.size(); ++i)
      own[first + i] = within(stretch[i], group.range.low, group.range.high);
  });
  const Distinct<T> values = distinct<T>(own, group.weights, request.objective);
  own = {};
  BucketLevels found;
  if (values.size() > most) {
    const Certify certify = request.certify ? Certify::always : Certify::never;
    found = bucket_levels(Buckets(values, most, group.unit), request.n_levels, request.objective, certify);
  }
  const bool few = values.size() <= most || found.coarse;
  Table table = few ? exact(values, request, group.unit, price) : from_buckets<T>(found);
  table.cost.squared_error = table.cost.plain_error =
      squared_error(values, table.levels, request.objective, group.unit);
  return table;
}

template <typename T>
Table from_histogram(const Group<T>& group, const Request& request, double& price) {
  auto histogram = Histogram::like(group.x, group.range, request.bins, group.unit);
  histogram.update(group.x, group.weights, group.range, Sums::rounded);
  const Certify certify = request.certify ? Certify::always : Certify::never;
  const BucketLevels found =
      bucket_levels(Buckets(histogram, request.objective), request.n_levels, request.objective, certify);
  Table table = found.coarse ? from_narrow_buckets(group, request, price) : from_buckets<T>(found);
  if (!found.coarse) table.cost.squared_error = table.cost.plain_error = found.squared_error;
  table.cost.squared_norm = histogram_norm(histogram);
  return table;
}

template <typename T>
GroupCost score(const Group<T>& group, std::span<const double> levels, Objective objective, double gap = kUnknown) {
  const double error = squared_error(group.x, group.weights, levels, objective, group.unit);
  const double plain = group.weights.empty() ? error : squared_error<T>(group.x, {}, levels, objective, group.unit);
  return {group.unit, error, plain, squared_norm(group.x, group.unit), error == 0 ? 0 : gap};
}

// Values in order hold all that scoring needs, but for what was without weight.
template <typename T>
Table solved(const Distinct<T>& values, const Group<T>& group, const Request& request, double& price) {
  Table table = exact(values, request, group.unit, price);
  GroupCost& cost = table.cost;
  cost.unit = group.unit;
  if (!(cost.squared_error > 0))
    cost.squared_error = squared_error(values, table.levels, request.objective, group.unit);
  cost.plain_error = cost.squared_error;
  if (!group.weights.empty())
    cost.plain_error = squared_error<T>(group.x, {}, table.levels, request.objective, group.unit);
  cost.squared_norm = group.weights.empty() ? squared_norm(values, group.unit) : squared_norm(group.x, group.unit);
  if (cost.squared_error == 0) cost.gap = 0;
  return table;
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

// Sorting needs values that stay as they are; passes over them do not.
enum class Loaded { in_place, copied };

template <typename T>
Group<T> load(const Data& data, std::size_t index, Chunk<T>& chunk, Loaded how = Loaded::in_place) {
  Group<T> group{Stretches<T>(data.values, data.grouping, index), {}, {}, 1};
  if (how == Loaded::copied) group.x = gather(data.values, data.grouping, index, chunk.values);
  if (!data.weights.empty()) {
    group.weights = gather(data.weights, data.grouping, index, chunk.weights);
    if (std::none_of(group.weights.begin(), group.weights.end(), [](double w) { return w > 0; }))
      throw InvalidInput("weights of group " + std::to_string(index) + " are all 0; give at least one value a weight");
  }
  group.range = range(group.x);
  if (!group.range.finite) refuse_non_finite(data.values);
  group.unit = unit_for(group.range);
  return group;
}

// A group whose values are in order: what is not finite has gone to the ends.
template <typename T>
Group<T> ascending(const Data& data, std::span<T> x) {
  if (!std::isfinite(x.front()) || !std::isfinite(x.back())) refuse_non_finite(data.values);
  const Range<T> range{x.front(), x.back(), true};
  return {std::span<const T>(x), {}, range, unit_for(range)};
}

// Whether a group's keys are counted, not sorted.
bool counted(const Data& data, std::size_t index) {
  return data.values.lookup && data.grouping.size(index) >= kCounting;
}

template <typename T>
Table solve_group(const Shared& shared, std::size_t index, Chunk<T>& chunk) {
  const Request& request = shared.request;
  if (shared.data.ascending) {
    const Grouping& grouping = shared.data.grouping;
    const std::span<T> x(static_cast<T*>(shared.data.ascending) + grouping.start(index), grouping.size(index));
    const Group<T> group = ascending(shared.data, x);
    return solved(distinct(x), group, request, chunk.price);
  }
  const bool by_counts = request.method == Method::exact && counted(shared.data, index);
  if constexpr (std::is_same_v<T, float>)
    if (by_counts && shared.data.weights.empty()) {
      const Distinct<float> values =
          distinct(shared.data.values, shared.data.grouping, index, {}, shared.ascending, request.objective);
      double finite = 0;
      for (std::size_t i = 0; i < values.size(); ++i) finite += values.weight(i);
      if (finite < static_cast<double>(shared.data.grouping.size(index))) refuse_non_finite(shared.data.values);
      return solved(values, Group<float>{{}, {}, {}, 1}, request, chunk.price);
    }
  const bool sorted = request.method == Method::exact && !by_counts;
  const Group<T> group = load(shared.data, index, chunk, sorted ? Loaded::copied : Loaded::in_place);
  Table table;
  GroupCost& cost = table.cost;
  switch (request.method) {
    case Method::uniform:
      table = uniform(group, request.n_levels);
      cost = request.score ? score(group, table.levels, request.objective)
                           : GroupCost{1, kUnknown, kUnknown, kUnknown, kUnknown};
      break;
    case Method::histogram:
      table = from_histogram(group, request, chunk.price);
      if (request.objective == Objective::mse || !group.weights.empty())
        cost = score(group, table.levels, request.objective, cost.gap);
      break;
    case Method::exact: {
      if constexpr (std::is_same_v<T, float>)
        if (by_counts) {
          return solved(distinct(shared.data.values, shared.data.grouping, index, group.weights, shared.ascending,
                                 request.objective),
                        group, request, chunk.price);
        }
      const Distinct<T> values = distinct<T>(chunk.values, group.weights, request.objective);
      if (group.weights.empty()) chunk.values = {};  // memory is at its peak further on
      return solved(values, group, request, chunk.price);
    }
    case Method::given:
    case Method::rotation:
    case Method::scaled: throw InvalidInput("levels can only be found exactly, by histogram or uniformly");
  }
  if (cost.squared_error == 0) cost.gap = 0;
  cost.unit = group.unit;
  return table;
}

// As many as any group can get: levels that need not be values of the group may outnumber these.
std::size_t most_levels(const Request& request, const Grouping& grouping) {
  const bool of_values = request.method != Method::uniform && request.grid.empty();
  return of_values ? std::min(request.n_levels, grouping.largest()) : request.n_levels;
}

template <typename T>
void solve_all(const Data& data, const Request& request, std::size_t threads, Tables& tables,
               std::vector<GroupCost>& costs) {
  Shared shared{data, request, {}};
  if (data.values.lookup) shared.ascending = ascending_keys(data.values);
  const std::size_t groups = data.grouping.count(), columns = tables.columns;
  const auto fill_row = [columns](const auto& row, auto& rows, std::size_t group) {
    const auto to = rows.begin() + static_cast<std::ptrdiff_t>(group * columns);
    std::fill(std::copy(row.begin(), row.end(), to), to + static_cast<std::ptrdiff_t>(columns), row.back());
  };
  parallel((groups + kChunk - 1) / kChunk, threads, [&](std::size_t first) {
    Chunk<T> chunk;
    for (std::size_t group = first * kChunk; group < std::min(groups, (first + 1) * kChunk); ++group) {
      const Table table = solve_group(shared, group, chunk);
      fill_row(table.levels, tables.levels, group);
      if (!tables.grid_index.empty()) fill_row(table.grid_index, tables.grid_index, group);
      tables.counts[group] = static_cast<std::int64_t>(table.levels.size());
      costs[group] = table.cost;
    }
  });
}

template <typename T>
std::vector<GroupCost> score_all(const Data& data, std::span<const double> levels, std::span<const std::int64_t> counts,
                                 Objective objective) {
  const std::size_t columns = levels.size() / counts.size();
  std::vector<GroupCost> costs(counts.size());
  Chunk<T> chunk;
  for (std::size_t index = 0; index < counts.size(); ++index) {
    Group<T> group = load(data, index, chunk);
    const auto table = levels.subspan(index * columns, static_cast<std::size_t>(counts[index]));
    group.unit =
        std::min(group.unit, unit_for(Range<T>{static_cast<T>(table.front()), static_cast<T>(table.back()), true}));
    costs[index] = score(group, table, objective);
  }
  return costs;
}

template <typename T>
std::vector<double> all_ranges(const Data& data) {
  std::vector<double> ends;
  Chunk<T> chunk;
  for (std::size_t index = 0; index < data.grouping.count(); ++index) {
    const Range<T> range = load(data, index, chunk).range;
    ends.push_back(static_cast<double>(range.low) + 0.0);
    ends.push_back(static_cast<double>(range.high) + 0.0);
  }
  return ends;
}

}  // namespace

Tables solve_groups(const Data& data, const Request& request, std::size_t threads) {
  const std::size_t groups = data.grouping.count(), columns = most_levels(request, data.grouping);
  Tables tables{columns, std::vector<double>(groups * columns), {}, std::vector<std::int64_t>(groups), {}};
  if (!request.grid.empty()) tables.grid_index.resize(groups * columns);
  std::vector<GroupCost> costs(groups);
  data.values.wide() ? solve_all<double>(data, request, threads, tables, costs)
                     : solve_all<float>(data, request, threads, tables, costs);
  tables.cost = total(costs, data.weight_unit);
  return tables;
}

Cost score_groups(const Data& data, std::span<const double> levels, std::span<const std::int64_t> counts,
                  Objective objective) {
  return total(data.values.wide() ? score_all<double>(data, levels, counts, objective)
                                  : score_all<float>(data, levels, counts, objective),
               data.weight_unit);
}

std::vector<double> group_ranges(const Data& data) {
  return data.values.wide() ? all_ranges<double>(data) : all_ranges<float>(data);
}

}  // namespace bh::quantization
