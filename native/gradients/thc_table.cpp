#include "gradients/thc_table.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace bh::gradients {
namespace {

constexpr double kTie = 1e-13;
constexpr double kInf = std::numeric_limits<double>::infinity();

// The integrals of density, a density and a^2 density up to a point.
struct Moments {
  double at, m0, m1, m2;
};

Moments moments(double at, double scale) {
  const double z = at / scale;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  const double below = 0.5 * std::erfc(-z / std::numbers::sqrt2);
  return {at, below, -scale * density, scale * scale * (below - z * density)};
}

// The integral of (a - p)(q - a) density from p to q.
double cell(const Moments& p, const Moments& q) {
  return -(q.m2 - p.m2) + (p.at + q.at) * (q.m1 - p.m1) - p.at * q.at * (q.m0 - p.m0);
}

class Solver {
 public:
  Solver(int granularity, double half_range) {
    for (int i = 0; i <= granularity; ++i) grid_.push_back(moments(-half_range + 2 * half_range * i / granularity, 1));
    cost_.assign(grid_.size(), kInf);
    cost_[0] = 0;
  }

  // One more level: the least cost of every point from the least costs with one level fewer. The cells have the
  // quadrangle inequality, so the best predecessors ascend, and halves can be solved apart.
  void add_level() {
    from_.emplace_back(grid_.size(), 0);
    std::vector<double> next(grid_.size(), kInf);
    const int levels = static_cast<int>(from_.size()), last = static_cast<int>(grid_.size()) - 1;
    halves(levels, last, levels - 1, last - 1, next);
    cost_ = std::move(next);
  }

  double cost(int point) const { return cost_[point]; }
  double cell_cost(int from, int to) const { return cell(grid_[from], grid_[to]); }

  std::vector<std::uint16_t> trace(int point) const {
    std::vector<std::uint16_t> values(from_.size() + 1);
    for (std::size_t level = from_.size(); level > 0; --level) {
      values[level] = static_cast<std::uint16_t>(point);
      point = from_[level - 1][point];
    }
    return values;
  }

 private:
  // The points [low, high], whose predecessors lie in [least, most].
  void halves(int low, int high, int least, int most, std::vector<double>& next) {
    if (low > high) return;
    const int middle = low + (high - low) / 2;
    int best = least;
    for (int i = least; i <= most && i < middle; ++i) {
      const double total = cost_[i] + cell(grid_[i], grid_[middle]);
      if (total < next[middle] - kTie) next[middle] = total, best = i;
    }
    from_.back()[middle] = static_cast<std::uint16_t>(best);
    halves(low, middle - 1, least, best, next);
    halves(middle + 1, high, best, most, next);
  }

  std::vector<Moments> grid_;
  std::vector<double> cost_;
  std::vector<std::vector<std::uint16_t>> from_;  // the best predecessor, by level and point
};

}  // namespace

ThcTable thc_table(int levels, int granularity, double half_range, bool symmetric) {
  Solver solver(granularity, half_range);
  if (!symmetric) {
    for (int level = 1; level < levels; ++level) solver.add_level();
    return {solver.trace(granularity), solver.cost(granularity)};
  }
  for (int level = 1; level < levels / 2; ++level) solver.add_level();
  double least = kInf;
  int best = 0;
  for (int j = levels / 2 - 1; 2 * j < granularity; ++j) {
    const double total = 2 * solver.cost(j) + solver.cell_cost(j, granularity - j);
    if (total < least - kTie) least = total, best = j;
  }
  ThcTable table{solver.trace(best), least};
  for (std::size_t z = table.values.size(); z > 0; --z)
    table.values.push_back(static_cast<std::uint16_t>(granularity - table.values[z - 1]));
  return table;
}

double rounding_cost(const std::vector<std::uint16_t>& values, double half_range, double scale) {
  const auto point = [&](std::uint16_t value) {
    return moments(-half_range + 2 * half_range * value / values.back(), scale);
  };
  double total = 0;
  Moments left = point(values.front());
  for (std::size_t z = 1; z < values.size(); ++z) {
    const Moments right = point(values[z]);
    total += cell(left, right);
    left = right;
  }
  return total;
}

}  // namespace bh::gradients
