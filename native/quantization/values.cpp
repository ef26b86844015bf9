#include "quantization/values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "support/errors.h"
#include "support/simd.h"

namespace bh::quantization {
namespace {

template <typename T>
void read_as(const Values& values, std::size_t from, std::size_t n, T* to) {
  const auto copy = [&]<typename From>(const From* data) {
    if constexpr (std::is_same_v<From, T>)
      std::copy_n(data + from, n, to);
    else
      for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<T>(data[from + i]);
  };
  const auto look_up = [&]<typename Key>(const Key* keys) {
    for (std::size_t i = 0; i < n; ++i) to[i] = values.lookup[keys[from + i]];
  };
  switch (values.kind) {
    case Values::Kind::float32: return copy(static_cast<const float*>(values.data));
    case Values::Kind::float64: return copy(static_cast<const double*>(values.data));
    case Values::Kind::int32: return copy(static_cast<const std::int32_t*>(values.data));
    case Values::Kind::int64: return copy(static_cast<const std::int64_t*>(values.data));
    case Values::Kind::key8: return look_up(static_cast<const std::uint8_t*>(values.data));
    case Values::Kind::key16: return look_up(static_cast<const std::uint16_t*>(values.data));
  }
}

template <typename T>
constexpr auto kKind = std::is_same_v<T, float> ? Values::Kind::float32 : Values::Kind::float64;

// Independent accumulators, so that the compiler can keep them in vector registers.
constexpr std::size_t kLanes = 64;
template <typename T, typename Bits>
BH_INLINE Range<T> range_of(const T* x, std::size_t n) {
  constexpr Bits magnitude = std::numeric_limits<Bits>::max() >> 1;
  T low[kLanes], high[kLanes];
  Bits bits[kLanes] = {};
  const T first = x[0];  // read once, as low must not end above high
  std::fill_n(low, kLanes, first);
  std::fill_n(high, kLanes, first);
  const auto take = [&](std::size_t lane, T value) {
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
    const Bits size = std::bit_cast<Bits>(value) & magnitude;
    bits[lane] = size > bits[lane] ? size : bits[lane];
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, x[i + lane]);
  for (; i < n; ++i) take(0, x[i]);
  return {*std::min_element(low, low + kLanes), *std::max_element(high, high + kLanes),
          *std::max_element(bits, bits + kLanes) < std::bit_cast<Bits>(std::numeric_limits<T>::infinity())};
}

}  // namespace

BH_MULTIVERSION void range_float(const float* x, std::size_t n, Range<float>* range) {
  *range = range_of<float, std::uint32_t>(x, n);
}
BH_MULTIVERSION void range_double(const double* x, std::size_t n, Range<double>* range) {
  *range = range_of<double, std::uint64_t>(x, n);
}

Range<float> range(std::span<const float> x) {
  Range<float> found;
  range_float(x.data(), x.size(), &found);
  return found;
}
Range<double> range(std::span<const double> x) {
  Range<double> found;
  range_double(x.data(), x.size(), &found);
  return found;
}

template <typename T>
Range<T> range(const Stretches<T>& x) {
  Range<T> all;
  x.each([&](std::size_t first, std::span<const T> stretch) {
    Range<T> found = range(stretch);
    if (first > 0) {
      found.low = std::min(found.low, all.low), found.high = std::max(found.high, all.high);
      found.finite = found.finite && all.finite;
    }
    all = found;
  });
  return all;
}
template Range<float> range(const Stretches<float>&);
template Range<double> range(const Stretches<double>&);

void Values::read(std::size_t from, std::size_t n, float* to) const { read_as(*this, from, n, to); }
void Values::read(std::size_t from, std::size_t n, double* to) const { read_as(*this, from, n, to); }

template <typename T>
std::span<const T> gather(const Values& values, const Grouping& grouping, std::size_t group, Storage<T>& scratch) {
  scratch.resize(grouping.size(group));
  T* to = scratch.data();
  grouping.each_run(group, [&](std::size_t offset, std::size_t length) {
    values.read(offset, length, to);
    to += length;
  });
  return scratch;
}
template std::span<const float> gather(const Values&, const Grouping&, std::size_t, Storage<float>&);
template std::span<const double> gather(const Values&, const Grouping&, std::size_t, Storage<double>&);

std::span<const double> gather(std::span<const double> x, const Grouping& grouping, std::size_t group,
                               Storage<double>& scratch) {
  if (grouping.block || grouping.outer == 1) return x.subspan(grouping.offset(group, 0), grouping.size(group));
  return gather({Values::Kind::float64, x.data(), nullptr, x.size()}, grouping, group, scratch);
}

template <typename T>
Stretches<T>::Stretches(const Values& values, const Grouping& grouping, std::size_t group)
    : size_(grouping.size(group)), values_(values), grouping_(grouping), group_(group) {
  if (values.kind == kKind<T> && (grouping.block || grouping.outer == 1))
    whole_ = {static_cast<const T*>(values.data) + grouping.offset(group, 0), size_};
}

template <typename T>
T Stretches<T>::operator[](std::size_t i) const {
  if (!whole_.empty()) return whole_[i];
  T value;
  read(i, 1, &value);
  return value;
}

template <typename T>
void Stretches<T>::read(std::size_t first, std::size_t n, T* to) const {
  const std::size_t run = grouping_.block ? size_ : grouping_.inner;
  for (const std::size_t past = first + n; first < past;) {
    const std::size_t length = std::min(run - first % run, past - first);
    values_.read(grouping_.offset(group_, first), length, to);
    first += length, to += length;
  }
}
template class Stretches<float>;
template class Stretches<double>;

void refuse_non_finite(const Values& values) {
  std::size_t count = 0, first = 0;
  double bad = 0;
  for (std::size_t i = 0; i < values.size; ++i) {
    double value = 0;
    values.read(i, 1, &value);
    if (std::isfinite(value)) continue;
    if (count++ == 0) first = i, bad = value;
  }
  if (count == 0) refuse_changing();
  throw InvalidInput("x contains " + std::to_string(count) + " NaN or infinite value(s); the first is " +
                     (std::isnan(bad) ? "nan" : shown(bad)) + " at flat index " + std::to_string(first) +
                     "; replace or drop them");
}

void refuse_changing() { throw InvalidInput("x changed while it was being read; pass a copy"); }

}  // namespace bh::quantization
