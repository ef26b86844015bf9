// Levels from buckets: see buckets.h.
#include <algorithm>
#include <cmath>

#include "quantization/buckets.h"
#include "quantization/lagrangian.h"
#include "quantization/solve.h"
#include "quantization/tangent.h"

namespace bh::quantization {
namespace {

constexpr double kCoarse = 2e-2;  // share of the error from which on what is lost within buckets matters

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
      if (bucket.after_gap && bucket.low < bucket.high) add(bucket.low, sums[i]);
      add(bucket.high, sums[i + 1]);
    }
  }
  // Sums reach up to and including each node, so that all nodes lie below the anchor.
  UnbiasedCost cost() const { return {nodes, nodes.size()}; }
};

// What levels cost, and how much of it levels inside of buckets could save at most, near enough: what a bucket beside a
// level costs, as the level may be in the wrong place of it, and of any other what it would cost between its own ends.
struct Loss {
  double error = 0, within = 0;
};

Loss unbiased_loss(const Buckets& buckets, const std::vector<double>& levels) {
  Loss loss;
  std::size_t k = 0;
  double below = -HUGE_VAL;  // the end of the last bucket
  for (const Bucket& bucket : buckets.list) {
    if (levels.size() == 1) break;
    while (k + 2 < levels.size() && levels[k + 1] < bucket.high) ++k;
    const double error = buckets.between(bucket, levels[k], levels[k + 1]);
    const bool beside = bucket.low < bucket.high && (bucket.high == levels[k + 1] || below <= levels[k]);
    loss.error += error;
    loss.within += beside ? error : buckets.between(bucket, bucket.low, bucket.high);
    below = bucket.high;
  }
  return loss;
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

BucketLevels unbiased_levels(const Buckets& buckets, std::size_t s, Certify certify) {
  BucketNodes nodes(buckets);
  BucketLevels found;
  const bool all = nodes.nodes.size() <= s;
  if (all) {
    found.levels = std::move(nodes.values);
  } else {
    double price = 0;
    for (const Index i : solve(nodes.cost(), s - 1, price).path) found.levels.push_back(nodes.values[i]);
  }
  const Loss loss = unbiased_loss(buckets, found.levels);
  found.squared_error = loss.error;
  found.coarse = loss.within > kCoarse * loss.error;
  if (found.squared_error == 0)
    found.gap = 0;
  else if (certify == Certify::always || (certify == Certify::where_coarse && found.coarse))
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
  BucketLevels found;
  double within = 0;
  for (std::size_t link = 0; link + 1 < path.size(); ++link) {
    const Bucket &first = buckets.list[path[link]], &last = buckets.list[path[link + 1] - 1];
    double weight = 0, sum = 0;
    for (std::size_t i = path[link]; i < path[link + 1]; ++i)
      weight += buckets.list[i].weight, sum += buckets.list[i].weight * buckets.mean(buckets.list[i]);
    const double level = std::clamp((sum / weight + buckets.center) / buckets.unit, first.low, last.high);
    found.levels.push_back(level);
    for (std::size_t i = path[link]; i < path[link + 1]; ++i) {
      const Bucket& bucket = buckets.list[i];
      within += bucket.spread;
      found.squared_error += buckets.around(bucket, level);
    }
  }
  found.coarse = within > kCoarse * found.squared_error;
  if (found.squared_error == 0) found.gap = 0;
  return found;
}

}  // namespace

BucketLevels bucket_levels(const Buckets& buckets, std::size_t s, Objective objective, Certify certify) {
  return objective == Objective::unbiased ? unbiased_levels(buckets, s, certify) : mean_levels(buckets, s);
}

double histogram_norm(const Histogram& histogram) {
  const double center = histogram.center();
  double norm = 0;
  histogram.each([&](std::int32_t, const Histogram::Bucket& bucket) {
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
