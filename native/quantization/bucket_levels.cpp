// Levels from buckets: see buckets.h.
#include <algorithm>
#include <cmath>

#include "quantization/buckets.h"
#include "quantization/narrow.h"
#include "quantization/solve.h"

namespace bh::quantization {
namespace {

constexpr double kCoarse = 2e-2;  // share of the error from which on what is lost within buckets matters

// A bucket's sums between two points that enclose it.
Piece between(const Buckets& buckets, const Bucket& bucket, double l, double h) {
  const double up = bucket.low * buckets.unit - l + bucket.mean, down = h - bucket.low * buckets.unit - bucket.mean;
  const double weight = bucket.weight, low = std::max(0.0, up), high = std::max(0.0, down);
  return {weight, weight * low, weight * high, std::max(0.0, weight * (low * high) - bucket.spread)};
}

// Points at the buckets' maxima, and at the minimum of a bucket that follows a gap: without those no level could.
struct BucketPoints {
  Chain chain;
  std::vector<double> values;

  explicit BucketPoints(const Buckets& buckets) {
    const auto add = [&](double value, const Bucket* bucket) {
      const double x = value * buckets.unit;
      chain.add(static_cast<Index>(values.size()), x,
                bucket && !values.empty() ? between(buckets, *bucket, chain.places.back(), x) : Piece{});
      values.push_back(value);
    };
    for (const Bucket& bucket : buckets.list) {
      if (bucket.after_gap && bucket.low < bucket.high) add(bucket.low, nullptr);
      add(bucket.high, &bucket);
    }
  }
};

// Boundaries between buckets, as if all of a bucket's values were at their mean, with its spread.
Chain boundaries(const Buckets& buckets) {
  Chain chain;
  for (const Bucket& bucket : buckets.list) {
    const double mean = bucket.low * buckets.unit + bucket.mean;
    chain.add(static_cast<Index>(chain.size()), chain.size() == 0 ? mean : std::max(mean, chain.places.back()), {});
  }
  chain.add(static_cast<Index>(chain.size()), chain.places.back(), {});
  for (std::size_t i = 0; i < chain.pieces.size(); ++i)
    chain.pieces[i] = {buckets.list[i].weight, 0, chain.x(i + 1) - chain.x(i), buckets.list[i].spread};
  return chain;
}

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
double certificate(const Buckets& buckets, std::size_t links, double price, double error) {
  if (links == 1) return 0;  // there is no choice
  Chain chain;
  for (const Bucket& bucket : buckets.list) {
    const double low = bucket.low * buckets.unit, high = bucket.high * buckets.unit, width = high - low;
    // The ends of all are levels in any case, and leave the whole bucket to its other end.
    const bool first = &bucket == &buckets.list.front(), last = &bucket == &buckets.list.back();
    const double lower = first ? 0 : last ? width : width / 2;
    chain.add(0, low, {});
    chain.cells.push_back({0, 1, 0, lower, 0, lower});
    chain.add(0, high, between(buckets, bucket, low, high));
    chain.cells.push_back({0, 1, width - lower, 0, width - lower, 0});
  }
  chain.cells.back() = {};
  const double bound = narrow<Objective::unbiased>(chain, links, price, error, price / 8).bound;
  return std::clamp((error - bound) / error, 0.0, 1.0);
}

BucketLevels unbiased_levels(const Buckets& buckets, std::size_t s, Certify certify) {
  BucketPoints points(buckets);
  BucketLevels found;
  const bool all = points.chain.size() < s;
  double price = 0;
  if (all) {
    found.levels = std::move(points.values);
  } else {
    for (const Index i : solve<Objective::unbiased>(points.chain, s - 1, price).path)
      found.levels.push_back(points.values[i]);
  }
  const Loss loss = unbiased_loss(buckets, found.levels);
  found.squared_error = loss.error;
  found.coarse = loss.within > kCoarse * loss.error;
  if (found.squared_error == 0)
    found.gap = 0;
  else if (certify == Certify::always || (certify == Certify::where_coarse && found.coarse))
    found.gap = all ? 1 : certificate(buckets, s - 1, price, found.squared_error);
  return found;
}

BucketLevels mean_levels(const Buckets& buckets, std::size_t s) {
  const std::size_t n = buckets.list.size();
  Path path;
  if (n <= s) {
    for (std::size_t i = 0; i <= n; ++i) path.push_back(static_cast<Index>(i));
  } else {
    double price = 0;
    path = solve<Objective::mse>(boundaries(buckets), s, price).path;
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

}  // namespace bh::quantization
