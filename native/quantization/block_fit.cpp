#include "quantization/block_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "quantization/nearest.h"
#include "quantization/round16.h"
#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr std::size_t kLanes = 16;
constexpr double kLeastUsual = 0x1p-24;  // of the largest value of a block: squares of errors stay within range
constexpr std::size_t kTable16 = 16;

// 2^exponent, of the range in which doubles do not lose digits.
double power(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(std::clamp(exponent, -1000, 1000) + 1023) << 52);
}

// The same in a type, in two factors, as one alone may overflow.
template <typename Real>
struct Power {
  explicit Power(int exponent)
      : first(static_cast<Real>(power(exponent / 2))), second(static_cast<Real>(power(exponent - exponent / 2))) {}
  Real first, second;
};

int exponent_of(double most) {
  const auto biased = static_cast<int>(std::bit_cast<std::uint64_t>(most) >> 52);
  if (biased > 0) return biased - 1022;
  int exponent = 0;
  std::frexp(most, &exponent);
  return exponent;
}

typedef float Four __attribute__((vector_size(16)));

// Lanes half as many apart each time: 8, 4, 2, 1.
double total(const float* lanes) {
  Four a, b, c, d;
  load(a, lanes), load(b, lanes + 4), load(c, lanes + 8), load(d, lanes + 12);
  const Four sum = (a + c) + (b + d);
  return static_cast<double>((sum[0] + sum[2]) + (sum[1] + sum[3]));
}

template <typename Real>
struct Extremes {
  Real low, high;
  bool finite;
};

template <typename Real>
BH_INLINE void find_extremes(const Real* x, std::size_t n, Extremes<Real>& found) {
  Real low[kLanes], high[kLanes], nothing[kLanes];  // NaN where a value is not finite
  for (std::size_t lane = 0; lane < kLanes; ++lane) low[lane] = high[lane] = x[0], nothing[lane] = 0;
  std::size_t i = 0;
  const auto take = [&](std::size_t lane, Real value) {
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
    nothing[lane] += value * 0;
  };
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, x[i + lane]);
  for (std::size_t lane = 0; i < n; ++i, ++lane) take(lane, x[i]);
  const auto fold = [&]<std::size_t Half>(std::integral_constant<std::size_t, Half>) {
    for (std::size_t lane = 0; lane < Half; ++lane) {
      low[lane] = low[lane + Half] < low[lane] ? low[lane + Half] : low[lane];
      high[lane] = high[lane + Half] > high[lane] ? high[lane + Half] : high[lane];
      nothing[lane] += nothing[lane + Half];
    }
  };
  fold(std::integral_constant<std::size_t, 8>{});
  fold(std::integral_constant<std::size_t, 4>{});
  fold(std::integral_constant<std::size_t, 2>{});
  fold(std::integral_constant<std::size_t, 1>{});
  found = {low[0], high[0], nothing[0] == 0};
}

// Up to 16 values, one in each lane.
template <bool Nearest>
BH_INLINE void fit_lanes(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                         std::uint8_t* codes, FitSums& sums) {
  const float *edges = table.edges.data(), *level = table.level.data();
  std::int32_t found[kLanes];
  for (std::size_t i = 0; i < n; ++i) found[i] = 0;
  for (auto step = static_cast<std::int32_t>(table.size / 2); step > 0; step /= 2)
    for (std::size_t i = 0; i < n; ++i) {
      const float y = z[i] * inverse, edge = edges[found[i] + step - 1];
      found[i] += (Nearest ? y > edge : y >= edge) ? step : 0;
    }
  for (std::size_t i = 0; i < n; ++i) {
    const float low = level[found[i]];
    if constexpr (Nearest) {
      const float off = z[i] - scale * low;
      sums.error[i] += off * off;
      sums.cross[i] += z[i] * low;
      sums.own[i] += low * low;
    } else {  // the padding repeats the last level, so that a value on it has no error
      const float high = level[std::min<std::int32_t>(found[i] + 1, static_cast<std::int32_t>(table.size) - 1)];
      const float variance = (scale * high - z[i]) * (z[i] - scale * low);
      sums.error[i] += variance > 0 ? variance : 0;
    }
    codes[i] = static_cast<std::uint8_t>(found[i]);
  }
}

template <bool Nearest>
BH_INLINE void fit_all(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                       std::uint8_t* codes, FitSums& sums) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) fit_lanes<Nearest>(table, z + i, kLanes, inverse, scale, codes + i, sums);
  if (i < n) fit_lanes<Nearest>(table, z + i, n - i, inverse, scale, codes + i, sums);
}

}  // namespace

BH_MULTIVERSION void fit_nearest(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                 std::uint8_t* codes, FitSums& sums) {
  fit_all<true>(table, z, n, inverse, scale, codes, sums);
}
BH_MULTIVERSION void fit_between(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                                 std::uint8_t* codes, FitSums& sums) {
  fit_all<false>(table, z, n, inverse, scale, codes, sums);
}
BH_MULTIVERSION void try_nearest(const FitTable& table, const float* z, std::size_t n, Trials& trials) {
  for (std::size_t t = 0; t < Trials::kMost; ++t) {
    std::uint8_t codes[kLanes];
    FitSums sums;
    std::copy_n(trials.error[t], kLanes, sums.error);
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums.cross[lane] = sums.own[lane] = 0;
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      fit_lanes<true>(table, z + i, kLanes, trials.inverse[t], trials.relative[t], codes, sums);
    if (i < n) fit_lanes<true>(table, z + i, n - i, trials.inverse[t], trials.relative[t], codes, sums);
    std::copy_n(sums.error, kLanes, trials.error[t]);
  }
}
// Scales between which the best may lie, as near as the grid has them.
BH_MULTIVERSION void make_trials(const ScaleGrid& grid, const double* wanted, double inverse_unit, Trials& trials) {
  for (std::size_t t = 0; t < Trials::kMost; ++t) {
    const double scale = grid.nearest(wanted[t]);
    trials.scales[t] = scale;
    trials.relative[t] = static_cast<float>(scale * inverse_unit);
    trials.inverse[t] = 1 / trials.relative[t];
  }
}
BH_MULTIVERSION void extremes(const float* x, std::size_t n, Extremes<float>& found) { find_extremes(x, n, found); }
BH_MULTIVERSION void extremes(const double* x, std::size_t n, Extremes<double>& found) { find_extremes(x, n, found); }
BH_MULTIVERSION void multiply(const float* x, std::size_t n, float first, float second, float* z) {
  for (std::size_t i = 0; i < n; ++i) z[i] = x[i] * first * second;
}
BH_MULTIVERSION void multiply(const double* x, std::size_t n, double first, double second, float* z) {
  for (std::size_t i = 0; i < n; ++i) z[i] = static_cast<float>(x[i] * first * second);
}

FitTable::FitTable(std::span<const double> levels, Objective objective)
    : objective(objective),
      exponent(exponent_of(std::max(std::abs(levels.front()), std::abs(levels.back())))),
      count(levels.size()),
      size(std::max(kTable16, std::bit_ceil(levels.size()))),
      edges(size, kInfinite),
      over_first(0),
      over_last(0) {
  for (const double value : levels) level.push_back(static_cast<float>(std::ldexp(value, -exponent)));
  first = level.front(), last = level.back();
  if (first < 0) over_first = 1 / static_cast<double>(first);
  if (last > 0) over_last = 1 / static_cast<double>(last);
  for (std::size_t b = 0; b + 1 < count; ++b)
    edges[b] = objective == Objective::mse ? last_nearer_to_low(level[b], level[b + 1]) : level[b + 1];
  level.resize(size, last);
  constexpr std::size_t order[] = {0, 7, 3, 11, 1, 5, 9, 13, 0, 2, 4, 6, 8, 10, 12, 14};
  for (std::size_t k = 0; k < kTable16; ++k) tree[k] = edges[order[k]];
  for (std::size_t k = 0; k < kTable16; ++k) even[k] = level[2 * k % 16], odd[k] = level[2 * k % 16 + 1];
}

double Fitted::squared() const { return error * power(exponent) * power(exponent); }

BlockFit::BlockFit(const FitTable& table, Scale scale, std::size_t longest)
    : table_(table), grid_(scale), own_(longest), z_(nullptr), best_(nullptr), other_(nullptr) {
  const double spread = 0.4 / std::sqrt(static_cast<double>(table.count));
  factors_[0] = 1;
  if (!grid_.has_sign())  // the powers of two around it
    factors_[1] = 0.6, factors_[2] = 1.6;
  else if (table.count <= 5)  // few levels are best where the largest values lie beyond them
    factors_[1] = 0.8, factors_[2] = 0.62;
  else
    factors_[1] = 1 / (1 - spread), factors_[2] = 1 / (1 + spread);
  for (auto& codes : codes_) codes.resize(longest);
  best_ = codes_[0].data(), other_ = codes_[1].data();
}

template <typename Real>
Fitted BlockFit::fit(std::span<const Real> x) {
  const std::size_t n = x.size();
  Extremes<Real> ends;
  extremes(x.data(), n, ends);
  if (!ends.finite) return {0, 0, 0, false};
  const double most = static_cast<double>(std::max(ends.high, -ends.low));
  const bool usual = std::is_same_v<Real, float> && most > kLeastUsual && most < 1 / kLeastUsual;
  const int exponent = usual ? 0 : exponent_of(most);
  const bool nearest = table_.objective == Objective::mse;
  unit_ = power(exponent - table_.exponent), inverse_unit_ = power(table_.exponent - exponent);
  scale_ = grid_.has_sign() ? 0 : grid_.least();
  inverse_ = 0, error_ = HUGE_VAL, next_ = 0;
  if constexpr (std::is_same_v<Real, float>) z_ = x.data();
  if (!usual) {
    const Power<Real> down(-exponent);
    multiply(x.data(), n, down.first, down.second, own_.data());
    z_ = own_.data();
  }
  if (most > 0) {
    const Power<double> same(-exponent);
    const double h = static_cast<double>(ends.high) * same.first * same.second;
    const double l = static_cast<double>(ends.low) * same.first * same.second;
    // The least scales, of either sign, with which levels enclose the values.
    const double ends[2] = {std::max(h * table_.over_last, l * table_.over_first),
                            grid_.has_sign() ? -std::max(-l * table_.over_last, -h * table_.over_first) : 0};
    if (nearest) {
      const double up = std::max(ends[0], 0.0) * unit_, down = std::min(ends[1], 0.0) * unit_;
      const double wanted[Trials::kMost] = {up * factors_[0],   up * factors_[1],   up * factors_[2],
                                            down * factors_[0], down * factors_[1], down * factors_[2]};
      Trials trials;
      make_trials(grid_, wanted, inverse_unit_, trials);
      consider_best(trials, n);
    } else {
      if (ends[0] > 0) consider(grid_.enclosing(ends[0] * unit_), n);
      if (ends[1] < 0) consider(grid_.enclosing(ends[1] * unit_), n);
    }
    if (nearest && next_ != 0 && (grid_.has_sign() || next_ > 0)) consider(grid_.nearest(next_ * unit_), n);
  }
  if (error_ == HUGE_VAL) {  // no scale but 0, or none that can be told from it
    error_ = 0;
    std::fill_n(best_, n, std::uint8_t{0});
    for (std::size_t i = 0; i < n; ++i) error_ += static_cast<double>(z_[i]) * static_cast<double>(z_[i]);
    if (!grid_.has_sign()) {  // the level nearest to 0
      std::size_t zero = 0;
      for (std::size_t b = 1; b < table_.count; ++b)
        if (std::abs(table_.level[b]) < std::abs(table_.level[zero])) zero = b;
      std::fill_n(best_, n, static_cast<std::uint8_t>(zero));
    }
  }
  return {scale_, error_, exponent, true};
}

// Takes the one with the least squared error, the first of equals.
void BlockFit::consider_best(Trials& trials, std::size_t n) {
  std::size_t done = 0;
  if (table_.size == kTable16) {
#if BH_ROUND16_V4
    if (isa() == Isa::v4) done = try16_v4(table_, z_, n, trials);
#endif
#if BH_ROUND16_V3
    if (isa() == Isa::v3) done = try16_v3(table_, z_, n, trials);
#endif
  }
  if (done == 0)
    for (auto& error : trials.error) std::fill_n(error, kLanes, 0.0f);
  if (done < n) try_nearest(table_, z_ + done, n - done, trials);
  double least = HUGE_VAL;
  std::size_t best = 0;
  for (std::size_t t = 0; t < Trials::kMost; ++t) {
    const double error = total(trials.error[t]);  // not a number where kernels cannot take the scale
    best = error < least ? t : best;
    least = error < least ? error : least;
  }
  consider(trials.scales[best], trials.relative[best], trials.inverse[best], n);
}

void BlockFit::consider(double scale, std::size_t n) {
  const auto relative = static_cast<float>(scale * inverse_unit_);
  consider(scale, relative, 1 / relative, n);
}

// Takes a scale if kernels can, and it is better than the best so far.
void BlockFit::consider(double scale, float relative, float inverse, std::size_t n) {
  if (!(std::abs(relative) > 0) || !std::isfinite(relative) || !std::isfinite(inverse) || scale == scale_) return;
  FitSums sums;
  std::size_t done = 0;
  const float* z = z_;
  const bool nearest = table_.objective == Objective::mse;
  if (nearest && table_.size == kTable16) {
#if BH_ROUND16_V4
    if (isa() == Isa::v4) done = fit16_v4(table_, z, n, inverse, relative, other_, sums);
#endif
#if BH_ROUND16_V3
    if (isa() == Isa::v3) done = fit16_v3(table_, z, n, inverse, relative, other_, sums);
#endif
  }
  if (done == 0) sums = {};
  if (done < n)
    (nearest ? fit_nearest : fit_between)(table_, z + done, n - done, inverse, relative, other_ + done, sums);
  const double error = total(sums.error);
  if (!(error < error_)) return;
  if (nearest && next_ == 0) {  // of the first scale, the best one for its codes
    const double own = total(sums.own);
    next_ = own > 0 ? total(sums.cross) / own : 0;
  }
  error_ = error, scale_ = scale, inverse_ = inverse;
  std::swap(best_, other_);
}

template Fitted BlockFit::fit(std::span<const float>);
template Fitted BlockFit::fit(std::span<const double>);

}  // namespace bh::quantization
