// A summary of data in a few thousand buckets: linear near the center, of constant relative width far away, so that
// neither outliers nor atoms spoil it. Histograms of parts merge into that of the whole, bit by bit.
#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/distinct.h"
#include "quantization/exact_sums.h"
#include "support/bytes.h"

namespace bh::quantization {

// The bucket of a value (at most 0 up to the center, at least 1 beyond it), by the bits of 1 + |its distance from the
// center in scales|: all steps are monotone.
inline std::int32_t bucket_index(double x, double center, double inverse_scale, std::uint32_t shift) {
  const auto u = static_cast<float>((x - center) * inverse_scale);
  const auto magnitude = static_cast<std::int32_t>(
      (std::bit_cast<std::uint32_t>(1.0f + std::abs(u)) - std::bit_cast<std::uint32_t>(1.0f)) >> shift);
  return u > 0 ? 1 + magnitude : -magnitude;
}

// How values without weights are summed: so that no order changes a bit, or in half the time.
enum class Sums { exact, rounded };

class Histogram {
 public:
  static constexpr double kLeastScale = 0x1p-1000;

  // Sums over a bucket's values, v = value * unit - center, each known to `step`; the ends are values as they came.
  struct Bucket {
    double weight = 0, v = 0, v2 = 0, low = HUGE_VAL, high = -HUGE_VAL, step = 0;
  };

  // Center, scale and sums are of values multiplied by `unit`, a power of two that keeps squares within range.
  Histogram(double center, double scale, std::uint32_t bins, double unit = 1);

  // Center and scale by the median and the quartiles of at most 4,096 values.
  template <typename T>
  static Histogram like(const Stretches<T>& x, Range<T> range, std::uint32_t bins, double unit = 1);

  // `range` is that of `x`; `weights` is empty or as long as `x`.
  template <typename T>
  void update(const Stretches<T>& x, std::span<const double> weights, Range<T> range, Sums sums = Sums::exact);
  void merge(const Histogram& other);  // of the same unit and, if both are settled, the same center and scale

  // Made like values that were all the same, and no other value seen since: the scale is not known yet.
  bool settled() const { return scale_ > kLeastScale || minimum_ < maximum_; }

  double center() const { return center_; }
  double scale() const { return scale_; }
  double unit() const { return unit_; }
  std::uint32_t bins() const { return bins_; }
  std::uint32_t shift() const { return shift_; }
  std::uint64_t count() const { return count_; }
  double total_weight() const;
  double minimum() const { return minimum_; }
  double maximum() const { return maximum_; }
  std::size_t buckets() const;  // that are not empty

  // Calls visit(index, bucket) for each bucket that is not empty, in ascending order.
  template <typename Visit>
  void each(const Visit& visit) const {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (!cells_[i].empty()) visit(first_ + static_cast<std::int32_t>(i), bucket(i));
  }

  std::vector<std::byte> to_bytes() const;
  static Histogram from_bytes(Bytes bytes);  // throws CorruptData

  void check_invariants() const;  // throws std::logic_error

 private:
  // What a bucket counts. Values without weights of their own are summed exactly, as multiples of a power of two that
  // depends on the bucket alone, so that neither order nor merging changes a bit.
  struct alignas(64) Cell {
    ExactSums sums;
    double low = HUGE_VAL, high = -HUGE_VAL;
    bool empty() const { return low > high; }
    void add(const Cell& other) {
      sums.add(other.sums);
      low = other.low < low ? other.low : low;
      high = other.high > high ? other.high : high;
    }
  };
  // What is beside that: values with weights, those too far for that power of two, and what older bytes hold.
  struct Rounded {
    double weight = 0, v = 0, v2 = 0;
    void add(const Rounded& other) { weight += other.weight, v += other.v, v2 += other.v2; }
  };

  std::int32_t index(double x) const { return bucket_index(x * unit_, center_, inverse_, shift_); }
  void check_reach(double low, double high, double weight) const;
  double reach_of(double low, double high) const;
  // Values first, first + 1, ... of a group, for which room was made.
  template <typename T>
  void add(std::size_t first, std::span<const T> x, std::span<const double> weights, Range<T> range, Sums sums);
  template <typename T>
  void settle_like(const Stretches<T>& x, Range<T> range);
  void take_single(const Histogram& other);
  void merge_unsettled(const Histogram& other);
  void cover(double low, double high);  // makes room for values in [low, high]
  void coarsen();                       // merges neighbors in pairs
  void settle_ends();
  Bucket bucket(std::size_t at) const;
  double step(std::size_t at) const;  // the power of two of this bucket
  void have_rounded();
  const char* broken_sums(std::size_t at, double reach) const;
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs

  double center_, scale_, inverse_, unit_;
  double power_;  // the greatest power of two that is not above the scale
  std::uint32_t bins_, shift_ = 0;
  std::uint64_t count_ = 0;
  double minimum_ = HUGE_VAL, maximum_ = -HUGE_VAL;
  std::int32_t first_ = 0;  // the index of cells_[0]
  std::vector<Cell> cells_;
  std::vector<Rounded> rounded_;  // as many, or none where all is exact
};

// The sum of x^2 over all values, where none had a weight of its own; in units of (1 / unit)^2.
double histogram_norm(const Histogram& histogram);

}  // namespace bh::quantization
