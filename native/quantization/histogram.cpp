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

// What makes a key of a value.
struct KeyScale {
  double unit, center, inverse, per_power;
  std::uint32_t shift;
};

// Whether a sum is greater than it can be, whatever the rounding of however many terms.
bool exceeds(double sum, double most) { return !(sum <= most * (1 + 0x1p-10) + kTiny); }

// A bucket with values between 2^octave - 1 and 2^(octave + 1) - 1 scales from the center sums them in steps of
// 2^(octave - kBits) times the power of two below the scale, so that there are fewer than ExactSums::kMost.
// From 258 bins on, no bucket ever spans two octaves, and so steps never change.
constexpr int kBits = ExactSums::kBits - 2, kMostOctave = 127;

inline int octave_of(std::int32_t index, std::uint32_t shift) {
  const auto magnitude = static_cast<std::uint32_t>(index > 0 ? index - 1 : -index);
  return std::min(static_cast<int>((((magnitude + 1) << shift) - 1) >> 23), kMostOctave);
}

// 2^power, for powers that normal numbers have.
inline double power_of_two(int power) { return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + power) << 52); }

// Copies values, held within the range that room was made for, and finds their buckets.
template <typename T>
BH_INLINE void keys_of(const T* x, std::size_t n, Range<T> range, KeyScale by, double* values, std::int32_t* keys) {
  const double unit = by.unit, center = by.center, inverse = by.inverse;
  const std::uint32_t shift = by.shift;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(within(x[i], range.low, range.high)) + 0.0;
    values[i] = value;
    keys[i] = bucket_index(value * unit, center, inverse, shift);
  }
}

}  // namespace

BH_MULTIVERSION void histogram_keys(const float* x, std::size_t n, Range<float> range, KeyScale by, double* values,
                                    std::int32_t* keys) {
  keys_of(x, n, range, by, values, keys);
}
BH_MULTIVERSION void histogram_keys(const double* x, std::size_t n, Range<double> range, KeyScale by, double* values,
                                    std::int32_t* keys) {
  keys_of(x, n, range, by, values, keys);
}
// How many steps values are from the center.
BH_MULTIVERSION void histogram_steps(const double* values, const std::int32_t* keys, std::size_t n, KeyScale by,
                                     double* steps) {
  const double unit = by.unit, center = by.center, per_power = by.per_power;
  const std::uint32_t shift = by.shift;
  for (std::size_t i = 0; i < n; ++i)
    steps[i] = (values[i] * unit - center) * per_power * power_of_two(kBits - octave_of(keys[i], shift));
}

Histogram::Histogram(double center, double scale, std::uint32_t bins, double unit)
    : center_(center),
      scale_(scale),
      inverse_(1.0 / scale),
      unit_(unit),
      power_(std::ldexp(1.0, std::ilogb(scale))),
      bins_(bins) {}

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
  const double least = range.low < range.high ? 2 * kLeastScale : kLeastScale;  // the least is of who knows no scale
  return Histogram(center, std::max({scale, reach * 0x1p-99, least}), bins, unit);
}

void Histogram::coarsen() {
  ++shift_;
  const auto halved = [](std::int32_t i) { return i > 0 ? 1 + ((i - 1) >> 1) : -(-i >> 1); };
  if (cells_.empty()) return;
  const std::int32_t first = halved(first_), last = halved(first_ + static_cast<std::int32_t>(cells_.size()) - 1);
  const auto wanted = static_cast<std::size_t>(last - first + 1);
  std::vector<Cell> wider(wanted);
  std::vector<Rounded> beside(rounded_.empty() ? 0 : wanted);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const std::int32_t index = first_ + static_cast<std::int32_t>(i), half = halved(index);
    const auto at = static_cast<std::size_t>(half - first);
    if (shift_ > 23) cells_[i].sums.coarsen(octave_of(half, shift_) - octave_of(index, shift_ - 1));
    wider[at].add(cells_[i]);
    if (!beside.empty()) beside[at].add(rounded_[i]);
  }
  cells_ = std::move(wider);
  rounded_ = std::move(beside);
  first_ = first;
}

void Histogram::cover(double low, double high) {
  std::int64_t first = 0, last = 0;
  for (;; coarsen()) {
    first = index(low), last = index(high);
    if (!cells_.empty()) {
      first = std::min<std::int64_t>(first, first_);
      last = std::max<std::int64_t>(last, first_ + static_cast<std::int64_t>(cells_.size()) - 1);
    }
    if (last - first < static_cast<std::int64_t>(bins_)) break;
  }
  const auto wanted = static_cast<std::size_t>(last - first + 1);
  if (wanted == cells_.size()) return;
  const auto widened = [&](auto& held) {
    std::decay_t<decltype(held)> wider(wanted);
    std::copy(held.begin(), held.end(), wider.begin() + (cells_.empty() ? 0 : first_ - first));
    return wider;
  };
  if (!rounded_.empty()) rounded_ = widened(rounded_);
  cells_ = widened(cells_);
  first_ = static_cast<std::int32_t>(first);
}

// Least and greatest value are those in the buckets: what the range of new values promised may be there no more.
void Histogram::settle_ends() {
  const auto held = [](const Cell& cell) { return !cell.empty(); };
  minimum_ = std::find_if(cells_.begin(), cells_.end(), held)->low;
  maximum_ = std::find_if(cells_.rbegin(), cells_.rend(), held)->high;
}

double Histogram::step(std::size_t at) const {
  return power_ * power_of_two(octave_of(first_ + static_cast<std::int32_t>(at), shift_) - kBits);
}

// The sums as solvers want them: what is exact is rounded once.
Histogram::Bucket Histogram::bucket(std::size_t at) const {
  const Cell& cell = cells_[at];
  Bucket shown{.low = cell.low, .high = cell.high};
  if (const auto count = static_cast<double>(cell.sums.count()); count > 0) {
    const double each = step(at);
    shown.weight = count;
    shown.v = std::clamp(static_cast<double>(cell.sums.sum()) * each, count * (cell.low * unit_ - center_),
                         count * (cell.high * unit_ - center_));
    shown.v2 = std::max(cell.sums.squares_as_double() * each * each, shown.v * (shown.v / count));
    shown.step = each;
  }
  if (rounded_.empty()) return shown;
  const Rounded& beside = rounded_[at];
  shown.weight += beside.weight, shown.v += beside.v, shown.v2 += beside.v2;
  return shown;
}

void Histogram::have_rounded() {
  if (rounded_.empty()) rounded_.resize(cells_.size());
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
  const std::int32_t key = index(value);
  const auto at = static_cast<std::size_t>(key - first_);
  Cell& cell = cells_[at];
  double beside = 0;
  for (const Rounded& rounded : other.rounded_) beside += rounded.weight;
  for (const Cell& counted : other.cells_) {
    const double steps = v / power_ * power_of_two(kBits - octave_of(key, shift_));
    if (std::abs(steps) < ExactSums::kMost)
      cell.sums.add(static_cast<std::int64_t>(steps), counted.sums.count());
    else
      beside += static_cast<double>(counted.sums.count());
  }
  if (!other.rounded_.empty() || beside > 0) have_rounded();
  if (!rounded_.empty()) rounded_[at].add({beside, beside * v, beside * v * v});
  cell.low = std::min(cell.low, value), cell.high = std::max(cell.high, value);
  count_ += other.count_;
  settle_ends();
}

template <typename T>
void Histogram::add(std::size_t first, std::span<const T> x, std::span<const double> weights, Range<T> range,
                    Sums sums) {
  double values[kBatch], steps[kBatch];
  std::int32_t keys[kBatch];
  const KeyScale by{unit_, center_, inverse_, 1 / power_, shift_};
  for (std::size_t i = 0; i < x.size(); i += kBatch) {
    const std::size_t n = std::min(kBatch, x.size() - i);
    histogram_keys(x.data() + i, n, range, by, values, keys);
    const auto add_all = [&, cells = cells_.data(), first_key = first_](const auto& add_sums) {
      for (std::size_t j = 0; j < n; ++j) {
        const auto at = static_cast<std::size_t>(keys[j] - first_key);
        add_sums(at, j);
        if (values[j] < cells[at].low) cells[at].low = values[j];
        if (values[j] > cells[at].high) cells[at].high = values[j];
      }
    };
    const auto round = [unit = unit_, center = center_, &values](Rounded& to, std::size_t j, double weight) {
      const double v = values[j] * unit - center;
      to.add({weight, weight * v, weight * v * v});
    };
    if (!weights.empty()) {
      add_all([&, to = rounded_.data()](std::size_t at, std::size_t j) { round(to[at], j, weights[first + i + j]); });
    } else if (sums == Sums::rounded) {
      add_all([&, to = rounded_.data()](std::size_t at, std::size_t j) { round(to[at], j, 1); });
    } else {
      histogram_steps(values, keys, n, by, steps);
      add_all([&, to = cells_.data()](std::size_t at, std::size_t j) {
        if (std::abs(steps[j]) < ExactSums::kMost) [[likely]]
          return to[at].sums.add(static_cast<std::int64_t>(steps[j]));
        have_rounded();
        round(rounded_[at], j, 1);
      });
    }
  }
}

template <typename T>
void Histogram::update(const Stretches<T>& x, std::span<const double> weights, Range<T> range, Sums sums) {
  if (x.size() == 0) return;
  if (!settled() && range.low < range.high) {
    Histogram made = *this;
    made.settle_like(x, range);
    made.update(x, weights, range, sums);
    *this = std::move(made);
    return;
  }
  const double weight = weights.empty() ? static_cast<double>(x.size()) : std::reduce(weights.begin(), weights.end());
  check_reach(static_cast<double>(range.low), static_cast<double>(range.high), total_weight() + weight);
  cover(static_cast<double>(range.low), static_cast<double>(range.high));
  if (!weights.empty() || sums == Sums::rounded) have_rounded();
  count_ += x.size();
  x.each([&](std::size_t first, std::span<const T> stretch) { add(first, stretch, weights, range, sums); });
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
  if (!narrow.rounded_.empty()) have_rounded();
  for (std::size_t i = 0; i < narrow.cells_.size(); ++i) {
    if (narrow.cells_[i].empty()) continue;
    const auto at = static_cast<std::size_t>(narrow.first_ + static_cast<std::int32_t>(i) - first_);
    cells_[at].add(narrow.cells_[i]);
    if (!narrow.rounded_.empty()) rounded_[at].add(narrow.rounded_[i]);
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
  std::uint64_t count = 0;
  for (const Cell& cell : cells_) count += cell.sums.count();
  double total = 0;
  for (const Rounded& beside : rounded_) total += beside.weight;
  return total + static_cast<double>(count);
}

std::size_t Histogram::buckets() const {
  return static_cast<std::size_t>(
      std::count_if(cells_.begin(), cells_.end(), [](const Cell& cell) { return !cell.empty(); }));
}

// Whether no values as far from the center as `reach`, nor others beside them, can have these sums.
const char* Histogram::broken_sums(std::size_t at, double reach) const {
  const ExactSums& sums = cells_[at].sums;
  const auto count = static_cast<double>(sums.count());
  const double sum = std::abs(static_cast<double>(sums.sum())), squares = sums.squares_as_double();
  const double most = std::min(ExactSums::kMost, reach / step(at));
  const double lost = shift_ > 23 ? 4 * count : 0;  // where buckets of different steps were merged
  if (exceeds(sum, count * most) || exceeds(squares, count * most * most) ||
      (count > 0 && exceeds(sum * (sum / count), squares + lost)))
    return "sums that no values can have";
  if (rounded_.empty()) return nullptr;
  const Rounded& beside = rounded_[at];
  if (!(beside.weight >= 0) || !std::isfinite(beside.weight)) return "a weight that is negative or not finite";
  if (!std::isfinite(beside.v) || !std::isfinite(beside.v2) || beside.v2 < 0 ||
      exceeds(std::abs(beside.v), beside.weight * reach) || exceeds(beside.v2, beside.weight * reach * reach) ||
      exceeds(beside.v * (beside.v / std::max(beside.weight, kTiny)), beside.v2))
    return "sums that no values can have";
  return nullptr;
}

const char* Histogram::broken() const {
  if (cells_.size() > bins_) return "more buckets than bins";
  double low = HUGE_VAL, high = -HUGE_VAL;
  std::uint64_t left = count_;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    if (cell.empty()) continue;
    const std::int32_t here = first_ + static_cast<std::int32_t>(i);
    if (index(cell.low) != here || index(cell.high) != here) return "a value outside its bucket";
    if (cell.sums.count() > left) return "more values than were counted";
    left -= cell.sums.count();
    const double reach = std::max(std::abs(cell.low * unit_ - center_), std::abs(cell.high * unit_ - center_));
    if (const char* wrong = broken_sums(i, reach)) return wrong;
    low = std::min(low, cell.low);
    high = std::max(high, cell.high);
  }
  if (low != minimum_ || high != maximum_) return "a minimum or maximum that is in no bucket";
  if (!(reach_of(low, high) * std::sqrt(total_weight()) < kReach && total_weight() < kWeight))
    return "weights and values whose squares overflow";
  if ((count_ == 0) != cells_.empty() || (rounded_.empty() && left > 0))
    return "a count that does not match the buckets";
  return nullptr;
}

void Histogram::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

template Histogram Histogram::like(const Stretches<float>&, Range<float>, std::uint32_t, double);
template Histogram Histogram::like(const Stretches<double>&, Range<double>, std::uint32_t, double);
template void Histogram::update(const Stretches<float>&, std::span<const double>, Range<float>, Sums);
template void Histogram::update(const Stretches<double>&, std::span<const double>, Range<double>, Sums);

}  // namespace bh::quantization
