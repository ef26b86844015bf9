// The cheapest path when each link costs a price more (a Lagrangian relaxation of the number of links).
//
// The total f(j) of the cheapest way to point j is the least over k < j of f(k) + price + cost(k, j). Costs satisfy the
// quadrangle inequality (they are a Monge matrix: Aggarwal, Klawe, Moran, Shor, Wilber 1987), so that the best k never
// moves back as j moves on. Points are taken in blocks short enough that no link fits inside: the best k of a block's
// last point is found among earlier blocks, by bounds that are tight to the second order of a block's length, and that
// of the points before it lies at it or below.
//
// Rounding. f grows with j, so that cost(k, j) <= price + 2 cost of the best link for every k that is close to the
// best; a decision between two is wrong by at most kRounding of that, and four decisions stand between any k and the
// one that is taken for j.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "quantization/chain.h"

namespace bh::quantization {

// Columns of a block: the total of the way to each point k, with the cost of what lies between k and the block's first
// point added, and what the cost to a row depends on.
struct Columns {
  const double *total, *weight, *reach;  // unbiased: sum of w (x - x_k), distance; k-means: weight, mean's distance
};
// Rows: what lies between the block's first point and each of them.
struct Rows {
  const double *cost, *weight, *reach;  // unbiased: distance, sum of w (x_j - x); k-means: weight, mean's distance
};
constexpr std::size_t kRows = 8;  // taken at a time

// The first of n columns with the least total for each of kRows rows, and that total.
void best_columns(Objective kind, const Columns& columns, std::size_t n, const Rows& rows, double* least,
                  std::uint32_t* places);

template <Objective kind, typename Points>
class Cheapest {
 public:
  explicit Cheapest(const Points& points) : points_(points), from_(points.size()) {}

  // From the first point to the last. With `totals` those to all points are kept, else only as far back as needed.
  Path path(double price, bool totals = false) {
    price_ = price, keep_ = totals;
    const std::size_t last = points_.size() - 1;
    base_ = 0;
    totals_.assign(1, 0.0);
    for (std::vector<Done>& level : done_) level.clear();
    from_[0] = 0;
    near_ = {};
    std::size_t span = 1;
    for (std::size_t start = 0; start < last;) {
      const std::size_t done = block(start, std::min(span, last - start));
      span = std::min(done < span ? done + done / 4 + 1 : 2 * span, kBlock);
      start += done;
      forget(start);
    }
    Path backwards{static_cast<Index>(last)};
    while (backwards.back() != 0) backwards.push_back(from_[backwards.back()]);
    return {backwards.rbegin(), backwards.rend()};
  }

  double total(std::size_t j) const { return totals_[j - base_]; }
  Index from(std::size_t j) const { return from_[j]; }

 private:
  static constexpr std::size_t kBlock = 64;

  static constexpr std::size_t kMerged = 8;  // blocks that are looked at together first ...
  static constexpr std::size_t kLevels = 3;  // ... and so many of these
  static constexpr double kDearer = 16;

  // A block that is done, or several: its points from first to last, what it holds, how much that is (a length for
  // unbiased levels, a weight for k-means), and the least of its totals with the slope taken off.
  struct Done {
    std::size_t first, last;
    Piece inside;
    double extent, slope, floor, before;  // before: the total of the first point
  };
  // What lies between a block that was looked at and the new one, the total of a link from its last point to the new
  // one's last, and the least of one from anywhere in it.
  struct Seen {
    std::size_t block, last;
    Piece gap;
    double value, bound;
  };

  static double measure(double length, double weight) { return kind == Objective::unbiased ? length : weight; }

  // Totals of points start + 1 .. start + span from links that begin at `start` or before, but only of so many that
  // none that begins in between can be better; gives their number.
  std::size_t block(std::size_t start, std::size_t span) {
    const double x0 = points_.x(start);
    Piece* const ahead = ahead_;
    double far = 0;
    for (std::size_t r = 0; r < span; ++r) {
      ahead[r + 1] = points_.template after<kind>(start + r, ahead[r], far);
      far = points_.x(start + r + 1) - x0;
      row_cost_[r] = ahead[r + 1].cost, row_weight_[r] = measure(far, ahead[r + 1].weight);
      row_reach_[r] = kind == Objective::unbiased ? ahead[r + 1].high : ahead[r + 1].low;
    }
    const std::size_t lowest = from_[start], n = columns(start, lowest, ahead[span], far);
    solve_rows(span, n);
    const double base = total(lowest), at_start = total(start);
    const double dearest = found_[span - 1], most = at_start - base;
    std::size_t done = span;
    while (done > 1 && !(found_[done - 1] <= most)) --done;
    // What links to a last point that is far dearer cost tells too little about where those to the others begin.
    if (done < span && !(dearest <= kDearer * (most + price_))) return block(start, done);
    span = done;

    const double offset = base + price_;
    totals_.resize(totals_.size() + span);
    double* const totals = totals_.data() + totals_.size() - span;
    Done whole{start, start + span, ahead[span], row_weight_[span - 1], 0, at_start, at_start};
    if (whole.extent > 0) whole.slope = std::max(0.0, offset + found_[span - 1] - at_start) / whole.extent;
    for (std::size_t r = 0; r < span; ++r) {
      totals[r] = offset + found_[r];
      from_[start + r + 1] = static_cast<Index>(lowest + places_[r]);
      whole.floor = std::min(whole.floor, totals[r] - whole.slope * row_weight_[r]);
    }
    const std::uint32_t place = places_[span - 1];
    const double cost = column_total_[place] - (total(lowest + place) - base), own = column_weight_[place];
    near_ = join<kind>(kind == Objective::unbiased ? Piece{0, own, 0, cost} : Piece{own, 0, column_reach_[place], cost},
                       ahead[span], x0 - points_.x(lowest + place), points_.x(start + span) - x0);
    done_[0].push_back(whole);
    for (std::size_t level = 0; level + 1 < kLevels && done_[level].size() % kMerged == 0; ++level) merge(level);
    return span;
  }

  // The best columns of rows 0 .. span - 1, of n: of each kRows-th row first, between which those of the others lie.
  void solve_rows(std::size_t span, std::size_t n) {
    const std::size_t groups = (span + kRows - 1) / kRows;
    for (std::size_t r = span; r < groups * kRows; ++r)
      row_cost_[r] = row_cost_[span - 1], row_weight_[r] = row_weight_[span - 1], row_reach_[r] = row_reach_[span - 1];
    std::uint32_t last[kRows];
    if (groups > 1) {
      double cost[kRows], weight[kRows], reach[kRows], least[kRows];
      for (std::size_t i = 0; i < kRows; ++i) {
        const std::size_t r = std::min(i + 1, groups) * kRows - 1;
        cost[i] = row_cost_[r], weight[i] = row_weight_[r], reach[i] = row_reach_[r];
      }
      best_columns(kind, {column_total_.data(), column_weight_.data(), column_reach_.data()}, n, {cost, weight, reach},
                   least, last);
    } else {
      last[0] = static_cast<std::uint32_t>(n - 1);
    }
    std::uint32_t low = 0;
    for (std::size_t group = 0; group < groups; low = std::max(low, last[group++])) {
      const std::size_t r = group * kRows;
      best_columns(kind, {&column_total_[low], &column_weight_[low], &column_reach_[low]},
                   std::max(last[group], low) - low + 1, {row_cost_ + r, row_weight_ + r, row_reach_ + r}, found_ + r,
                   places_ + r);
      for (std::size_t i = r; i < r + kRows; ++i) places_[i] += low;
    }
  }

  // The last kMerged of a level as one of the next.
  void merge(std::size_t level) {
    const Done* part = &done_[level][done_[level].size() - kMerged];
    Done all{part->first, part[kMerged - 1].last, {}, 0, 0, part->floor, part->before};
    for (std::size_t i = 0; i < kMerged; ++i) {
      const double here = points_.x(part[i].first);
      all.inside = join<kind>(all.inside, part[i].inside, here - points_.x(all.first), points_.x(part[i].last) - here);
      all.extent += part[i].extent;
    }
    if (all.extent > 0) all.slope = std::max(0.0, total(all.last) - all.before) / all.extent;
    double before = 0;
    for (std::size_t i = 0; i < kMerged; before += part[i++].extent)
      all.floor = std::min(
          all.floor, part[i].floor - all.slope * before + std::min(0.0, (part[i].slope - all.slope) * part[i].extent));
    done_[level + 1].push_back(all);
  }

  // What a link from anywhere in a block, with the slope up to there put on, costs at least more than one from its
  // last point: unbiased costs are convex in the place, and lie above their tangent; of clusters the values of the
  // block lie no closer to the mean than its last point does.
  double leaving(const Done& done, const Piece& core) const {
    if constexpr (kind == Objective::unbiased) {
      return std::min(core.high, done.slope) * done.extent;
    } else {
      if (!(core.weight > 0) || !(core.weight * core.low >= done.inside.weight * done.inside.high)) return 0;
      const double pull = core.low * core.low, moved = done.extent - done.extent / core.weight * done.extent;
      return std::clamp(moved * pull, 0.0, done.slope * done.extent);
    }
  }

  // Looks at a level from `past` back to the first from `stop` on that reaches beyond the lowest start; `gap` is what
  // lies between and the new block, and comes to reach to where the look has ended.
  void look(std::size_t level, std::size_t past, std::size_t stop, std::size_t lowest, double x0, const Piece& ahead,
            double length, Piece& gap) {
    for (std::size_t i = past; i-- > stop;) {
      const Done& done = done_[level][i];
      if (done.last <= lowest) return;
      const double x = points_.x(done.last), reach = x0 - x;
      const Piece core = join<kind>(gap, ahead, reach, length);
      const double value = (total(done.last) - base_total_) + core.cost;
      best_ = std::min(best_, value);
      seen_[level].push_back(
          {i, done.last, gap, value, (done.floor - base_total_) + (core.cost + leaving(done, core))});
      gap = join<kind>(done.inside, gap, x - points_.x(done.first), reach);
    }
  }

  // Fills the columns from `lowest` to the highest point that may be best for the block's last row; gives their number.
  std::size_t columns(std::size_t start, std::size_t lowest, const Piece& ahead, double length) {
    const double x0 = points_.x(start);
    for (std::vector<Seen>& seen : seen_) seen.clear();
    base_total_ = total(lowest);
    const double at_lowest = joint_cost<kind>(near_, ahead, x0 - points_.x(lowest), length);
    best_ = std::min(at_lowest, (total(start) - base_total_) + ahead.cost);
    Piece gap;
    for (std::size_t level = 0; level < kLevels; ++level)
      look(level, done_[level].size(), level + 1 < kLevels ? done_[level + 1].size() * kMerged : 0, lowest, x0, ahead,
           length, gap);
    // What gains no more than rounding is not worth a look: where totals are all but the same for most points, all of
    // them would be columns.
    const auto slack = [this] { return kRounding * (price_ + best_); };
    for (std::size_t level = kLevels; level-- > 1;)
      for (const Seen& each : seen_[level]) {
        if (!(each.bound < best_ - slack())) continue;
        gap = each.gap;
        look(level - 1, (each.block + 1) * kMerged, each.block * kMerged, lowest, x0, ahead, length, gap);
      }
    // The lowest point that is as good as any that was looked at, and beyond it where a better one may be.
    std::size_t highest = start;
    gap = {};
    const double enough = best_ + slack(), better = best_ - slack();
    for (const std::vector<Seen>& seen : seen_)
      for (const Seen& each : seen)
        if (each.value <= enough && each.last < highest) highest = each.last, gap = each.gap;
    if (at_lowest <= enough) highest = lowest, gap = near_;
    for (const Seen& each : seen_[0])
      if (each.bound < better && each.last > highest) highest = each.last, gap = each.gap;

    const std::size_t n = highest - lowest + 1;
    if (column_total_.size() < n) column_total_.resize(n), column_weight_.resize(n), column_reach_.resize(n);
    const double* totals = totals_.data() + (lowest - base_);
    double* column_total = column_total_.data();
    double* column_weight = column_weight_.data();
    double* column_reach = column_reach_.data();
    for (std::size_t i = n - 1;; --i) {
      const double reach = x0 - points_.x(lowest + i);
      column_total[i] = (totals[i] - base_total_) + gap.cost;
      column_weight[i] = kind == Objective::unbiased ? gap.low : gap.weight;
      column_reach[i] = kind == Objective::unbiased ? reach : gap.high;
      if (i == 0) return n;
      gap = points_.template before<kind>(lowest + i - 1, gap, reach);
    }
  }

  // Totals before the best start of a link to `start` are never asked for again.
  void forget(std::size_t start) {
    const std::size_t useless = from_[start] - base_;
    if (keep_ || useless < 4096 || 2 * useless < totals_.size()) return;
    totals_.erase(totals_.begin(), totals_.begin() + static_cast<std::ptrdiff_t>(useless));
    base_ += useless;
    std::vector<Done>& top = done_[kLevels - 1];
    std::size_t past = 0;
    while (past < top.size() && top[past].last <= base_) ++past;
    for (std::size_t level = kLevels; level-- > 0; past *= kMerged)
      done_[level].erase(done_[level].begin(), done_[level].begin() + static_cast<std::ptrdiff_t>(past));
  }

  const Points& points_;
  double price_ = 0;
  bool keep_ = false;
  Storage<Index> from_;
  std::vector<double> totals_;
  std::size_t base_ = 0;
  std::array<std::vector<Done>, kLevels> done_;  // blocks, then each kMerged of a level as one
  std::array<std::vector<Seen>, kLevels> seen_;
  Piece near_;  // from the best start of a link to the new block, with the sums that a cost to beyond depends on
  double best_ = 0, base_total_ = 0;
  Piece ahead_[kBlock + 1];
  double row_cost_[kBlock], row_weight_[kBlock], row_reach_[kBlock], found_[kBlock];
  std::uint32_t places_[kBlock];
  std::vector<double> column_total_, column_weight_, column_reach_;
};

}  // namespace bh::quantization
