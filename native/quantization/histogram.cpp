#include "quantization/histogram.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "support/errors.h"
#include "support/shared.h"
#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kSample = 4096;  // values that settle center and scale
constexpr std::size_t kBatch = 512;    // keys computed at a time
constexpr double kReach = 1e150;       // most distance from the center, times the root of all weight
constexpr double kWeight = 1e290;      // most weight
constexpr double kTiny = 1e-270;       // products below have lost digits

// Whether a sum is greater than it can be, whatever the rounding of however many terms.
bool exceeds(double sum, double most) { return !(sum <= most * (1 + 0x1p-10) + kTiny); }

// Copies values, held within the range that room was made for, and finds their buckets.
template <typename T>
BH_INLINE void keys_of(const T* x, std::size_t n, Range<T> range, double unit, double center, double inverse,
                       std::uint32_t shift, double* values, std::int32_t* keys) {
  for (std::size_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(within(x[i], range.low, range.high)) + 0.0;
    values[i] = value;
    keys[i] = bucket_index(value * unit, center, inverse, shift);
  }
}

}  // namespace

BH_MULTIVERSION void histogram_keys(const float* x, std::size_t n, Range<float> range, double unit, double center,
                                    double inverse, std::uint32_t shift, double* values, std::int32_t* keys) {
  keys_of(x, n, range, unit, center, inverse, shift, values, keys);
}
BH_MULTIVERSION void histogram_keys(const double* x, std::size_t n, Range<double> range, double unit, double center,
                                    double inverse, std::uint32_t shift, double* values, std::int32_t* keys) {
  keys_of(x, n, range, unit, center, inverse, shift, values, keys);
}

Histogram::Histogram(double center, double scale, std::uint32_t bins, double unit)
    : center_(center), scale_(scale), inverse_(1.0 / scale), unit_(unit), bins_(bins) {}

template <typename T>
Histogram Histogram::like(const Stretches<T>& x, Range<T> range, std::uint32_t bins, double unit) {
  std::vector<double> sample(std::min(x.size(), kSample));
  for (std::size_t i = 0; i < sample.size(); ++i)
    sample[i] = static_cast<double>(within(x[i * x.size() / sample.size()], range.low, range.high)) * unit + 0.0;
  const auto quantile = [&](std::size_t quarter) {
    const auto at = sample.begin() + static_cast<std::ptrdiff_t>(quarter * (sample.size() - 1) / 4);
    std::nth_element(sample.begin(), at, sample.end());
    return *at;
  };
  const double center = quantile(2);
  // Halves, as the ends may be the largest doubles there are.
  const double low = static_cast<double>(range.low) * unit / 2, high = static_cast<double>(range.high) * unit / 2;
  const double reach = std::max(high - center / 2, center / 2 - low);
  double scale = quantile(3) / 2 - quantile(1) / 2;
  if (scale == 0) scale = reach * 2 / bins;
  return Histogram(center, std::max({scale, reach * 0x1p-99, kLeastScale}), bins, unit);
}

void Histogram::coarsen() {
  ++shift_;
  const auto halved = [](std::int32_t i) { return i > 0 ? 1 + ((i - 1) >> 1) : -(-i >> 1); };
  if (buckets_.empty()) return;
  const std::int32_t first = halved(first_), last = halved(first_ + static_cast<std::int32_t>(buckets_.size()) - 1);
  std::vector<Bucket> wider(static_cast<std::size_t>(last - first + 1));
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    Bucket& to = wider[static_cast<std::size_t>(halved(first_ + static_cast<std::int32_t>(i)) - first)];
    const Bucket& from = buckets_[i];
    to.weight += from.weight, to.v += from.v, to.v2 += from.v2;
    to.low = std::min(to.low, from.low), to.high = std::max(to.high, from.high);
  }
  buckets_ = std::move(wider);
  first_ = first;
}

void Histogram::cover(double low, double high) {
  std::int64_t first = 0, last = 0;
  for (;; coarsen()) {
    first = index(low), last = index(high);
    if (!buckets_.empty()) {
      first = std::min<std::int64_t>(first, first_);
      last = std::max<std::int64_t>(last, first_ + static_cast<std::int64_t>(buckets_.size()) - 1);
    }
    if (last - first < static_cast<std::int64_t>(bins_)) break;
  }
  const auto wanted = static_cast<std::size_t>(last - first + 1);
  if (wanted == buckets_.size()) return;
  std::vector<Bucket> wider(wanted);
  std::copy(buckets_.begin(), buckets_.end(), wider.begin() + (buckets_.empty() ? 0 : first_ - first));
  buckets_ = std::move(wider);
  first_ = static_cast<std::int32_t>(first);
}

// Least and greatest value are those in the buckets: what the range of new values promised may be there no more.
void Histogram::settle_ends() {
  const auto held = [](const Bucket& bucket) { return !bucket.empty(); };
  minimum_ = std::find_if(buckets_.begin(), buckets_.end(), held)->low;
  maximum_ = std::find_if(buckets_.rbegin(), buckets_.rend(), held)->high;
}

// Sums of squares must stay finite, in every solver too: no distance, squared, times all of the weight may overflow.
void Histogram::check_reach(double low, double high, double weight) const {
  const double reach = std::max({high * unit_ - center_, center_ - low * unit_, reach_of(minimum_, maximum_)});
  if (reach * std::sqrt(weight) < kReach && weight < kWeight) return;
  throw InvalidInput("values lie up to " + shown(reach) + " away from the center and weigh " + shown(weight) +
                     " in all, so sums of squares would overflow; scale the values or the weights down");
}

double Histogram::reach_of(double low, double high) const {
  return low <= high ? std::max(high * unit_ - center_, center_ - low * unit_) : 0;
}

// Where a single value was seen, its bucket serves any center and scale: whoever has seen more tells which are right.
template <typename T>
void Histogram::settle_like(const Stretches<T>& x, Range<T> range) {
  const Histogram before = *this;
  const double low = std::min(minimum_, static_cast<double>(range.low)),
               high = std::max(maximum_, static_cast<double>(range.high));
  if (!(low < high)) return;
  constexpr double most = std::numeric_limits<T>::max();  // the value seen may be beyond it
  *this = like(x, {static_cast<T>(std::max(low, -most)), static_cast<T>(std::min(high, most)), true}, bins_, unit_);
  take_single(before);
}

void Histogram::take_single(const Histogram& other) {
  if (other.count_ == 0) return;
  const double value = other.minimum_, weight = other.total_weight(), v = value * unit_ - center_;
  check_reach(value, value, total_weight() + weight);
  cover(value, value);
  Bucket& bucket = buckets_[static_cast<std::size_t>(index(value) - first_)];
  bucket.weight += weight, bucket.v += weight * v, bucket.v2 += weight * v * v;
  bucket.low = std::min(bucket.low, value), bucket.high = std::max(bucket.high, value);
  count_ += other.count_;
  settle_ends();
}

template <typename T>
void Histogram::add(std::size_t first, std::span<const T> x, std::span<const double> weights, Range<T> range) {
  double values[kBatch];
  std::int32_t keys[kBatch];
  for (std::size_t i = 0; i < x.size(); i += kBatch) {
    const std::size_t n = std::min(kBatch, x.size() - i);
    histogram_keys(x.data() + i, n, range, unit_, center_, inverse_, shift_, values, keys);
    const auto add = [&](const auto& weight) {
      for (std::size_t j = 0; j < n; ++j) {
        Bucket& bucket = buckets_[static_cast<std::size_t>(keys[j] - first_)];
        const double value = values[j], v = value * unit_ - center_, w = weight(first + i + j);
        bucket.weight += w;
        bucket.v += w * v;
        bucket.v2 += w * v * v;
        bucket.low = value < bucket.low ? value : bucket.low;
        bucket.high = value > bucket.high ? value : bucket.high;
      }
    };
    if (weights.empty())
      add([](std::size_t) { return 1.0; });
    else
      add([&](std::size_t at) { return weights[at]; });
  }
}

template <typename T>
void Histogram::update(const Stretches<T>& x, std::span<const double> weights, Range<T> range) {
  if (x.size() == 0) return;
  if (!settled() && range.low < range.high) {
    Histogram made = *this;
    made.settle_like(x, range);
    made.update(x, weights, range);
    *this = std::move(made);
    return;
  }
  const double weight = weights.empty() ? static_cast<double>(x.size()) : std::reduce(weights.begin(), weights.end());
  check_reach(static_cast<double>(range.low), static_cast<double>(range.high), total_weight() + weight);
  cover(static_cast<double>(range.low), static_cast<double>(range.high));
  count_ += x.size();
  x.each([&](std::size_t first, std::span<const T> stretch) { add(first, stretch, weights, range); });
  settle_ends();
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (count_ > std::numeric_limits<std::uint64_t>::max() - other.count_)
    throw CapacityExceeded("these histograms have seen more than 2**64 - 1 values together; merge fewer");
  if (!settled() || !other.settled()) return merge_unsettled(other);
  if (center_ != other.center_ || scale_ != other.scale_)
    throw InvalidInput("these histograms have another center or scale; make both with the same");
  check_reach(other.minimum_, other.maximum_, total_weight() + other.total_weight());
  Histogram narrow = other;
  if (count_ == 0) shift_ = narrow.shift_;
  while (shift_ < narrow.shift_) coarsen();
  cover(narrow.minimum_, narrow.maximum_);
  while (narrow.shift_ < shift_) narrow.coarsen();
  for (std::size_t i = 0; i < narrow.buckets_.size(); ++i) {
    const Bucket& from = narrow.buckets_[i];
    if (from.empty()) continue;
    Bucket& to = buckets_[static_cast<std::size_t>(narrow.first_ + static_cast<std::int32_t>(i) - first_)];
    to.weight += from.weight, to.v += from.v, to.v2 += from.v2;
    to.low = std::min(to.low, from.low), to.high = std::max(to.high, from.high);
  }
  count_ += narrow.count_;
  settle_ends();
}

void Histogram::merge_unsettled(const Histogram& other) {
  Histogram made = settled() ? *this : other;
  const Histogram& single = settled() ? other : *this;
  if (!made.settled() && single.count_ > 0) {  // two single values tell a scale together
    const double ends[] = {std::min(made.minimum_, single.minimum_), std::max(made.minimum_, single.minimum_)};
    made.settle_like<double>(std::span<const double>(ends), {ends[0], ends[1], true});
  }
  made.take_single(single);
  made.bins_ = bins_;
  made.cover(made.minimum_, made.maximum_);
  *this = std::move(made);
}

double Histogram::total_weight() const {
  double total = 0;
  for (const Bucket& bucket : buckets_) total += bucket.weight;
  return total;
}

std::size_t Histogram::buckets() const {
  return static_cast<std::size_t>(
      std::count_if(buckets_.begin(), buckets_.end(), [](const Bucket& b) { return !b.empty(); }));
}

const char* Histogram::broken() const {
  if (buckets_.size() > bins_) return "more buckets than bins";
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    const Bucket& bucket = buckets_[i];
    if (bucket.empty()) continue;
    const std::int32_t here = first_ + static_cast<std::int32_t>(i);
    if (!(bucket.weight >= 0) || !std::isfinite(bucket.weight)) return "a weight that is negative or not finite";
    if (!std::isfinite(bucket.v) || !std::isfinite(bucket.v2) || bucket.v2 < 0) return "sums that no values can have";
    if (index(bucket.low) != here || index(bucket.high) != here) return "a value outside its bucket";
    const double reach = std::max(std::abs(bucket.low * unit_ - center_), std::abs(bucket.high * unit_ - center_));
    if (exceeds(std::abs(bucket.v), bucket.weight * reach) || exceeds(bucket.v2, bucket.weight * reach * reach) ||
        exceeds(bucket.v * (bucket.v / std::max(bucket.weight, kTiny)), bucket.v2))
      return "sums that no values can have";
    low = std::min(low, bucket.low);
    high = std::max(high, bucket.high);
  }
  if (low != minimum_ || high != maximum_) return "a minimum or maximum that is in no bucket";
  if (!(reach_of(low, high) * std::sqrt(total_weight()) < kReach && total_weight() < kWeight))
    return "weights and values whose squares overflow";
  if ((count_ == 0) != buckets_.empty()) return "a count that does not match the buckets";
  return nullptr;
}

void Histogram::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

template Histogram Histogram::like(const Stretches<float>&, Range<float>, std::uint32_t, double);
template Histogram Histogram::like(const Stretches<double>&, Range<double>, std::uint32_t, double);
template void Histogram::update(const Stretches<float>&, std::span<const double>, Range<float>);
template void Histogram::update(const Stretches<double>&, std::span<const double>, Range<double>);

}  // namespace bh::quantization
