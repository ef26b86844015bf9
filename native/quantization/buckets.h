// Buckets as solvers see them, whether a histogram counted values in them or values in order were cut into them.
#pragma once
#include <cstddef>
#include <limits>
#include <vector>

#include "quantization/distinct.h"
#include "quantization/histogram.h"

namespace bh::quantization {

struct Bucket {
  double weight;
  double mean, spread;  // times `unit`: how far above the low end, and the weighted sum of squares around it
  double low, high;     // the ends, as values came
  bool after_gap;       // there is room below, so that a level may be needed at the low end too
};

struct Buckets {
  std::vector<Bucket> list;
  double unit, center;

  // Those that carry weight, and for unbiased levels those at the two ends whatever they carry.
  Buckets(const Histogram& histogram, Objective objective);

  // At most `most` buckets of values in order: the one whose weight times squared width is greatest is halved, again
  // and again, so that they are narrow where values lie close, however far apart the places are.
  template <typename T>
  Buckets(const Distinct<T>& values, std::size_t most, double unit);

  double x(double value) const { return value * unit - center; }
  double width(const Bucket& bucket) const { return bucket.high * unit - bucket.low * unit; }
  double mean(const Bucket& bucket) const { return x(bucket.low) + bucket.mean; }
  // The error of a bucket between two levels, and of one that goes to a single level; from its own low end, so that
  // nothing cancels however far that is from the center.
  double between(const Bucket& bucket, double low, double high) const;
  double around(const Bucket& bucket, double level) const;

 private:
  void settle(Bucket& bucket, const Histogram::Bucket& counted, Objective objective, double rounding) const;
};

// A choice of levels from buckets alone.
struct BucketLevels {
  std::vector<double> levels;
  double squared_error = 0;                               // bucket by bucket, in units of (1 / unit)^2
  double gap = std::numeric_limits<double>::quiet_NaN();  // no levels have an error below (1 - gap) of this, if known
  bool coarse = false;  // levels inside of buckets, where none may be, could save a share of the error that matters
};

// When to bound the error of any levels from below.
enum class Certify { never, where_coarse, always };

BucketLevels bucket_levels(const Buckets& buckets, std::size_t s, Objective objective, Certify certify);

}  // namespace bh::quantization
