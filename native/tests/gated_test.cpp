// What Python cannot see of the gate: bounds under predictions that change at random, units, merges of merges, bytes.
#include "streams/gated.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "check.h"
#include "streams/filtered.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;
using Truth = std::map<std::uint64_t, std::uint64_t>;
std::uint64_t checks = 0;

template <typename Kernel>
void check_bounds(const Kernel& seen, const Truth& truth, std::uint64_t universe) {
  seen.check_invariants();
  const std::uint64_t error = seen.error_bound(), untracked = seen.untracked_bound();
  for (std::uint64_t id = 0; id < universe; ++id) {
    const auto it = truth.find(id * kGolden);
    const std::uint64_t weight = it == truth.end() ? 0 : it->second;
    const auto [lower, upper] = seen.bounds(id * kGolden);
    CHECK(lower <= weight && weight <= upper && upper - lower <= error);
    const bool tracked = seen.counters().with([&](const auto& table) { return table.find(id * kGolden) != kNoSlot; });
    CHECK(tracked || upper <= untracked);
    for (const auto estimator : {Estimator::lower, Estimator::upper})
      CHECK(seen.estimate(id * kGolden, estimator) ==
            static_cast<double>(estimator == Estimator::lower ? lower : upper));
    ++checks;
  }
}

// Three summaries are updated, merged and written in any order; make(random) makes one, all alike.
template <typename Make, typename Update>
void check_against_map(std::mt19937_64& random, const Make& make, const Update& update) {
  using Kernel = decltype(make());
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::uint64_t universe = 1 + below(below(3) ? 60 : 1500);
  const std::uint64_t most = below(2)   ? 1
                             : below(2) ? 1 + below(1000)
                                        : 100'000;  // the last makes cells outgrow 16 bits
  struct Both {
    Kernel seen;
    Truth truth;
  };
  std::vector<Both> all(3, Both{make(), {}});
  for (int step = 0; step < 25; ++step) {
    Both& one = all[below(all.size())];
    const std::uint64_t what = below(10);
    if (what < 8) {
      Ids ids, weights;
      for (std::uint64_t n = below(800); n > 0; --n) {
        ids.push_back(below(universe) * below(universe) / universe * kGolden);
        weights.push_back(1 + below(most));
        one.truth[ids.back()] += weights.back();
      }
      update(one.seen, ids, most == 1 && below(2) ? Ids{} : weights);
    } else if (what < 9) {
      const Both copy = all[below(all.size())];
      one.seen.merge(copy.seen);
      for (const auto& [id, weight] : copy.truth) one.truth[id] += weight;
    } else {
      const auto bytes = to_bytes(one.seen);
      one.seen = from_bytes<Kernel>(bytes);
      CHECK(to_bytes(one.seen) == bytes);
    }
    check_bounds(one.seen, one.truth, universe);
  }
}

void check_filtered(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto capacity = static_cast<std::uint32_t>(1 + random() % (random() % 2 ? 8 : 130));
  const std::uint64_t cells = 1 + random() % 80;
  check_against_map(
      random, [&] { return Filtered(capacity, cells, 7); },
      [](Filtered& seen, const Ids& ids, const Ids& weights) { seen.update(ids, weights, nullptr); });
}

void check_gated(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const GatedSizes sizes{static_cast<std::uint32_t>(1 + random() % (random() % 2 ? 8 : 130)), 1 + random() % 80,
                         2 * (random() % 60), 16};
  const Kind kind = seed % 3 == 0 ? Kind::gated : seed % 3 == 1 ? Kind::calibrated : Kind::lss_plus;
  std::optional<Classes> classes;
  if (kind == Kind::lss_plus) classes = Classes{1, 2, 0.1 * static_cast<double>(random() % 10)};
  const double slack = random() % 2 ? 1 : 0.01 * static_cast<double>(1 + random() % 1600);
  check_against_map(
      random, [&] { return Gated(kind, sizes, slack, 7, classes); },
      [&](Gated& seen, const Ids& ids, const Ids& weights) {
        std::vector<std::uint8_t> marks;  // a predictor that changes its mind with every key
        if (kind != Kind::gated)
          for (std::size_t i = 0; i < ids.size(); ++i) marks.push_back(mark_of(random() % 32, Class(random() % 3)));
        seen.update(ids, weights, marks, nullptr);
      });
}

// One by one and at once, the same bytes; the table becomes full and the gate closes epochs on the way.
void check_batches() {
  std::mt19937_64 random(3);
  for (const Kind kind : {Kind::gated, Kind::calibrated, Kind::lss_plus})
    for (const std::uint64_t most : {1, 40}) {
      std::optional<Classes> classes;
      if (kind == Kind::lss_plus) classes = Classes{1, 2, 0.2};
      Gated whole(kind, {40, 30, 60, 64}, 1, 0, classes), parts = whole;
      Ids ids, weights;
      std::vector<std::uint8_t> marks;
      for (int i = 0; i < 40'000; ++i) {
        ids.push_back(random() % 2000 * (random() % 40) / 40);
        weights.push_back(1 + random() % most);
        marks.push_back(mark_of(ids.back() % 32, Class(ids.back() % 3)));
      }
      whole.update(ids, weights, marks, nullptr);
      for (std::size_t i = 0; i < ids.size(); ++i)
        parts.update({&ids[i], 1}, {&weights[i], 1}, {&marks[i], 1}, nullptr);
      CHECK(to_bytes(whole) == to_bytes(parts));
      CHECK(whole.epochs() > 2 && (most == 1 ? whole.unit() == 1 : whole.unit() == 32));
    }
}

// Epochs of calibrated are rounded upward on both sides, but no slot may have more than the gates have closed.
void check_merged_epochs() {
  std::mt19937_64 random(5);
  std::vector<Gated> many;
  for (std::uint32_t i = 0; i < 20; ++i) {
    Gated& seen = many.emplace_back(Kind::calibrated, GatedSizes{20, 30, 4, 16}, 16, 7);
    while (seen.epochs() < (i < 10 ? 1 + i : 500 + i)) {
      const std::uint64_t id = random() % 50;
      seen.update({&id, 1}, {}, nullptr);
    }
    const std::uint64_t late = 1000 + i, weight = 1'000'000;
    seen.update({&late, 1}, {&weight, 1}, nullptr);
  }
  for (const Gated& one : many)
    for (const Gated& other : many) {
      Gated both = one;
      both.merge(other);
      both.check_invariants();
      CHECK(to_bytes(from_bytes<Gated>(to_bytes(both))) == to_bytes(both));
    }
}

// Cells of 16 bits become half as many of 32, then of 64, and never forget.
void check_cells_fold() {
  std::mt19937_64 random(4);
  Cells cells(101, 9);
  Truth held;
  for (int step = 0; step < 400; ++step) {
    const std::uint64_t id = random() % 300, value = cells.value(id) + (std::uint64_t{1} << step / 10);
    cells.raise(id, value);
    held[id] = value;
    for (const auto& [each, least] : held) CHECK(cells.value(each) >= least);
  }
  CHECK(cells.nbytes() == 26 * 8 && cells.first() == 101);
  Cells narrow(101, 9);
  narrow.raise(5, 65535);
  narrow.merge(narrow);
  CHECK(narrow.value(5) == 2 * 65535 && narrow.nbytes() == 51 * 4);
  narrow.merge(cells);
  for (const auto& [each, least] : held) CHECK(narrow.value(each) >= least + (each == 5 ? 131070 : 0));
}

template <typename Kernel>
void check_refusals(const Kernel& seen) {
  const auto bytes = to_bytes(seen);
  for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 100) {
    auto changed = bytes;
    changed[at] ^= std::byte{0x41};
    for (std::size_t i = 16; i < 20; ++i) changed[i] = std::byte{0};
    const std::uint32_t crc = crc32c(changed);
    for (std::size_t i = 0; i < 4; ++i) changed[16 + i] = static_cast<std::byte>(crc >> 8 * i);
    try {
      Kernel read = from_bytes<Kernel>(changed);  // what is accepted must be usable
      for (std::uint64_t id = 0; id < 300; ++id) read.update({&id, 1}, {}, nullptr), read.bounds(id);
    } catch (const CorruptData&) {
    } catch (const CapacityExceeded&) {
    }
  }
}

void check_bytes() {
  Ids ids;
  for (std::uint64_t i = 0; i < 3000; ++i) ids.push_back(i * i % 500);
  Filtered filtered(20, 30, 1);
  filtered.update(ids, {}, nullptr);
  check_refusals(filtered);
  for (const Kind kind : {Kind::gated, Kind::calibrated, Kind::lss_plus}) {
    std::optional<Classes> classes;
    if (kind == Kind::lss_plus) classes = Classes{1, 2, 0.3};
    Gated gated(kind, {20, 30, 40, 16}, 1, 1, classes);
    std::vector<std::uint8_t> marks;
    for (const std::uint64_t id : ids) marks.push_back(mark_of(id % 32, Class(id % 3)));
    gated.update(ids, {}, marks, nullptr);
    check_refusals(gated);
  }
}

}  // namespace
}  // namespace bh::streams

int main(int argc, char** argv) {
  const std::uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;  // more at night
  using namespace bh::streams;
  check_cells_fold();
  check_batches();
  check_merged_epochs();
  for (std::uint64_t seed = 0; seed < 120; ++seed) check_filtered(seed);
  for (std::uint64_t seed = 0; seed < 240 || checks < most; ++seed) check_gated(seed);
  check_bytes();
}
