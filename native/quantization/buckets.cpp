#include "quantization/buckets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bh::quantization {
namespace {

constexpr double kSure = 1024;  // times the rounding of what it is the difference of, and a number is taken as it is

// Values [from, to) in order, and what it is worth to halve them.
struct Run {
  double loss;
  std::size_t from, to;
};
bool operator<(const Run& a, const Run& b) { return a.loss < b.loss || (a.loss == b.loss && a.from < b.from); }

// The weight of the first i values.
template <typename T>
class WeightBefore {
 public:
  explicit WeightBefore(const Distinct<T>& values) : values_(values) {
    if (values.weights.empty()) return;
    sums_.resize(values.size() + 1);
    sums_[0] = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sums_[i + 1] = sums_[i] + values.weights[i];
  }
  double operator()(std::size_t i) const {
    if (!sums_.empty()) return sums_[i];
    if (values_.ends.empty()) return static_cast<double>(i);
    return i == 0 ? 0 : values_.ends[i - 1];
  }

 private:
  const Distinct<T>& values_;
  Storage<double> sums_;
};

template <typename T>
std::vector<Run> cut(const Distinct<T>& values, std::size_t most, double unit) {
  const WeightBefore<T> weight_before(values);
  const auto at = [&](std::size_t i) { return static_cast<double>(values.values[i]); };
  const auto run = [&](std::size_t from, std::size_t to) {
    const double width = at(to - 1) * unit - at(from) * unit;
    return Run{(weight_before(to) - weight_before(from)) * width * width, from, to};
  };
  std::vector<Run> runs{run(0, values.size())};
  while (runs.size() < most && runs.front().loss > 0) {
    std::pop_heap(runs.begin(), runs.end());
    const Run whole = runs.back();
    runs.pop_back();
    const double middle = at(whole.from) / 2 + at(whole.to - 1) / 2;
    const auto begin = values.values.begin();
    const auto found = std::partition_point(begin + static_cast<std::ptrdiff_t>(whole.from),
                                            begin + static_cast<std::ptrdiff_t>(whole.to),
                                            [middle](T value) { return static_cast<double>(value) < middle; });
    const auto half = std::clamp(static_cast<std::size_t>(found - begin), whole.from + 1, whole.to - 1);
    for (const Run& part : {run(whole.from, half), run(half, whole.to)}) {
      runs.push_back(part);
      std::push_heap(runs.begin(), runs.end());
    }
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.from < b.from; });
  return runs;
}

}  // namespace

// Mean and spread from sums about the center. Where the bucket is so narrow for its distance that they are lost in the
// rounding of the sums, they are the worst that its ends allow.
void Buckets::settle(Bucket& bucket, const Histogram::Bucket& counted, Objective objective, double rounding) const {
  bucket.mean = std::clamp(counted.v / bucket.weight - x(bucket.low), 0.0, width(bucket));
  bucket.spread = std::max(0.0, counted.v2 - counted.v * counted.v / bucket.weight);
  const bool known = kSure * counted.step < width(bucket);
  if (known && bucket.spread > kSure * rounding * counted.v2) return;
  if (!known || rounding * std::abs(counted.v) > width(bucket) * bucket.weight) bucket.mean = width(bucket) / 2;
  bucket.spread = objective == Objective::mse ? bucket.weight * (width(bucket) - bucket.mean) * bucket.mean : 0;
}

Buckets::Buckets(const Histogram& histogram, Objective objective) : unit(histogram.unit()), center(histogram.center()) {
  const double rounding = 0x1p-50 * std::sqrt(static_cast<double>(histogram.count()));
  std::int64_t last = INT64_MIN;
  histogram.each([&](std::int32_t index, const Histogram::Bucket& counted) {
    const bool end = counted.low == histogram.minimum() || counted.high == histogram.maximum();
    if (!(counted.weight > 0) && !(end && objective == Objective::unbiased)) return;
    list.push_back({counted.weight, 0, 0, counted.low, counted.high, index != last + 1});
    if (counted.low < counted.high && counted.weight > 0) settle(list.back(), counted, objective, rounding);
    last = index;
  });
}

template <typename T>
Buckets::Buckets(const Distinct<T>& values, std::size_t most, double in_units)
    : unit(in_units), center(static_cast<double>(values.values[values.size() / 2]) * in_units) {
  for (const Run& run : cut(values, most, unit)) {
    const auto low = static_cast<double>(values.values[run.from]),
               high = static_cast<double>(values.values[run.to - 1]);
    double weight = 0, sum = 0, spread = 0;
    for (std::size_t i = run.from; i < run.to; ++i) {
      weight += values.weight(i);
      sum += values.weight(i) * (static_cast<double>(values.values[i]) * unit - low * unit);
    }
    const double mean = weight > 0 ? sum / weight : 0;
    for (std::size_t i = run.from; i < run.to; ++i) {
      const double off = static_cast<double>(values.values[i]) * unit - low * unit - mean;
      spread += values.weight(i) * off * off;
    }
    const bool room = list.empty() || low - list.back().high > high - low;
    list.push_back({weight, std::min(mean, high * unit - low * unit), spread, low, high, room});
  }
}

double Buckets::between(const Bucket& bucket, double low, double high) const {
  const double up = high * unit - bucket.low * unit - bucket.mean, down = bucket.low * unit - low * unit + bucket.mean;
  return bucket.weight > 0 ? std::max(0.0, bucket.weight * (up * down) - bucket.spread) : 0;
}

double Buckets::around(const Bucket& bucket, double level) const {
  const double off = bucket.low * unit - level * unit + bucket.mean;
  return bucket.spread + bucket.weight * off * off;
}

template Buckets::Buckets(const Distinct<float>&, std::size_t, double);
template Buckets::Buckets(const Distinct<double>&, std::size_t, double);

}  // namespace bh::quantization
