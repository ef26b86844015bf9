// What Python cannot see of LSS: bounds under classes that change from arrival to arrival, pins, bytes.
#include "streams/lss.h"

#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "check.h"
#include "streams/weights.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;
using Marks = std::vector<std::uint8_t>;

// Whatever is said of each arrival: nothing binds a predictor to what it said before.
std::uint64_t check_against_map(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::uint64_t universe = 1 + below(60), most = below(2) ? 1 + below(1000) : 1;
  const Classes classes{16, 100, static_cast<double>(below(10)) / 10};
  const auto capacity = static_cast<std::uint32_t>(1 + below(below(2) ? 8 : 130));
  Lss seen(capacity, 2 * below(20), classes, 5);
  std::map<std::uint64_t, std::uint64_t> truth;
  std::uint64_t checks = 0;
  for (int step = 0; step < 60; ++step) {
    Ids ids, weights;
    Marks marks;
    for (std::uint64_t n = below(40); n > 0; --n) {
      ids.push_back(below(universe) * below(universe) / universe * kGolden);
      weights.push_back(1 + below(most));
      marks.push_back(mark_of(0, static_cast<Class>(below(3))));
      truth[ids.back()] += weights.back();
    }
    seen.update(ids, weights, marks, nullptr);
    seen.check_invariants();
    CHECK(seen.error_bound() <= seen.guaranteed_error(seen.total()));
    for (std::uint64_t id = 0; id < universe; ++id) {
      const auto found = truth.find(id * kGolden);
      const std::uint64_t weight = found == truth.end() ? 0 : found->second;
      const auto [lower, upper] = seen.bounds(id * kGolden);
      CHECK(lower <= weight && weight <= upper && upper - lower <= seen.error_bound());
      ++checks;
    }
    if (below(5) == 0) {
      const auto bytes = to_bytes(seen);
      seen = from_bytes<Lss>(bytes);
      CHECK(to_bytes(seen) == bytes);
    }
  }
  return checks;
}

void what_is_pinned_stays_and_no_more_is_pinned_than_reserved() {
  Lss seen(10, 0, {-1, 2, 0.35}, 0);
  const auto pinned = [&](std::uint64_t id) { return seen.known(id) >= 0; };
  seen.update(Ids{1, 2, 3, 4}, {}, Marks(4, mark_of(0, Class::heavy)), nullptr);
  CHECK(pinned(1) && pinned(2) && pinned(3) && !pinned(4));
  Ids flood;
  for (std::uint64_t id = 100; id < 5000; ++id) flood.push_back(id);
  seen.update(flood, {}, Marks(flood.size(), mark_of(0, Class::normal)), nullptr);
  CHECK(pinned(1) && pinned(2) && pinned(3));
  CHECK(seen.bounds(1).lower == 1 && seen.bounds(1).upper == 1);
  CHECK(seen.bounds(4).lower == 0);
}

void a_light_key_waits_in_the_filter_also_once_it_is_tracked() {
  Lss seen(4, 40, {16, 100, 0}, 0);
  const Marks light(1, mark_of(0, Class::light)), normal(1, mark_of(0, Class::normal));
  seen.update(Ids{7}, {}, normal, nullptr);
  for (int i = 0; i < 4; ++i) seen.update(Ids{7}, {}, light, nullptr);
  CHECK(seen.bounds(7).lower == 1 && seen.bounds(7).upper == 5);
  seen.update(Ids{7}, {}, light, nullptr);
  CHECK(seen.bounds(7).lower == 2 && seen.bounds(7).upper == 6);
}

void widens_in_the_middle() {
  Lss seen(5, 10, {16, 100, 0.5}, 0);
  const Ids ids{1, 2, 3, 1};
  const Ids weights{0xFFFFFFF0, 1, 0xFFFFFFF0, 0xFFFFFFF0};
  seen.update(ids, weights, Marks{mark_of(0, Class::heavy), 0, 0, 0}, nullptr);
  CHECK(seen.bounds(1).lower == 2 * std::uint64_t{0xFFFFFFF0} && seen.known(1) >= 0);
  CHECK(to_bytes(from_bytes<Lss>(to_bytes(seen))) == to_bytes(seen));
  bool refused = false;
  try {
    seen.update(Ids{9, 9}, Ids{1, kMostTotal - 1}, Marks(2, 0), nullptr);
  } catch (const CapacityExceeded&) {
    refused = true;
  }
  CHECK(refused && seen.bounds(9).upper == 0 && seen.total() == 3 * std::uint64_t{0xFFFFFFF0} + 1);
}

void bytes_with_another_byte_are_refused_or_of_use() {
  Lss seen(20, 40, {1, 3, 0.3}, 1);
  Ids ids;
  Marks marks;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    ids.push_back(i * i % 500);
    marks.push_back(mark_of(0, static_cast<Class>(ids.back() % 3)));
  }
  seen.update(ids, {}, marks, nullptr);
  const auto bytes = to_bytes(seen);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const std::byte flip : {std::byte{1}, std::byte{0x41}, std::byte{0x80}}) {
      auto changed = bytes;
      changed[at] ^= flip;
      for (std::size_t i = 16; i < 20; ++i) changed[i] = std::byte{0};
      const std::uint32_t crc = crc32c(changed);
      for (std::size_t i = 0; i < 4; ++i) changed[16 + i] = static_cast<std::byte>(crc >> 8 * i);
      try {
        auto read = from_bytes<Lss>(changed);
        read.update(ids, {}, marks, nullptr);
        for (const std::uint64_t id : ids) read.bounds(id);
        read.error_bound();
      } catch (const CorruptData&) {
      } catch (const CapacityExceeded&) {
      }
    }
}

}  // namespace
}  // namespace bh::streams

int main(int argc, char** argv) {
  using namespace bh::streams;
  const std::uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 250'000;  // more at night
  std::uint64_t checks = 0;
  for (std::uint64_t seed = 0; checks < most; ++seed) checks += check_against_map(seed);
  what_is_pinned_stays_and_no_more_is_pinned_than_reserved();
  a_light_key_waits_in_the_filter_also_once_it_is_tracked();
  widens_in_the_middle();
  bytes_with_another_byte_are_refused_or_of_use();
}
