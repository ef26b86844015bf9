// What Python cannot see of Space Saving: the table step by step, both searches for the minimum, widening, bytes.
// Instruction sets: scan
#include "streams/space_saving.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;

std::uint64_t checks = 0;  // of bounds

template <typename Count>
void check_scans() {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t n = 1 + random() % 300;
    std::vector<Count> counts(n);
    std::vector<std::uint8_t> marks(n);
    for (Count& count : counts) count = static_cast<Count>(random() % 5 + (round % 2 ? std::uint64_t{0} : 0xFFFFFFF0));
    for (std::uint8_t& mark : marks) mark = static_cast<std::uint8_t>(random() % 4 == 0 ? 0x80 | random() % 128 : 3);
    CHECK(least_count(counts.data(), nullptr, n) == *std::min_element(counts.begin(), counts.end()));
    Count least = std::numeric_limits<Count>::max();
    for (std::size_t i = 0; i < n; ++i)
      if (!(marks[i] & kPinned)) least = std::min(least, counts[i]);
    CHECK(least_count(counts.data(), marks.data(), n) == least);
    counts.resize(64, 0);
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < 64; ++i) mask |= std::uint64_t{counts[i] == least} << i;
    CHECK(equal_counts(counts.data(), least) == mask);
  }
}

void check_golden() {
  SpaceSaving seen(3, 0);
  seen.update(Ids{'a', 'b', 'a', 'c', 'd', 'a'}, {}, nullptr);
  const auto row = [&](std::uint32_t slot) {
    return seen.counters().with([&](const auto& table) {
      return std::vector<std::uint64_t>{table.key(slot), table.count(slot), table.error(slot)};
    });
  };
  CHECK((row(0) == Ids{'a', 3, 0} && row(1) == Ids{'d', 2, 1} && row(2) == Ids{'c', 1, 0}));
  CHECK(seen.bounds('b').lower == 0 && seen.bounds('b').upper == 1 && seen.error_bound() == 1);
}

// Bounds of every key, whatever was added, deleted, merged and written before.
void check_against_map(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const bool deletions = below(3) == 0, weighted = below(2) == 0;
  const std::uint64_t universe = 1 + below(60), most = weighted ? 1 + below(1000) : 1;
  const auto capacity = [&] { return static_cast<std::uint32_t>(1 + below(below(2) ? 8 : 130)); };
  struct Both {
    SpaceSaving seen;
    std::map<std::uint64_t, std::uint64_t> truth;
  };
  std::vector<Both> all;
  for (int i = 0; i < 3; ++i) all.push_back({SpaceSaving(capacity(), 5, deletions), {}});
  for (int step = 0; step < 40; ++step) {
    Both& one = all[below(all.size())];
    const std::uint64_t what = below(10);
    if (what < 6) {
      Ids ids, weights;
      for (std::uint64_t n = below(100); n > 0; --n) {
        ids.push_back(below(universe) * below(universe) / universe * kGolden);
        weights.push_back(1 + below(most));
        one.truth[ids.back()] += weights.back();
      }
      one.seen.update(ids, weights, nullptr);
    } else if (what < 8 && deletions) {
      for (auto& [id, weight] : one.truth) {
        const auto [lower, upper] = one.seen.bounds(id);
        const std::uint64_t gone = std::min(upper, weight) == 0 ? 0 : below(std::min(upper, weight) + 1);
        const bool tracked = one.seen.counters().with([&](const auto& table) { return table.find(id) != kNoSlot; });
        if (gone == 0 || !tracked) continue;
        one.seen.remove(Ids{id}, Ids{gone});
        weight -= gone;
      }
    } else if (what < 9) {
      Both& other = all[below(all.size())];
      const Both copy = other;
      one.seen.merge(copy.seen);
      for (const auto& [id, weight] : copy.truth) one.truth[id] += weight;
    } else {
      const auto bytes = to_bytes(one.seen);
      one.seen = from_bytes<SpaceSaving>(bytes);
      CHECK(to_bytes(one.seen) == bytes);
    }
    one.seen.check_invariants();
    for (std::uint64_t id = 0; id < universe; ++id, ++checks) {
      const auto it = one.truth.find(id * kGolden);
      const std::uint64_t truth = it == one.truth.end() ? 0 : it->second;
      const auto [lower, upper] = one.seen.bounds(id * kGolden);
      CHECK(lower <= truth && truth <= upper && upper - lower <= one.seen.error_bound());
    }
    if (!deletions && one.seen.capacity() == one.seen.least_capacity()) {
      std::uint64_t counts = 0;
      one.seen.counters().with([&](const auto& table) {
        for (std::uint32_t slot = 0; slot < table.size(); ++slot) counts += table.count(slot);
      });
      CHECK(counts <= one.seen.total());
    }
    CHECK(one.seen.error_bound() <= one.seen.guaranteed_error(one.seen.total()));
  }
}

// One by one and at once, the same bytes; also across the width at which counts grow.
void check_batches() {
  std::mt19937_64 random(7);
  for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{0xFFFFFFFF} - 1500}) {
    for (const std::uint64_t most : {1, 5}) {
      SpaceSaving whole(100, 3), parts(100, 3);
      Ids ids{9}, weights{first};
      for (int i = 0; i < 3000; ++i) {
        ids.push_back(random() % 1000 * (random() % 3));
        weights.push_back(1 + random() % most);
      }
      whole.update(ids, weights, nullptr);
      for (std::size_t i = 0; i < ids.size(); ++i) parts.update(Ids{ids[i]}, Ids{weights[i]}, nullptr);
      CHECK(to_bytes(whole) == to_bytes(parts));
      whole.check_invariants();
    }
  }
}

// With weights of 1 only, counts widen while candidates of the old width are still waiting.
void check_widening_in_a_pass() {
  SpaceSaving wide(70, 1);
  Ids ids;
  for (std::uint64_t i = 0; i < 500; ++i) ids.push_back(i);
  wide.update(ids, {}, nullptr);
  auto bytes = to_bytes(wide);
  SpaceSaving narrow = from_bytes<SpaceSaving>(bytes);
  AnyCounters counters = narrow.counters();
  counters.hold(std::uint64_t{1} << 32);
  for (std::uint64_t i = 500; i < 900; ++i) {
    narrow.update(Ids{i}, {}, nullptr);
    std::uint64_t floor = 0;
    counters.with([&](auto& table) { take_slot(table, floor, i, 1); });
    const auto counts = [](const AnyCounters& any) {
      return any.with([](const auto& table) {
        Ids all;
        for (std::uint32_t slot = 0; slot < table.size(); ++slot)
          all.push_back(table.key(slot) + 1000 * table.count(slot));
        return all;
      });
    };
    CHECK(counts(counters) == counts(narrow.counters()));
  }
}

void check_bytes() {
  SpaceSaving seen(3, 0);
  CHECK(to_bytes(seen).size() == 168);
  seen.update(Ids{1, 2, 1, 3, 4, 1}, {}, nullptr);
  const auto bytes = to_bytes(seen);
  CHECK(bytes.size() == 224);
  const auto refused = [](std::vector<std::byte> bytes) {
    // A right CRC, so that the fields are judged.
    for (std::size_t i = 16; i < 20; ++i) bytes[i] = std::byte{0};
    const std::uint32_t crc = crc32c(bytes);
    for (std::size_t i = 0; i < 4; ++i) bytes[16 + i] = static_cast<std::byte>(crc >> 8 * i);
    try {
      from_bytes<SpaceSaving>(bytes);
    } catch (const CorruptData&) {
      return true;
    }
    return false;
  };
  CHECK(!refused(bytes));
  const auto with = [&](std::size_t at, int value) {
    auto changed = bytes;
    changed[at] = static_cast<std::byte>(value);
    return changed;
  };
  CHECK(refused(with(12, 8)));    // a width that the total does not need
  CHECK(refused(with(40, 2)));    // more keys than the capacity
  CHECK(refused(with(96, 4)));    // a key twice
  CHECK(refused(with(136, 0)));   // a count of 0
  CHECK(refused(with(168, 9)));   // an error above its count
  CHECK(refused(with(200, 9)));   // a minimum above the counts
  CHECK(refused(with(43, 255)));  // a minimum, with slots free
  CHECK(refused(with(216, 8)));   // a candidate beyond the last slot
}

// 2**32 - 2**24 slots are a number, and no memory before they are needed.
void check_claimed_capacity() {
  const SpaceSaving seen(0xFF000003, 0);
  SpaceSaving read = from_bytes<SpaceSaving>(to_bytes(seen));
  CHECK(read.capacity() == 0xFF000003 && read.nbytes() < 4096);
  read.update(Ids{1, 2}, {}, nullptr);
  CHECK(read.bounds(1).lower == 1 && read.size() == 2);
}

void check_capacity() {
  SpaceSaving seen(2, 0);
  seen.update(Ids{1}, Ids{0x7FFFFFFFFFFFFFFE}, nullptr);
  seen.update(Ids{2}, {}, nullptr);
  const auto before = to_bytes(seen);
  try {
    seen.update(Ids{1}, {}, nullptr);
    CHECK(false);
  } catch (const CapacityExceeded&) {
  }
  CHECK(to_bytes(seen) == before);
}

}  // namespace
}  // namespace bh::streams

int main(int argc, char** argv) {
  const std::uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;  // more at night
  using namespace bh::streams;
  check_scans<std::uint32_t>();
  check_scans<std::uint64_t>();
  check_golden();
  for (std::uint64_t seed = 0; seed < 600 || checks < most; ++seed) check_against_map(seed);
  check_batches();
  check_widening_in_a_pass();
  check_bytes();
  check_claimed_capacity();
  check_capacity();
}
