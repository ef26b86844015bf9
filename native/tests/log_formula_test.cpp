#include "scheduling/log_formula.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "check.h"

namespace scheduling = bh::scheduling;

namespace {

using Column = std::vector<double>;

// Rows in the order of a level, with the columns that the sweep reads.
struct Table {
  Column key, size, weight, gate;
  std::vector<std::int64_t> position;

  scheduling::Rows rows() const { return {key, size, weight, gate, position}; }
};

struct Log {
  Column size, key, gate, weight;
};

// `copies` of six rows, one after the other, of the same weight in all.
Log six_rows(std::size_t copies) {
  Log log;
  for (std::size_t i = 0; i < copies; ++i) {
    log.size.insert(log.size.end(), {1, 2, 0.5, 4, 1, 1.5});
    log.key.insert(log.key.end(), {1, 1, 1, 3, 2, 0});
    log.gate.insert(log.gate.end(), {1, 2, 0.5, 3, 3, 0.5});
  }
  log.weight.assign(6 * copies, 1.0 / static_cast<double>(6 * copies));
  return log;
}

template <typename Level>
Table ordered(const Log& log, const Level& level) {
  Table table;
  table.position.resize(log.size.size());
  std::iota(table.position.begin(), table.position.end(), 0);
  std::stable_sort(table.position.begin(), table.position.end(), [&](auto a, auto b) {
    return level(static_cast<std::size_t>(a)) < level(static_cast<std::size_t>(b));
  });
  for (const std::int64_t at : table.position) {
    const auto i = static_cast<std::size_t>(at);
    table.key.push_back(log.key[i]);
    table.size.push_back(log.size[i]);
    table.weight.push_back(log.weight[i]);
    table.gate.push_back(log.gate[i]);
  }
  return table;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

// The mean over all rows, which must agree with the rows' own times; `fraction` above 1 is for order by size.
double mean(const Log& log, const scheduling::Phase& phase, double fraction) {
  const Table keys = ordered(log, [&](std::size_t i) { return log.key[i]; });
  const Table starts = ordered(log, [&](std::size_t i) {
    return log.key[i] - (fraction < 1 ? std::min(fraction * log.key[i], log.size[i]) : log.size[i]);
  });
  Column times(log.size.size(), 0.0);
  const auto sweep = [&](std::span<double> out) {
    return fraction > 1 ? scheduling::sweep_size(keys.rows(), phase, true, out)
                        : scheduling::sweep_remaining(keys.rows(), starts.rows(), phase, fraction, out);
  };
  const double found = sweep({}).time;
  CHECK(sweep(times).time == found);
  double sum = 0;
  for (std::size_t i = 0; i < times.size(); ++i) sum += log.weight[i] * times[i];
  CHECK(near(sum, found));
  return found;
}

constexpr double kRate = 12.0 / 25;

// Many copies fill many blocks, with keys that go on from one to the next; the answer is that of one copy.
void six_rows_give_known_fractions(std::size_t copies) {
  const Log log = six_rows(copies);
  const scheduling::Phase all{kRate, 0, 0, 0, 0, 0};
  CHECK(near(mean(log, all, 1), 10375.0 / 2288));
  CHECK(near(mean(log, all, 0), 25093.0 / 5148));
  CHECK(near(mean(log, all, 0.5), 94103.0 / 20592));
  CHECK(near(mean(log, all, 2), 93199.0 / 20592));
}

// SkipPredict with the gate 3/2: rows 0, 2 and 5 run first.
void rows_below_the_gate_take_no_part(std::size_t copies) {
  const Log log = six_rows(copies);
  const scheduling::Classes classes = scheduling::split_at(log.size, log.weight, log.gate, 1.5);
  CHECK(near(classes.below.work, 0.5) && near(classes.below.squares, 3.5 / 6) && near(classes.others.weight, 0.5));
  const double base = kRate * classes.below.work, others = kRate * classes.below.squares;
  const double shorts = classes.below.weight * others / 2 / (1 - base) + classes.below.work;
  CHECK(near(shorts + mean(log, {kRate, base, others, 0, 1.5, 0}, 1), 9910.0 / 2223));
  CHECK(near(shorts + mean(log, {kRate, base, others, 0, 1.5, 0}, 2), 19795.0 / 4446));
}

void the_least_attained_runs_first() {
  Log log = six_rows(100);
  log.key = log.size;
  Column times(log.size.size());
  const Table table = ordered(log, [&](std::size_t i) { return log.size[i]; });
  CHECK(near(scheduling::sweep_attained(table.rows(), kRate, times), 12850109287.0 / 1188822096));
  CHECK(near(std::accumulate(times.begin(), times.end(), 0.0) / 600, 12850109287.0 / 1188822096));
}

void no_rows_amount_to_nothing() {
  CHECK(mean({}, {kRate, 0, 0, 0, 0, 0}, 1) == 0);
  CHECK(mean(six_rows(200), {kRate, 0, 0, 0, 5, 0}, 1) == 0);
}

}  // namespace

int main() {
  for (const std::size_t copies : {1, 7, 1000}) {
    six_rows_give_known_fractions(copies);
    rows_below_the_gate_take_no_part(copies);
  }
  the_least_attained_runs_first();
  no_rows_amount_to_nothing();
}
