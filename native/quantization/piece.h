// What lies between two points, summed from its own two ends, so that nothing ever cancels.
//
// The cost of a link from a to b is the sum of w (b - x)(x - a) over the values between (unbiased), or that of
// w (x - mean)^2 (k-means). Running sums from far away lose it: clusters of spread 1 that lie 1e9 apart need 18 digits
// of the differences of such sums. Here every interval is put together from parts, each summed about its own two ends,
// and a part meets its neighbor by adding products of what is not negative: distances, weights and such sums.
//
// Rounding. A product or sum of terms that are not negative and each right to a relative error e is right to e + 2^-53;
// the distance of two values, which are given exactly, to 2^-53. A part made by m joins, one after the other, is thus
// right to 4 m 2^-53 in every sum, whatever the values and weights are and however far all others lie. Every part here
// is made by fewer than 2^11 joins in a row: its cost is right to kRounding of itself.
#pragma once
#include <cstdint>

#include "quantization/values.h"
#include "support/simd.h"

namespace bh::quantization {

constexpr double kRounding = 0x1p-40;

// The sums over a part from a point `l` to a point `h`. For unbiased levels `low` is that of w (x - l), `high` that of
// w (h - x), and `cost` that of w (h - x)(x - l). For k-means `low` and `high` are the mean's distances from l and
// from h, and `cost` is the sum of w (x - mean)^2.
struct Piece {
  double weight = 0, low = 0, high = 0, cost = 0;
};

// A single value at the upper end of a part (unbiased) or at the lower (k-means) that is `length` long.
template <Objective kind>
Piece single(double weight, double length) {
  if constexpr (kind == Objective::unbiased)
    return {weight, weight * length, 0, 0};
  else
    return {weight, 0, length, 0};
}

// What two parts that meet cost together: `left` and `right` are their lengths.
template <Objective kind>
double joint_cost(const Piece& p, const Piece& q, double left, double right) {
  if constexpr (kind == Objective::unbiased) {
    return (p.cost + q.cost) + (right * p.low + left * q.high);
  } else {
    const double apart = p.high + q.low, all = p.weight + q.weight;
    return (p.cost + q.cost) + (all > 0 ? p.weight / all * q.weight * (apart * apart) : 0);
  }
}

template <Objective kind>
Piece join(const Piece& p, const Piece& q, double left, double right) {
  const double weight = p.weight + q.weight;
  if constexpr (kind == Objective::unbiased) {
    return {weight, p.low + (q.low + q.weight * left), q.high + (p.high + p.weight * right),
            joint_cost<kind>(p, q, left, right)};
  } else {
    if (!(weight > 0)) return {};
    const double a = p.weight / weight, b = q.weight / weight, apart = p.high + q.low;
    return {weight, a * p.low + b * (q.low + left), b * q.high + a * (p.high + right),
            (p.cost + q.cost) + a * q.weight * (apart * apart)};
  }
}

// join() with a single value (see above) before a part or after it; `right` and `left` are the other part's length.
template <Objective kind>
Piece prepend(double weight, double length, const Piece& q, double right) {
  const double all = weight + q.weight;
  if constexpr (kind == Objective::unbiased) {
    const double high = q.high + weight * right;
    return {all, q.low + all * length, high, q.cost + length * high};
  } else {
    const double share = weight / all, apart = length + q.low;
    return {all, q.weight / all * apart, q.weight / all * q.high + share * (length + right),
            q.cost + share * q.weight * (apart * apart)};
  }
}
template <Objective kind>
Piece append(const Piece& p, double left, double weight, double length) {
  const double all = p.weight + weight;
  if constexpr (kind == Objective::unbiased) {
    const double low = p.low + weight * (left + length);
    return {all, low, p.high + p.weight * length, p.cost + length * p.low};
  } else {
    const double share = weight / all, rest = p.weight / all;
    return {all, rest * p.low + share * left, share * length + rest * (p.high + length),
            p.cost + share * p.weight * (p.high * p.high)};
  }
}

// Where a level may be placed: around a point, up to `left` below and `right` above it. These are lengths for unbiased
// levels and weights for k-means, whose lengths are `reach_left` and `reach_right`. The slope is about how fast the
// total of the cheapest way to a place grows, for each unit of length or weight.
struct Cell {
  std::uint32_t first = 0, last = 0;  // the positions that it covers
  double left = 0, right = 0, reach_left = 0, reach_right = 0, slope = 0;
};

// A line through 0 of this slope is nowhere from -left to right below minus this.
inline double fall(double slope, double left, double right) {
  const double up = -slope * right, down = slope * left;
  return up > down ? up : down;
}

// The least that a link costs from anywhere in cell `from` to anywhere in cell `to`, when the slope times the way from
// the cell's point is put on where it starts and taken off where it ends. `core` lies between the two points, and
// `beyond` is the weight that lies up to `to.right` above the second one.
//
// Unbiased: the cost C(p, q) is convex in each end. With u and v from the points, C >= cost - Da(q) u + Db v for the
// slopes Da(q) in p and Db in q; Da changes by at most the weight between p's point and q for each unit of v.
// K-means: with c the mean of what a link holds, all that the cell takes away is no farther from c than its point, and
// all that it adds no nearer, so that the cost is at least that of the core around c with weights moved at the points;
// c itself is then free, which costs no more than `loss`.
template <Objective kind>
BH_INLINE double least_link(const Cell& from, const Cell& to, const Piece& core, double beyond) {
  if constexpr (kind == Objective::unbiased) {
    const double up = (core.weight + beyond) * (from.right * to.right), down = core.weight * (from.left * to.left);
    return core.cost - fall(from.slope - core.high, from.left, from.right) -
           fall(core.low - to.slope, to.left, to.right) - (up > down ? up : down);
  } else {
    const double crude = -from.slope * from.left - to.slope * to.right;
    const double weight = core.weight - from.right - to.left;
    if (!(weight > 0)) return crude;
    const double up = from.right * core.low + to.right * core.high, down = from.left * core.low + to.left * core.high;
    const double more = up + to.right * to.reach_right, less = down + from.left * from.reach_left;
    const double shift = (more > less ? more : less) / weight, most = up > down ? up : down;
    if (!(core.low - shift >= from.reach_right) || !(core.high - shift >= to.reach_left)) return crude;
    const double least = core.cost - fall(from.slope - core.low * core.low, from.left, from.right) -
                         fall(core.high * core.high - to.slope, to.left, to.right) - most / weight * most;
    return least > crude ? least : crude;
  }
}

}  // namespace bh::quantization
