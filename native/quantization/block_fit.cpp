#include "quantization/block_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "quantization/nearest.h"
#include "quantization/round16.h"
#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();
constexpr float kNever = std::numeric_limits<float>::quiet_NaN();  // an edge that even infinity does not go over
constexpr std::size_t kLanes = 16;
constexpr double kLeastUsual = 0x1p-24;  // of the largest value of a block: squares of errors stay within range
constexpr std::size_t kTable16 = 16;
constexpr std::size_t kFewestCells = 256, kMostCells = 4096;
constexpr int kMostSteps = 4;
constexpr std::size_t kManyLevels = 96;

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

// The levels of up to 16 values: the nearest, or those below.
template <bool Nearest>
BH_INLINE void find(const FitTable& table, const float* y, std::size_t n, std::int32_t* found) {
  const float* edges = table.edges.data();
  for (std::size_t i = 0; i < n; ++i) found[i] = 0;
  for (auto step = static_cast<std::int32_t>(table.size / 2); step > 0; step /= 2)
    for (std::size_t i = 0; i < n; ++i) {
      const float edge = edges[found[i] + step - 1];
      found[i] += (Nearest ? y[i] > edge : y[i] >= edge) ? step : 0;
    }
}

// Up to 16 values, one in each lane.
template <bool Nearest>
BH_INLINE void fit_lanes(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                         std::uint8_t* codes, FitSums& sums) {
  const float* level = table.level.data();
  float y[kLanes];
  std::int32_t found[kLanes];
  for (std::size_t i = 0; i < n; ++i) y[i] = z[i] * inverse;
  find<Nearest>(table, y, n, found);
  for (std::size_t i = 0; i < n; ++i) {
    const float low = level[found[i]];
    if constexpr (Nearest) {
      const float off = z[i] - scale * low;
      sums.error[i] += off * off;
      sums.cross[i] += z[i] * low;
      sums.own[i] += low * low;
    } else {  // the padding repeats the last level, so that a value on it has no error
      const float variance = (scale * level[found[i] + 1] - z[i]) * (z[i] - scale * low);
      sums.error[i] += variance > 0 ? variance : 0;
    }
    codes[i] = static_cast<std::uint8_t>(found[i]);
  }
}

// The same for their error alone, divided by the square of the scale.
BH_INLINE void try_lanes(const FitTable& table, const float* z, std::size_t n, float inverse, float* error) {
  float y[kLanes];
  std::int32_t found[kLanes];
  for (std::size_t i = 0; i < n; ++i) y[i] = z[i] * inverse;
  find<true>(table, y, n, found);
  for (std::size_t i = 0; i < n; ++i) {
    const float off = y[i] - table.level[found[i]];
    error[i] += off * off;
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
  for (std::size_t t = 0; t < trials.count; ++t)
    for (std::size_t i = 0; i < n; i += kLanes)
      try_lanes(table, z + i, std::min(kLanes, n - i), trials.inverse[t], trials.error[t]);
}
// Scales between which the best may lie, as near as the grid has them.
BH_MULTIVERSION void make_trials(const ScaleGrid& grid, const double* wanted, double inverse_unit, Trials& trials) {
  for (std::size_t t = 0; t < trials.count; ++t) {
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
      count(levels.size()),
      size(std::max(kTable16, std::bit_ceil(levels.size()))),
      over_first(0),
      over_last(0),
      parted(false),
      per_unit(0),
      half(0),
      most_cell(0) {
  const int most = exponent_of(std::max(std::abs(levels.front()), std::abs(levels.back())));
  read(levels, most - 5);  // the outermost levels of 16 lie beyond the cells then, but all edges often do not
  if (size == kTable16) part();
  if (!parted) read(levels, most - 4);
  if (size > kTable16) cut();
  first = level[0], last = level[count - 1];
  if (first < 0) over_first = 1 / static_cast<double>(first);
  if (last > 0) over_last = 1 / static_cast<double>(last);
  constexpr std::size_t order[] = {0, 7, 3, 11, 1, 5, 9, 13, 0, 2, 4, 6, 8, 10, 12, 14};
  for (std::size_t k = 0; k < kTable16; ++k) tree[k] = edges[order[k]];
}

void FitTable::read(std::span<const double> levels, int unit) {
  exponent = unit;
  level.clear();
  for (const double value : levels) level.push_back(static_cast<float>(std::ldexp(value, -unit)));
  edges.assign(size, kNever);
  for (std::size_t b = 0; b + 1 < count; ++b)
    edges[b] = objective == Objective::mse ? last_nearer_to_low(level[b], level[b + 1]) : level[b + 1];
  level.resize(size + 1, level.back());
}

void FitTable::part() {
  std::fill_n(cell_edge, 2 * kTable16, kNever);
  parted = true;
  std::int32_t below = 0;
  for (int cell = -16; cell < 16; ++cell) {
    const float end = cell < 15 ? static_cast<float>(cell + 1) : kInfinite;
    cell_code[cell & 31] = below;
    while (below + 1 < static_cast<std::int32_t>(count) && edges[below] < end) {
      parted = parted && below == cell_code[cell & 31];
      cell_edge[cell & 31] = edges[below++];
    }
  }
}

void FitTable::cut() {
  for (std::size_t cells = kFewestCells; cells <= kMostCells; cells *= 2) {
    per_unit = static_cast<float>(cells) / 2 / std::max(-level[0], level[count - 1]);
    half = static_cast<float>(cells) / 2, most_cell = static_cast<float>(cells - 1);
    start.assign(cells + 3, 0);
    for (std::size_t b = 0; b + 1 < count; ++b) ++start[static_cast<std::size_t>(cell(edges[b]))];
    steps = *std::max_element(start.begin(), start.end());
    if (steps == 1) break;
  }
  std::exclusive_scan(start.begin(), start.end(), start.begin(), std::uint8_t{0});
  if (steps > kMostSteps) steps = 0;
  if (steps == 1) pair();
}

void FitTable::pair() {
  for (const std::size_t below : std::span(start).first(start.size() - 3)) {
    cell_edges.push_back({edges[below], static_cast<std::int32_t>(below)});
    cell_sides.push_back({level[below], level[below + 1]});
  }
}

double Fitted::squared() const { return error * power(exponent) * power(exponent); }

BlockFit::BlockFit(const FitTable& table, Scale scale, std::size_t longest)
    : table_(table), grid_(scale), own_(longest) {
  const double spread = 0.4 / std::sqrt(static_cast<double>(table.count));
  factors_[0] = 1;
  if (!grid_.has_sign())  // the powers of two around it
    factors_[1] = 0.6, factors_[2] = 1.6;
  else if (table.count <= 5)  // few levels are best where the largest values lie beyond them
    factors_[1] = 0.8, factors_[2] = 0.62;
  else
    factors_[1] = 1 / (1 - spread), factors_[2] = 1 / (1 + spread);
  n_factors_ = grid_.has_sign() && table.count > kManyLevels ? 2 : 3;  // no value is best beyond so fine a table
  for (auto& candidate : candidates_) candidate.codes.resize(longest);
}

template <typename Real>
void BlockFit::begin(std::span<const Real> x) {
  n_ = x.size();
  for (auto& candidate : candidates_) candidate.usable = false;
  trials_.count = 0;
  encloses_[0] = encloses_[1] = false;
  Extremes<Real> ends;
  extremes(x.data(), n_, ends);
  finite_ = ends.finite;
  if (!finite_) return;
  const double most = static_cast<double>(std::max(ends.high, -ends.low));
  const bool usual = std::is_same_v<Real, float> && most > kLeastUsual && most < 1 / kLeastUsual;
  exponent_ = usual ? 0 : exponent_of(most);
  unit_ = power(exponent_ - table_.exponent), inverse_unit_ = power(table_.exponent - exponent_);
  if constexpr (std::is_same_v<Real, float>) z_ = x.data();
  if (!usual) {
    const Power<Real> down(-exponent_);
    multiply(x.data(), n_, down.first, down.second, own_.data());
    z_ = own_.data();
  }
  if (!(most > 0)) return;
  const Power<double> same(-exponent_);
  const double h = static_cast<double>(ends.high) * same.first * same.second;
  const double l = static_cast<double>(ends.low) * same.first * same.second;
  // The least scales, of either sign, with which levels enclose the values.
  const double up = std::max({h * table_.over_last, l * table_.over_first, 0.0}) * unit_;
  const double down = grid_.has_sign() ? -std::max({-l * table_.over_last, -h * table_.over_first, 0.0}) * unit_ : 0;
  if (table_.objective == Objective::unbiased) {
    if ((encloses_[0] = up > 0)) enclosing_[0] = grid_.enclosing(up);
    if ((encloses_[1] = down < 0)) enclosing_[1] = grid_.enclosing(down);
    return;
  }
  double wanted[Trials::kMost];
  trials_.count = 2 * n_factors_;
  for (std::size_t k = 0; k < n_factors_; ++k)
    wanted[k] = up * factors_[k], wanted[n_factors_ + k] = down * factors_[k];
  make_trials(grid_, wanted, inverse_unit_, trials_);
}

void BlockFit::try_scales() {
  for (std::size_t k = 0; k < 2; ++k)
    if (encloses_[k]) measure(candidates_[k], enclosing_[k]);
  if (trials_.count == 0) return;
  std::size_t done = 0;
#if BH_ROUND16_V4
  if (isa() == Isa::v4) done = try_v4(table_, z_, n_, trials_);
#endif
#if BH_ROUND16_V3
  if (isa() == Isa::v3) done = try_v3(table_, z_, n_, trials_);
#endif
  if (done == 0)
    for (auto& error : trials_.error) std::fill_n(error, kLanes, 0.0f);
  if (done < n_) try_nearest(table_, z_ + done, n_ - done, trials_);
}

// Takes the trial with the least squared error, the first of equals.
void BlockFit::choose() {
  if (trials_.count == 0) return;
  double errors[Trials::kMost], least = HUGE_VAL;
  for (std::size_t t = 0; t < trials_.count; ++t) {
    const auto scale = static_cast<double>(trials_.relative[t]);
    errors[t] = total(trials_.error[t]) * (scale * scale);  // no number below infinity where kernels cannot take it
    least = errors[t] < least ? errors[t] : least;
  }
  unsigned is_least = 0;  // no branch, as none could be foretold
  for (std::size_t t = 0; t < trials_.count; ++t) is_least |= static_cast<unsigned>(errors[t] == least) << t;
  const std::size_t best = is_least ? static_cast<std::size_t>(std::countr_zero(is_least)) : 0;
  measure(candidates_[0], trials_.scales[best], trials_.relative[best], trials_.inverse[best]);
}

// Adds the best scale for the codes of the first.
void BlockFit::refine() {
  if (trials_.count == 0 || !candidates_[0].usable) return;
  const double own = total(candidates_[0].sums.own), next = own > 0 ? total(candidates_[0].sums.cross) / own : 0;
  if (next > 0 || (next < 0 && grid_.has_sign())) measure(candidates_[1], grid_.nearest(next * unit_));
}

Fitted BlockFit::finish() {
  if (!finite_) return {0, 0, 0, false};
  const double first = candidates_[0].usable ? total(candidates_[0].sums.error) : HUGE_VAL;
  const double second = candidates_[1].usable ? total(candidates_[1].sums.error) : HUGE_VAL;
  best_ = second < first ? candidates_ + 1 : candidates_;
  error_ = second < first ? second : first, inverse_ = best_->inverse;
  usable_ = error_ < HUGE_VAL;
  if (!usable_) take_zero();
  return {best_->scale, error_, exponent_, true};
}

// There is no scale but 0, or none that can be told from it.
void BlockFit::take_zero() {
  best_->scale = grid_.has_sign() ? 0 : grid_.least();
  error_ = 0;
  for (std::size_t i = 0; i < n_; ++i) error_ += static_cast<double>(z_[i]) * static_cast<double>(z_[i]);
  std::size_t code = 0;
  for (std::size_t b = 1; b < table_.count && !grid_.has_sign(); ++b)  // the level nearest to 0
    if (std::abs(table_.level[b]) < std::abs(table_.level[code])) code = b;
  std::fill_n(best_->codes.begin(), n_, static_cast<std::uint8_t>(code));
}

void BlockFit::measure(Candidate& candidate, double scale) {
  const auto relative = static_cast<float>(scale * inverse_unit_);
  measure(candidate, scale, relative, 1 / relative);
}

void BlockFit::measure(Candidate& candidate, double scale, float relative, float inverse) {
  candidate.scale = scale, candidate.relative = relative, candidate.inverse = inverse;
  candidate.usable = std::abs(relative) > 0 && std::isfinite(relative) && std::isfinite(inverse);
  if (!candidate.usable) return;
  std::size_t done = 0;
  std::uint8_t* codes = candidate.codes.data();
  FitSums& sums = candidate.sums;
  const bool nearest = table_.objective == Objective::mse;
#if BH_ROUND16_V4
  if (isa() == Isa::v4) done = (nearest ? fit_v4 : fit_between_v4)(table_, z_, n_, inverse, relative, codes, sums);
#endif
#if BH_ROUND16_V3
  if (isa() == Isa::v3) done = (nearest ? fit_v3 : fit_between_v3)(table_, z_, n_, inverse, relative, codes, sums);
#endif
  if (done == 0) sums = {};
  if (done < n_)
    (nearest ? fit_nearest : fit_between)(table_, z_ + done, n_ - done, inverse, relative, codes + done, sums);
}

template void BlockFit::begin(std::span<const float>);
template void BlockFit::begin(std::span<const double>);

}  // namespace bh::quantization
