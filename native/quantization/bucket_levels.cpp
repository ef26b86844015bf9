// Levels from the buckets of a histogram: see histogram.h.
#include <algorithm>
#include <limits>

#include "quantization/histogram.h"
#include "quantization/lagrangian.h"
#include "quantization/solve.h"
#include "quantization/tangent.h"

namespace bh::quantization {
namespace {

using Bucket = Histogram::Bucket;

constexpr double kUncertified = std::numeric_limits<double>::quiet_NaN();

// The buckets that carry weight, and for unbiased levels those at the two ends whatever they carry.
struct Buckets {
  std::vector<Bucket> list;
  std::vector<bool> after_gap;  // the bucket below is empty
  double unit, center;

  Buckets(const Histogram& histogram, Objective objective) : unit(histogram.unit()), center(histogram.center()) {
    std::int64_t last = INT64_MIN;
    histogram.each([&](std::int32_t index, const Bucket& bucket) {
      const bool end = bucket.low == histogram.minimum() || bucket.high == histogram.maximum();
      if (!(bucket.weight > 0) && !(end && objective == Objective::unbiased)) return;
      list.push_back(bucket);
      after_gap.push_back(index != last + 1);
      last = index;
    });
  }

  double x(double value) const { return value * unit - center; }

  Storage<Node> sums() const {
    const auto weight = [this](std::size_t i) { return list[i].weight; };
    return boundaries(list.size(), weighted_median(list.size(), weight),
                      [this](std::size_t i) { return Node{0, list[i].weight, list[i].v, list[i].v2}; });
  }

  // The spread of a bucket's values around their mean; nothing for a single value, whatever rounding says.
  double spread(const Bucket& bucket) const {
    return bucket.low == bucket.high ? 0 : std::max(0.0, bucket.v2 - bucket.v * bucket.v / bucket.weight);
  }
  double mean(const Bucket& bucket) const {
    return bucket.low == bucket.high ? x(bucket.low) : bucket.v / bucket.weight;
  }
};

// Nodes at the buckets' maxima, and at the minimum of a bucket that follows a gap: without those no level could.
struct BucketNodes {
  std::vector<Node> nodes;
  std::vector<double> values;

  explicit BucketNodes(const Buckets& buckets) {
    const Storage<Node> sums = buckets.sums();
    const auto add = [&](double value, const Node& sum) {
      nodes.push_back({buckets.x(value), sum.a, sum.b, sum.g});
      values.push_back(value);
    };
    for (std::size_t i = 0; i < buckets.list.size(); ++i) {
      const Bucket& bucket = buckets.list[i];
      if (buckets.after_gap[i] && bucket.low < bucket.high) add(bucket.low, sums[i]);
      add(bucket.high, sums[i + 1]);
    }
  }
  // Sums reach up to and including each node, so that all nodes lie below the anchor.
  UnbiasedCost cost() const { return {nodes, nodes.size()}; }
};

double unbiased_error(const Buckets& buckets, const std::vector<double>& levels) {
  double error = 0;
  std::size_t k = 0;
  for (const Bucket& bucket : buckets.list) {
    if (!(bucket.weight > 0) || levels.size() == 1) continue;
    while (k + 2 < levels.size() && levels[k + 1] < bucket.high) ++k;
    const double mean = buckets.mean(bucket);
    const double product = (buckets.x(levels[k + 1]) - mean) * (mean - buckets.x(levels[k]));
    error += std::max(0.0, bucket.weight * product - buckets.spread(bucket));
  }
  return error;
}

// A bound on what any levels cost: every bucket is a cell from its minimum to its maximum, in which a level may lie.
double certificate(const Buckets& buckets, const std::vector<double>& levels, double error) {
  const Storage<Node> sums = buckets.sums();
  std::vector<Node> nodes;
  Cells cells;
  Path path;
  for (std::size_t i = 0; i < buckets.list.size(); ++i) {
    const Bucket& bucket = buckets.list[i];
    const auto at = static_cast<Index>(nodes.size());
    cells.push_back({at, at + 1});
    nodes.push_back({buckets.x(bucket.low), sums[i].a, sums[i].b, sums[i].g});
    nodes.push_back({buckets.x(bucket.high), sums[i + 1].a, sums[i + 1].b, sums[i + 1].g});
    if (path.size() < levels.size() && levels[path.size()] == bucket.low) path.push_back(at);
    if (path.size() < levels.size() && levels[path.size()] == bucket.high) path.push_back(at + 1);
  }
  path.back() = static_cast<Index>(nodes.size() - 1);
  const double bound = lower_bound(UnbiasedCost(nodes, nodes.size()), path, cells);
  return std::clamp((error - bound) / error, 0.0, 1.0);
}

BucketLevels unbiased_levels(const Buckets& buckets, std::size_t s, bool certify) {
  BucketNodes nodes(buckets);
  BucketLevels found{{}, 0, kUncertified};
  const bool all = nodes.nodes.size() <= s;
  if (all) {
    found.levels = std::move(nodes.values);
  } else {
    double price = 0;
    for (const Index i : solve(nodes.cost(), s - 1, price).path) found.levels.push_back(nodes.values[i]);
  }
  found.squared_error = unbiased_error(buckets, found.levels);
  if (found.squared_error == 0)
    found.gap = 0;
  else if (certify)
    found.gap = all && found.levels.size() < s ? 1 : certificate(buckets, found.levels, found.squared_error);
  return found;
}

BucketLevels mean_levels(const Buckets& buckets, std::size_t s) {
  const Storage<Node> sums = buckets.sums();
  const std::size_t n = buckets.list.size();
  Path path;
  if (n <= s) {
    for (std::size_t i = 0; i <= n; ++i) path.push_back(static_cast<Index>(i));
  } else {
    double price = 0;
    path = solve(KMeansCost(sums), s, price).path;
  }
  BucketLevels found{{}, 0, kUncertified};
  for (std::size_t link = 0; link + 1 < path.size(); ++link) {
    const Bucket &first = buckets.list[path[link]], &last = buckets.list[path[link + 1] - 1];
    double weight = 0, sum = 0;
    for (std::size_t i = path[link]; i < path[link + 1]; ++i)
      weight += buckets.list[i].weight, sum += buckets.list[i].weight * buckets.mean(buckets.list[i]);
    const double level = std::clamp((sum / weight + buckets.center) / buckets.unit, first.low, last.high);
    found.levels.push_back(level);
    for (std::size_t i = path[link]; i < path[link + 1]; ++i) {
      const Bucket& bucket = buckets.list[i];
      const double off = buckets.mean(bucket) - buckets.x(level);
      found.squared_error += buckets.spread(bucket) + bucket.weight * off * off;
    }
  }
  if (found.squared_error == 0) found.gap = 0;
  return found;
}

}  // namespace

BucketLevels histogram_levels(const Histogram& histogram, std::size_t s, Objective objective, bool certify) {
  const Buckets buckets(histogram, objective);
  return objective == Objective::unbiased ? unbiased_levels(buckets, s, certify) : mean_levels(buckets, s);
}

double histogram_norm(const Histogram& histogram) {
  const double center = histogram.center();
  double norm = 0;
  histogram.each([&](std::int32_t, const Bucket& bucket) {
    norm += std::max(0.0, bucket.v2 + center * (2 * bucket.v + center * bucket.weight));
  });
  return norm;
}

double histogram_price(const Histogram& histogram, std::size_t links, Objective objective) {
  const Buckets buckets(histogram, objective);
  if (buckets.list.size() < 2 * (links + 1)) return 0;
  if (objective == Objective::unbiased) return lagrangian(BucketNodes(buckets).cost(), links, 0).price;
  const Storage<Node> sums = buckets.sums();
  return lagrangian(KMeansCost(sums), links, 0).price;
}

}  // namespace bh::quantization
