// One table of levels for scaled blocks: scales and table in turn, each the best for the other, until nothing is
// gained.
//
// For given scales s the error of levels q is the sum of s^2 (x / s - q)^2: what the solvers of levels.h minimize, over
// the scaled values x / s with weights s^2. Of more than a few data a sample of blocks settles the table,
// and for mse steps to the mean of each level's values, the last ones on a larger sample, finish it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quantization/block_fit.h"
#include "quantization/levels.h"
#include "quantization/scaled.h"
#include "support/errors.h"
#include "support/parallel.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kExact = 1 << 16;  // values up to which a table is solved exactly, and of a sample at least
constexpr std::size_t kForLevel = 512;   // values of a sample for each level, of much data
constexpr std::size_t kMostTurns = 30;
constexpr std::size_t kMuch = 1 << 20;  // values from which on time counts more than the last thousandths of the error
constexpr std::size_t kSolved = 2;      // tables of a sample of much data that are solved for; others are moved
constexpr std::size_t kLarger = 8;      // times as many blocks has the second sample
constexpr std::size_t kMostSteps = 2;   // on that
constexpr double kWorthATurn = 2e-4;    // of the error
constexpr std::size_t kTogether = 256;  // blocks whose sums one thread adds up
constexpr double kHeavy = 0x1p40;       // times all weights: what forces a level on a value
constexpr int kMostScale = 8, kLeastScale = -3;  // exponents of the largest scale that need no unit
constexpr int kLeastUnusual = -12;               // with a unit

struct Extent {
  double most = 0, norm = 0;  // the largest magnitude; the squared norm in units of the square of 2^exponent
  int exponent = 0;
};

template <typename T>
class Solver {
 public:
  Solver(const Values& values, const Grouping& blocks, const ScaledRequest& request, std::size_t threads)
      : values_(values), blocks_(blocks), request_(request), threads_(threads), grid_(request.scale) {}

  ScaledTable solve() {
    measure();
    if (extent_.most == 0) return {{0}, {0}, 0, 0, true};
    std::vector<double> table;
    const std::size_t all = blocks_.count(), longest = blocks_.largest();
    const std::size_t wanted = std::max(kExact, (much() ? kForLevel : 2 * kForLevel) * request_.n_levels);
    const std::size_t chosen = std::min(all, std::max<std::size_t>(1, wanted / longest));
    take(chosen);
    ScaledTable result{};
    alternate(result, table);
    if (chosen < all) {
      if (request_.objective == Objective::mse) step(std::min(all, kLarger * chosen), table);
      result.losses.push_back(pass({table, request_.objective}) / extent_.norm);
    }
    result.vnmse = result.losses.back();
    result.levels = in_real_units(table);
    result.squared_error = std::ldexp(result.losses.back() * extent_.norm, 2 * extent_.exponent);
    return result;
  }

  ScaledTable score(std::span<const double> levels) {
    measure();
    FitTable table(levels, request_.objective);
    table.exponent -= extent_.exponent;
    const double error = pass(table);
    ScaledTable result{};
    result.vnmse = extent_.norm > 0 ? error / extent_.norm : 0;
    result.losses = {result.vnmse};
    result.squared_error = std::ldexp(error, 2 * extent_.exponent);
    result.levels.assign(levels.begin(), levels.end());
    return result;
  }

 private:
  // Sums over the values of each level: of s^2, and of s x.
  struct Means {
    explicit Means(std::size_t count) : own(count), cross(count) {}

    void add(const BlockFit& fit, const Fitted& found, std::size_t n) {
      if (found.scale == 0) return;
      const double square = found.scale * found.scale, scale = std::ldexp(found.scale, found.exponent);
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t code = fit.codes()[i];
        own[code] += square;
        cross[code] += scale * static_cast<double>(fit.scaled()[i]);
      }
    }

    std::vector<double> own, cross;
  };

  // Values and scaled weights that a table is solved for.
  struct Scaled {
    std::vector<float> y;
    std::vector<double> weight;
  };

  // Reads a block.
  std::span<T> read(std::size_t block, std::vector<T>& buffer) const {
    const std::size_t n = blocks_.size(block);
    values_.read(blocks_.start(block), n, buffer.data());
    return {buffer.data(), n};
  }

  bool much() const { return values_.size > kMuch; }

  // Of all values.
  void measure() {
    std::vector<T> buffer(std::min<std::size_t>(values_.size, 4096));
    for (std::size_t i = 0; i < values_.size; i += buffer.size()) {
      const std::size_t n = std::min(buffer.size(), values_.size - i);
      values_.read(i, n, buffer.data());
      const Range<T> found = range(std::span<const T>(buffer.data(), n));
      if (!found.finite) refuse_non_finite(values_);
      extent_.most = std::max(extent_.most, static_cast<double>(std::max(found.high, -found.low)));
    }
    std::frexp(extent_.most, &extent_.exponent);
    double lanes[16] = {};
    const T half = std::ldexp(T{1}, -extent_.exponent / 2);
    const T rest = std::ldexp(T{1}, -extent_.exponent - -extent_.exponent / 2);
    for (std::size_t i = 0; i < values_.size; i += buffer.size()) {
      const std::size_t n = std::min(buffer.size(), values_.size - i);
      values_.read(i, n, buffer.data());
      for (std::size_t k = 0; k < n; ++k) {
        const double z = static_cast<double>(buffer[k] * half * rest);
        lanes[k % 16] += z * z;
      }
    }
    for (const double lane : lanes) extent_.norm += lane;
  }

  // Copies that many blocks, spread evenly.
  void take(std::size_t chosen) {
    std::vector<T> buffer(blocks_.largest());
    const T half = std::ldexp(T{1}, -extent_.exponent / 2);
    const T rest = std::ldexp(T{1}, -extent_.exponent - -extent_.exponent / 2);
    ends_ = {0}, sample_.clear(), norm_of_sample_ = 0;
    const std::size_t all = blocks_.count();
    for (std::size_t i = 0; i < chosen; ++i) {
      const std::size_t block = all / chosen * i + all % chosen * i / chosen;
      for (const T value : read(block, buffer)) {
        sample_.push_back(static_cast<float>(value * half * rest));
        if (!(std::abs(sample_.back()) <= 1)) refuse_non_finite(values_);  // not so a moment ago
        norm_of_sample_ += static_cast<double>(sample_.back()) * static_cast<double>(sample_.back());
      }
      ends_.push_back(sample_.size());
    }
  }

  // Levels as they are stored: scales are what values are where that is a usual size, else near 2^8; less where levels
  // would get so small that floats lack digits.
  int unit() const {
    const int exponent = extent_.exponent;
    if (exponent >= kLeastScale && exponent <= kMostScale) return 0;
    const int lowest = std::numeric_limits<T>::min_exponent;
    return std::clamp(lowest, exponent - kMostScale, exponent - kLeastUnusual);
  }
  // Tables are of values divided by 2^exponent.
  std::vector<double> in_real_units(std::vector<double> table) const {
    for (double& level : table) level = std::ldexp(level, extent_.exponent);
    return table;
  }

  // The scale by which the value farthest from 0 becomes 1 or -1 (times what brings scales to their usual size).
  double first_scale(std::span<const float> z) const {
    float most = 0;
    for (const float value : z)
      if (std::abs(value) > std::abs(most)) most = value;
    const double scale =
        std::ldexp(static_cast<double>(grid_.has_sign() ? most : std::abs(most)), extent_.exponent - unit());
    return request_.objective == Objective::mse || scale == 0 ? grid_.nearest(scale) : grid_.enclosing(scale);
  }

  void add(Scaled& scaled, std::span<const float> z, double scale) const {
    if (scale == 0) return;
    const double inverse = 1 / scale;
    for (const float value : z) {
      scaled.y.push_back(static_cast<float>(static_cast<double>(value) * inverse));
      scaled.weight.push_back(scale * scale);
    }
  }

  std::span<const float> block_of_sample(std::size_t i) const {
    return std::span(sample_).subspan(ends_[i], ends_[i + 1] - ends_[i]);
  }

  std::vector<double> best_table(Scaled& scaled, bool& exact) const {
    if (scaled.y.empty()) return {0};
    exact = ends_.size() == blocks_.count() + 1 && sample_.size() <= kExact;
    if (request_.zero) {
      double weights = 0;
      for (const double weight : scaled.weight) weights += weight;
      scaled.y.push_back(0);
      scaled.weight.push_back(kHeavy * weights);
    } else if (request_.objective == Objective::unbiased) {  // 0 must not lie outside: scales enclose all values then
      scaled.y.push_back(0);
      scaled.weight.push_back(0);
    }
    const Values y{Values::Kind::float32, scaled.y.data(), nullptr, scaled.y.size()};
    const Data data{y, Grouping{1, 1, scaled.y.size()}, scaled.weight};
    Request request{exact ? Method::exact : Method::histogram, request_.objective, request_.n_levels};
    request.bins = static_cast<std::uint32_t>(std::clamp<std::size_t>(64 * request_.n_levels, 4096, 65536));
    const Tables found = solve_groups(data, request, 1);
    std::vector<double> table(found.levels.begin(), found.levels.begin() + found.counts[0]);
    if (request_.zero) *nearest_to_zero(table) = 0;
    return table;
  }

  static std::vector<double>::iterator nearest_to_zero(std::vector<double>& table) {
    return std::min_element(table.begin(), table.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  }

  // On the sample, which may be all there is.
  void alternate(ScaledTable& result, std::vector<double>& best) {
    Scaled scaled;
    for (std::size_t i = 0; i + 1 < ends_.size(); ++i) add(scaled, block_of_sample(i), first_scale(block_of_sample(i)));
    bool exact = false;
    std::vector<double> table = best_table(scaled, exact);
    if (norm_of_sample_ == 0) {
      best = table;
      result.losses.push_back(0);
      return;
    }
    for (std::size_t turn = 0; turn < kMostTurns; ++turn) {
      const bool steps = request_.objective == Objective::mse && much() && turn + 1 >= kSolved;
      Means means(table.size());
      scaled.y.clear(), scaled.weight.clear();
      const double loss = fit_sample(table, [&](std::span<const float> z, const BlockFit& fit, const Fitted& found) {
        steps ? means.add(fit, found, z.size()) : add(scaled, z, found.scale);
      });
      if (!result.losses.empty() && !(loss < result.losses.back())) return;
      const bool little = !result.losses.empty() && loss > result.losses.back() * (1 - kWorthATurn);
      result.losses.push_back(loss);
      result.exact = exact;
      best = table;
      if (little || loss == 0) return;
      if (steps)
        move(means, table);
      else
        table = best_table(scaled, exact);
    }
  }

  // Fits all blocks of the sample, and returns the squared error over the squared norm.
  template <typename Take>
  double fit_sample(std::span<const double> table, const Take& take) const {
    const FitTable levels(table, request_.objective);
    BlockFits<float> fits(levels, request_.scale, blocks_.largest());
    double error = 0;
    const auto read = [&](std::size_t i, float*) { return block_of_sample(i); };
    fits.each(0, ends_.size() - 1, read,
              [&](std::size_t, std::span<const float> z, const BlockFit& fit, const Fitted& found) {
                error += found.squared();
                take(z, fit, found);
              });
    return error / norm_of_sample_;
  }

  // Levels to the mean of their values, those that have any, but not one that is fixed.
  void move(const Means& means, std::vector<double>& table) const {
    for (std::size_t b = 0; b < table.size(); ++b)
      if (means.own[b] > 0 && !(request_.zero && table[b] == 0))
        table[b] = static_cast<double>(static_cast<float>(means.cross[b] / means.own[b]));
    std::sort(table.begin(), table.end());
  }

  // On a larger sample.
  void step(std::size_t chosen, std::vector<double>& best) {
    take(chosen);
    if (norm_of_sample_ == 0) return;
    double least = HUGE_VAL;
    std::vector<double> table = best;
    for (std::size_t turn = 0; turn < kMostSteps; ++turn) {
      Means means(table.size());
      const double loss = fit_sample(table, [&](std::span<const float> z, const BlockFit& fit, const Fitted& found) {
        means.add(fit, found, z.size());
      });
      if (!(loss < least)) return;
      const bool little = loss > least * (1 - kWorthATurn);
      least = loss, best = table;
      if (little) return;
      move(means, table);
    }
  }

  // The error of a table on all blocks, in units of 2^exponent squared.
  double pass(const FitTable& table) const {
    const std::size_t parts = (blocks_.count() + kTogether - 1) / kTogether;
    std::vector<double> errors(parts);
    share(parts, threads_, [&](std::uint64_t first, std::uint64_t last) {
      BlockFits<T> fits(table, request_.scale, blocks_.largest());
      const T half = std::ldexp(T{1}, -extent_.exponent / 2);
      const T rest = std::ldexp(T{1}, -extent_.exponent - -extent_.exponent / 2);
      const auto read = [&](std::size_t block, T* buffer) {
        const std::size_t n = blocks_.size(block);
        values_.read(blocks_.start(block), n, buffer);
        for (std::size_t k = 0; k < n; ++k) buffer[k] = buffer[k] * half * rest;
        return std::span<const T>(buffer, n);
      };
      for (std::uint64_t part = first; part < last; ++part)
        fits.each(part * kTogether, std::min((part + 1) * kTogether, blocks_.count()), read,
                  [&](std::size_t, std::span<const T>, const BlockFit&, const Fitted& found) {
                    if (!found.finite) refuse_non_finite(values_);
                    errors[part] += found.squared();
                  });
    });
    double error = 0;
    for (const double part : errors) error += part;
    return error;
  }

  const Values& values_;
  const Grouping& blocks_;
  const ScaledRequest& request_;
  std::size_t threads_;
  ScaleGrid grid_;
  Extent extent_;
  std::vector<float> sample_;
  std::vector<std::size_t> ends_;  // of its blocks
  double norm_of_sample_ = 0;
};

}  // namespace

ScaledTable scaled_levels(const Values& values, const Grouping& blocks, const ScaledRequest& request,
                          std::size_t threads) {
  return values.wide() ? Solver<double>(values, blocks, request, threads).solve()
                       : Solver<float>(values, blocks, request, threads).solve();
}

ScaledTable score_scaled(const Values& values, const Grouping& blocks, std::span<const double> levels,
                         Objective objective, Scale scale, std::size_t threads) {
  const ScaledRequest request{objective, levels.size(), scale, false};
  return values.wide() ? Solver<double>(values, blocks, request, threads).score(levels)
                       : Solver<float>(values, blocks, request, threads).score(levels);
}

}  // namespace bh::quantization
