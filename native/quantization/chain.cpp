#include "quantization/chain.h"

#include <algorithm>
#include <cmath>

#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kChunk = 1024;  // values summed in plain doubles; sums of chunks are added with what was lost
constexpr std::size_t kBlock = 64;    // points that cells are gathered by
constexpr double kHeavy = 8;          // times the mean weight: what a cell of the coarse chain may weigh
constexpr std::size_t kFew = 8;       // values of a cell that each get a cell of their own: bounds on so few are poor

// A sum of terms that are not negative, right to a few units in the last place however many they are.
class Sum {
 public:
  void add(double term) {
    const double exact = term - lost_, next = sum_ + exact;
    lost_ = (next - sum_) - exact;
    sum_ = next;
  }
  double value() const { return sum_; }

 private:
  double sum_ = 0, lost_ = 0;
};

BH_INLINE double total(const double* lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Calls term(lane, i) for each of n values, neighbors in neighboring lanes.
template <typename Term>
BH_INLINE void by_lanes(std::size_t n, const Term& term) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) term(lane, i + lane);
  for (; i < n; ++i) term(i % kLanes, i);
}

template <typename T, typename Weight>
BH_INLINE void add_between(const T* x, std::size_t n, double unit, double l, double h, const Weight& weight,
                           double* sums) {
  double low[kLanes] = {}, high[kLanes] = {}, cost[kLanes] = {};
  by_lanes(n, [&](std::size_t lane, std::size_t i) {
    const double value = static_cast<double>(x[i]) * unit, up = value - l, down = h - value, w = weight(i);
    low[lane] += w * up, high[lane] += w * down, cost[lane] += w * (up * down);
  });
  sums[0] = total(low), sums[1] = total(high), sums[2] = total(cost);
}

template <typename T, typename Weight>
BH_INLINE double add_around(const T* x, std::size_t n, double unit, double l, double mean, const Weight& weight) {
  double squares[kLanes] = {};
  by_lanes(n, [&](std::size_t lane, std::size_t i) {
    const double off = (static_cast<double>(x[i]) * unit - l) - mean;
    squares[lane] += weight(i) * (off * off);
  });
  return total(squares);
}

// The number of copies of each value; without `ends` there is one of each.
BH_INLINE auto copies(const Index* ends) {
  return [ends](std::size_t i) { return static_cast<double>(ends[i] - (ends[i - 1])); };
}
BH_INLINE auto one() {
  return [](std::size_t) { return 1.0; };
}

}  // namespace

BH_MULTIVERSION void sums_between(const float* x, const Index* ends, std::size_t n, double unit, double l, double h,
                                  double* sums) {
  ends ? add_between(x, n, unit, l, h, copies(ends), sums) : add_between(x, n, unit, l, h, one(), sums);
}
BH_MULTIVERSION void sums_between(const double* x, const Index* ends, std::size_t n, double unit, double l, double h,
                                  double* sums) {
  ends ? add_between(x, n, unit, l, h, copies(ends), sums) : add_between(x, n, unit, l, h, one(), sums);
}
BH_MULTIVERSION double sum_around(const float* x, const Index* ends, std::size_t n, double unit, double l,
                                  double mean) {
  return ends ? add_around(x, n, unit, l, mean, copies(ends)) : add_around(x, n, unit, l, mean, one());
}
BH_MULTIVERSION double sum_around(const double* x, const Index* ends, std::size_t n, double unit, double l,
                                  double mean) {
  return ends ? add_around(x, n, unit, l, mean, copies(ends)) : add_around(x, n, unit, l, mean, one());
}

template <typename T, Objective kind>
Piece Ascending<T, kind>::piece(std::size_t i, std::size_t j) const {
  constexpr bool means = kind == Objective::mse;
  if (i == j) return {};
  const double l = x(i), h = x(j);
  if (!values_.weights.empty()) {  // one far outside may weigh next to nothing: only joins keep what the others cost
    Piece all;
    for (std::size_t k = i; k < j; ++k) all = join<kind>(all, piece(k), x(k) - l, x(k + 1) - x(k));
    return all;
  }
  const std::size_t first = means ? i : i + 1, past = means ? j : j + 1;
  const Index* ends = values_.ends.empty() ? nullptr : values_.ends.data();
  const T* data = values_.values.data();
  const double all = weight(i, j);
  Sum low, high, cost;
  const auto each_chunk = [&](const auto& take) {
    std::size_t k = first;
    if (ends && first == 0 && past > 0) take(std::size_t{0}, std::size_t{1}, true), k = 1;
    for (; k < past; k += kChunk) take(k, std::min(kChunk, past - k), false);
  };
  each_chunk([&](std::size_t k, std::size_t n, bool lone) {
    double sums[3];
    sums_between(data + k, lone || !ends ? nullptr : ends + k, n, unit_, l, h, sums);
    const double w = lone ? ends[0] : 1;
    low.add(w * sums[0]), high.add(w * sums[1]), cost.add(w * sums[2]);
  });
  if constexpr (!means) return {all, low.value(), high.value(), cost.value()};
  const double mean = low.value() / all;
  Sum squares;
  each_chunk([&](std::size_t k, std::size_t n, bool lone) {
    squares.add((lone ? ends[0] : 1) * sum_around(data + k, lone || !ends ? nullptr : ends + k, n, unit_, l, mean));
  });
  return {all, mean, high.value() / all, squares.value()};
}

template <typename T, Objective kind>
double Ascending<T, kind>::weight(std::size_t i, std::size_t j) const {
  const std::size_t first = kind == Objective::mse ? i : i + 1, past = kind == Objective::mse ? j : j + 1;
  if (values_.plain() || first == past) return static_cast<double>(past - first);
  if (const auto& ends = values_.ends; !ends.empty())
    return static_cast<double>(ends[past - 1] - (first == 0 ? 0 : ends[first - 1]));
  double sum = 0;
  for (std::size_t k = first; k < past; ++k) sum += values_.weights[k];
  return sum;
}

namespace {

// The cell of point `at`, which covers positions first to last.
template <typename T, Objective kind>
Cell around(const Ascending<T, kind>& values, std::size_t first, std::size_t at, std::size_t last) {
  Cell cell{static_cast<Index>(first), static_cast<Index>(last)};
  cell.reach_left = values.x(at) - values.x(first), cell.reach_right = values.x(last) - values.x(at);
  cell.left = kind == Objective::unbiased ? cell.reach_left : values.weight(first, at);
  cell.right = kind == Objective::unbiased ? cell.reach_right : values.weight(at, last);
  return cell;
}

// The first position beyond the middle between two points: gaps wider than what is dense part cells.
template <typename T, Objective kind>
std::size_t middle(const Ascending<T, kind>& values, std::size_t from, std::size_t to) {
  const double x = values.x(from) / 2 + values.x(to) / 2;
  std::size_t low = from + 1, high = to;
  while (low < high) {
    const std::size_t half = low + (high - low) / 2;
    values.x(half) > x ? high = half : low = half + 1;
  }
  return low;
}

// Goes through values in cells of cost at most `most` and weight at most `heaviest` each, or single steps; stops after
// `limit` cells. Returns whether all values were gone through. Cells end where blocks do, unless a block is too much by
// itself.
template <typename T, Objective kind, typename Take>
bool walk(const Ascending<T, kind>& values, const std::vector<Piece>& blocks, double most, double heaviest,
          std::size_t limit, const Take& take) {
  const std::size_t last = values.size() - 1;
  std::size_t cells = 0;
  for (std::size_t from = 0; from < last;) {
    if (cells++ == limit) return false;
    const double l = values.x(from);
    Piece cell;
    std::size_t to = from;
    const auto grow = [&](const Piece& next, std::size_t steps) {
      const double here = values.x(to), there = values.x(to + steps);
      const Piece grown = join<kind>(cell, next, here - l, there - here);
      const bool single = to == from && steps == 1;
      if (!single && !(grown.cost <= most && grown.weight <= heaviest)) return false;
      cell = grown, to += steps;
      return true;
    };
    while (to < last) {
      if (to % kBlock == 0 && to + kBlock <= last) {
        if (grow(blocks[to / kBlock], kBlock)) continue;
        if (to > from) break;
      }
      if (!grow(values.piece(to), 1)) break;
    }
    take(from, to, cell);
    from = to;
  }
  return true;
}

}  // namespace

template <typename T, Objective kind>
Chain equal_cost_chain(const Ascending<T, kind>& values, std::size_t most) {
  const std::size_t last = values.size() - 1;
  std::vector<Piece> blocks(last / kBlock);
  Piece all;
  const auto extend = [&](const Piece& next, std::size_t from, std::size_t to) {
    all = join<kind>(all, next, values.x(from) - values.x(0), values.x(to) - values.x(from));
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = values.piece(i * kBlock, (i + 1) * kBlock);
    extend(blocks[i], i * kBlock, (i + 1) * kBlock);
  }
  for (std::size_t i = blocks.size() * kBlock; i < last; ++i) extend(values.piece(i), i, i + 1);

  // What crowds in one place costs next to nothing, but k-means may cut it anywhere.
  const double heaviest = kind == Objective::mse ? kHeavy * all.weight / static_cast<double>(most) : HUGE_VAL;
  // The number of cells falls about as the third root of what each may cost.
  const double wanted = 0.85 * static_cast<double>(most);
  double low = 0, high = HUGE_VAL, best = all.cost, value = all.cost / (wanted * wanted * wanted);
  std::size_t found = 0;
  for (int trial = 0; trial < 16 && value > 0; ++trial) {
    std::size_t cells = 0;
    const bool complete = walk(values, blocks, value, heaviest, 4 * most, [&](auto...) { ++cells; });
    const bool few = complete && cells <= most;
    if (few && cells > found) found = cells, best = value;
    // On a lattice no value may give just so many.
    if (found > most * 7 / 10 || (trial > 3 && found > most * 2 / 5)) break;
    (few ? high : low) = value;
    const double ratio = static_cast<double>(cells) / wanted;
    value *= std::clamp(ratio * ratio * ratio, 0x1p-9, 0x1p9);
    if (!(value > low && value < high)) value = low > 0 ? std::sqrt(low) * std::sqrt(std::min(high, all.cost)) : low;
    if (high <= low * 1.0001) break;
  }
  Chain chain;
  chain.add(0, values.x(0), {});
  walk(values, blocks, best, heaviest, last,
       [&](std::size_t, std::size_t to, const Piece& cell) { chain.add(static_cast<Index>(to), values.x(to), cell); });
  chain.cells.resize(chain.size());
  for (std::size_t i = 1, first = 1; i + 1 < chain.size(); ++i) {
    const std::size_t to = chain.at[i], next = chain.at[i + 1];
    const std::size_t end = i + 2 == chain.size() ? last - 1 : middle(values, to, next) - 1;
    chain.cells[i] = around(values, first, to, end);
    first = end + 1;
  }
  return chain;
}

template <typename T, Objective kind>
Chain cut(const Ascending<T, kind>& values, const Chain& chain, const std::vector<char>& alive, std::size_t parts) {
  Chain finer;
  std::size_t old = 0;  // the first point of the chain that is not before the last of the finer one
  const auto add = [&](std::size_t at, std::size_t first, std::size_t last) {
    const double x = values.x(at);
    Piece piece;
    if (finer.size() > 0) {
      std::size_t from = finer.at.back(), past = old;
      while (past < chain.size() && chain.at[past] <= at) ++past;
      if (past - old < 2) {
        piece = values.piece(from, at);
      } else {
        const double x0 = finer.places.back(), x1 = chain.x(old), x2 = chain.x(past - 1);
        piece = join<kind>(values.piece(from, chain.at[old]), chain.between<kind>(old, past - 1), x1 - x0, x2 - x1);
        piece = join<kind>(piece, values.piece(chain.at[past - 1], at), x2 - x0, x - x2);
      }
    }
    while (old < chain.size() && chain.at[old] < at) ++old;
    finer.add(static_cast<Index>(at), x, piece);
    finer.cells.push_back(around(values, first, at, last));
  };
  add(0, 0, 0);
  for (std::size_t i = 1; i + 1 < chain.size(); ++i) {
    if (!alive[i]) continue;
    const std::size_t from = chain.cells[i].first, length = chain.cells[i].last - from + 1,
                      pieces = length <= kFew ? length : parts;
    for (std::size_t part = 0; part < pieces; ++part) {
      const std::size_t first = from + part * length / pieces, last = from + (part + 1) * length / pieces - 1;
      add(first + (last - first) / 2, first, last);
    }
  }
  const std::size_t end = values.size() - 1;
  add(end, end, end);
  return finer;
}

#define BH_INSTANTIATE(T, kind)                                               \
  template Piece Ascending<T, kind>::piece(std::size_t, std::size_t) const;   \
  template Chain equal_cost_chain(const Ascending<T, kind>&, std::size_t);    \
  template double Ascending<T, kind>::weight(std::size_t, std::size_t) const; \
  template Chain cut(const Ascending<T, kind>&, const Chain&, const std::vector<char>&, std::size_t);
BH_INSTANTIATE(float, Objective::unbiased)
BH_INSTANTIATE(double, Objective::unbiased)
BH_INSTANTIATE(float, Objective::mse)
BH_INSTANTIATE(double, Objective::mse)
#undef BH_INSTANTIATE

}  // namespace bh::quantization
