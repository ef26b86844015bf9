#include "scheduling/log_formula.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace bh::scheduling {
namespace {

constexpr std::size_t kBlock = 256;

// A row that takes part: its size beyond what was attained, the level from which it counts, and the part of its size
// that is left at its start.
struct Entry {
  double key, size, weight, from, rest;
  std::int64_t position;

  double span() const { return std::max(key - from, 0.0); }  // rounding may put the start above the key
};

// The rows of one order that take part, and then one beyond all keys. A block at a time is made ready, so that the
// sweep need not choose among rows, nor wait for the times that it writes.
class Reader {
 public:
  Reader(const Rows& rows, const Phase& phase, double fraction, std::span<double> times)
      : rows_(rows), phase_(phase), fraction_(fraction), times_(times) {
    refill();
  }
  const Entry& front() const { return block_[next_]; }
  void pop() {
    if (++next_ == filled_) refill();
  }

 private:
  void refill() {
    next_ = filled_ = 0;
    const std::size_t n = rows_.key.size();
    while (filled_ == 0 && taken_ < n) {
      for (const std::size_t end = std::min(taken_ + kBlock, n); taken_ < end; ++taken_) {
        const double y = rows_.key[taken_], x = rows_.size[taken_], m = x - phase_.attained;
        const bool limited = fraction_ < 1 && fraction_ * y < x;
        const double from = std::max(y - (limited ? fraction_ * y : x) + phase_.attained, 0.0);
        block_[filled_] = {y, m, rows_.weight[taken_], from, m - std::min(m, fraction_ * y), rows_.position[taken_]};
        filled_ += rows_.gate[taken_] >= phase_.least;
      }
    }
    if (filled_ == 0) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      block_[filled_++] = {kInfinity, 0, 0, kInfinity, 0, 0};
    }
    if (times_.empty()) return;
    for (std::size_t i = 0; i < filled_; ++i)
      __builtin_prefetch(&times_[static_cast<std::size_t>(block_[i].position)], 1);
  }

  const Rows& rows_;
  const Phase& phase_;
  double fraction_;
  std::span<double> times_;
  std::size_t taken_ = 0, next_ = 0, filled_ = 0;
  Entry block_[kBlock];
};

bool last(const Entry& entry) { return entry.key == std::numeric_limits<double>::infinity(); }

// A sum that carries what rounding takes from it (Kahan): near saturation 1 / (1 - load) makes much of the last digits.
struct Sum {
  double value = 0, lost = 0;

  void add(double more) {
    const double whole = more - lost, next = value + whole;
    lost = (next - value) - whole;
    value = next;
  }
};

// Moments of the rows with keys up to the current one, and how much time a unit of work takes among them. Work is added
// row by row, the rest of a group of equal keys at once.
struct Passed {
  double base, rate;
  double weight = 0, squares = 0;
  Sum work = {};
  double slowdown = 1 / (1 - base);

  void add(const Moments& more) {
    weight += more.weight;
    squares += more.squares;
    slowdown = 1 / (1 - base - rate * work.value);
  }
};

void add(Moments& moments, double weight, double size) {
  moments.weight += weight;
  moments.work += weight * size;
  moments.squares += weight * size * size;
}

// Rows whose start was passed and whose key was not; u is the part of each that outranks the current level.
struct Active {
  std::size_t rows = 0;
  double weight = 0, size = 0, u = 0, uu = 0;

  void add(double w, double m, double part) {
    ++rows;
    weight += w;
    size += w * m;
    u += w * part;
    uu += w * part * part;
  }
  void remove(double w, double m, double part) {
    if (--rows == 0) {
      *this = {};
      return;
    }
    weight -= w;
    size -= w * m;
    u -= w * part;
    uu -= w * part * part;
  }
  void rise(double by) {
    uu += by * (2 * u + by * weight);
    u += by * weight;
  }
};

template <bool PerRow>
Sums remaining(const Rows& keys, const Rows& starts, const Phase& phase, double fraction, std::span<double> times) {
  const auto time_of = [times](const Entry& row) -> double& { return times[static_cast<std::size_t>(row.position)]; };
  const double own = 1 / (1 - phase.base);
  Sums sums;
  Passed passed{phase.base, phase.rate};
  Active active;
  double at = 0, elapsed = 0;
  double waiting = 0;  // squares of what rows that have not started will bring anyway, as nothing preempts them then
  if (fraction < 1) {
    for (Reader all(keys, phase, fraction, {}); !last(all.front()); all.pop()) {
      const Entry& row = all.front();
      if (row.from > 0) waiting += row.weight * row.rest * row.rest;
    }
  }
  const auto rise_to = [&](double to) {
    const double by = to - at;
    if (!(by > 0)) return;
    const double time = by * passed.slowdown;
    if constexpr (PerRow) elapsed += time;
    sums.time += time * active.weight;
    sums.memory += time * (active.size - active.u - by / 2 * active.weight);
    sums.interruptions += by * passed.weight * active.weight;
    active.rise(by);
    at = to;
  };
  std::vector<std::int64_t> equals;  // where the rows of one key are
  Reader start(starts, phase, fraction, times), next(keys, phase, fraction, times);
  while (!last(next.front())) {
    const double y = next.front().key;
    for (; start.front().from <= y; start.pop()) {
      const Entry& row = start.front();
      rise_to(row.from);
      if (fraction < 1 && row.from > 0) waiting -= row.weight * row.rest * row.rest;
      if (!(row.from < row.key)) continue;  // it is over as soon as it starts
      active.add(row.weight, row.size, row.rest);
      if constexpr (PerRow) time_of(row) = elapsed;
    }
    rise_to(y);
    Moments group;
    for (; next.front().key == y; next.pop()) {
      const Entry& row = next.front();
      const double span = row.span(), top = row.size - row.rest,
                   lost = top - span;  // rounding took `lost` from its way
      if (row.from < y) active.remove(row.weight, row.size, row.rest + span);
      add(group, row.weight, row.size);
      passed.work.add(row.weight * row.size);
      sums.time += row.weight * (row.rest * own + lost * passed.slowdown);
      sums.memory += row.weight / 2 * (row.rest * (row.size + top) * own + lost * (top + span) * passed.slowdown);
      sums.interruptions += row.weight * lost * passed.weight;
      if constexpr (PerRow) {
        time_of(row) = (row.from < y ? elapsed - time_of(row) : 0.0) + row.rest * own + lost * passed.slowdown;
        equals.push_back(row.position);
      }
    }
    const double slowdown = passed.slowdown;
    passed.add(group);
    const double found = passed.squares + std::max(active.uu, 0.0) + waiting;
    const double moment = phase.others + phase.rate * (2 * phase.before * passed.work.value + found);
    const double wait = (moment / 2 * passed.slowdown + phase.before) * slowdown;
    sums.time += group.weight * wait;
    for (const std::int64_t position : equals) times[static_cast<std::size_t>(position)] += wait;
    equals.clear();
  }
  return sums;
}

}  // namespace

Sums sweep_remaining(const Rows& keys, const Rows& starts, const Phase& phase, double fraction,
                     std::span<double> times) {
  return times.empty() ? remaining<false>(keys, starts, phase, fraction, times)
                       : remaining<true>(keys, starts, phase, fraction, times);
}

Sums sweep_size(const Rows& keys, const Phase& phase, bool preemptive, std::span<double> times) {
  Sums sums;
  Passed passed{phase.base, phase.rate};
  std::vector<std::int64_t> equals;
  Reader next(keys, phase, 1.0, times);
  while (!last(next.front())) {
    const double y = next.front().key, slowdown = passed.slowdown, own = preemptive ? slowdown : 1.0;
    Moments group;
    for (; next.front().key == y; next.pop()) {
      const Entry& row = next.front();
      add(group, row.weight, row.size);
      passed.work.add(row.weight * row.size);
      if (times.empty()) continue;
      times[static_cast<std::size_t>(row.position)] = row.size * own;
      equals.push_back(row.position);
    }
    if (preemptive) sums.interruptions += group.work * passed.weight;
    passed.add(group);
    const double found = preemptive ? 2 * phase.before * passed.work.value + passed.squares : 0.0;
    const double wait = ((phase.others + phase.rate * found) / 2 * passed.slowdown + phase.before) * slowdown;
    sums.time += group.weight * wait + group.work * own;
    sums.memory += group.squares / 2 * own;
    for (const std::int64_t position : equals) times[static_cast<std::size_t>(position)] += wait;
    equals.clear();
  }
  return sums;
}

double sweep_attained(const Rows& sizes, double rate, std::span<double> times) {
  const std::size_t n = sizes.key.size();
  std::vector<double> larger(n);  // the weight from each row on: summed from its small end, as differences would cancel
  Sum weight;
  for (std::size_t i = n; i-- > 0;) {
    weight.add(sizes.weight[i]);
    larger[i] = weight.value;
  }
  double sum = 0, at = 0, squares = 0;
  Sum work;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = sizes.size[i], by = x - at;
    work.add(by * larger[i]);
    squares += by * (x + at) * larger[i];
    at = x;
    const double slowdown = 1 / (1 - rate * work.value), time = (rate * squares / 2 * slowdown + x) * slowdown;
    sum += sizes.weight[i] * time;
    if (!times.empty()) times[static_cast<std::size_t>(sizes.position[i])] = time;
  }
  return sum;
}

Classes split_at(std::span<const double> size, std::span<const double> weight, std::span<const double> gate,
                 double least) {
  Classes classes;
  Sum below, others;
  for (std::size_t from = 0; from < size.size(); from += kBlock) {  // sums of sums: rounding stays small
    Classes block;
    for (std::size_t i = from; i < std::min(from + kBlock, size.size()); ++i) {
      const double long_row = gate[i] >= least;  // a factor, as a branch would be guessed wrong half the time
      add(block.below, weight[i] * (1 - long_row), size[i]);
      add(block.others, weight[i] * long_row, size[i]);
    }
    for (auto [all, part] : {std::pair{&classes.below, &block.below}, std::pair{&classes.others, &block.others}}) {
      all->weight += part->weight;
      all->squares += part->squares;
    }
    below.add(block.below.work), others.add(block.others.work);
  }
  classes.below.work = below.value, classes.others.work = others.value;
  return classes;
}

}  // namespace bh::scheduling
