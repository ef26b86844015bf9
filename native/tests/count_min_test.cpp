// What Python cannot see of Count-Min: batches against one by one, refused deletions, growth, and bytes.
#include "streams/count_min.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;

std::uint64_t estimate(const CountMin& sketch, std::uint64_t id) { return sketch.bounds(id).upper; }

Ids random_ids(std::size_t n, std::uint64_t universe, std::mt19937_64& random) {
  Ids ids(n);
  for (std::uint64_t& id : ids) id = random() % universe;
  return ids;
}

void estimates_are_never_too_low() {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    const bool conservative = round % 2 == 0;
    const auto depth = static_cast<std::uint32_t>(1 + random() % 5);
    CountMin whole(depth, 1 + random() % 60, conservative, random()), single = whole;
    std::map<std::uint64_t, std::uint64_t> truth;
    for (int step = 0; step < 6; ++step) {
      const Ids ids = random_ids(random() % 100, 80, random);
      Ids weights;
      if (random() % 2)
        for (std::size_t i = 0; i < ids.size(); ++i) weights.push_back(1 + random() % (step == 5 ? 1ull << 33 : 9));
      whole.update(ids, weights);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        single.update({&ids[i], 1}, weights.empty() ? Ids{} : Ids{weights[i]});
        truth[ids[i]] += weights.empty() ? 1 : weights[i];
      }
      whole.check_invariants();
      const auto bytes = to_bytes(whole);
      CHECK(bytes == to_bytes(single));
      whole = from_bytes<CountMin>(bytes);
      CHECK(to_bytes(whole) == bytes);
      for (std::uint64_t id = 0; id < 80; ++id)
        CHECK(estimate(whole, id) >= truth[id] && estimate(whole, id) <= whole.error_bound());
    }
  }
}

void plain_sketches_are_sums() {
  std::mt19937_64 random(2);
  const Ids first = random_ids(500, 90, random), second = random_ids(700, 90, random);
  CountMin a(3, 50, false, 7), b = a, both = a;
  a.update(first, {});
  b.update(second, {});
  both.update(first, {});
  both.update(second, {});
  a.merge(b);
  CHECK(to_bytes(a) == to_bytes(both));
  a.merge(a);
  CHECK(a.total() == 2400);
  a.check_invariants();
}

void what_was_never_added_is_not_deleted() {
  std::mt19937_64 random(3);
  const Ids ids = random_ids(300, 1000, random);
  CountMin sketch(2, 40, false, 0);
  sketch.update(ids, {});
  const auto before = to_bytes(sketch);
  Ids more = ids;
  more.insert(more.begin() + 150, {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5});
  try {
    sketch.remove(more, {});
    CHECK(false);
  } catch (const InvalidInput&) {
  }
  CHECK(to_bytes(sketch) == before);
  sketch.remove(ids, {});
  CHECK(sketch.error_bound() == 0 && sketch.deleted() == 300);
  sketch.check_invariants();
}

void counters_widen_before_they_wrap() {
  const Ids id{9}, weight{0xFFFFFFFF}, one{1};
  CountMin sketch(2, 8, true, 0);
  sketch.update(id, weight);
  CHECK(sketch.nbytes() == 64);
  CountMin other = sketch;
  sketch.update(id, one);
  CHECK(sketch.nbytes() == 128 && estimate(sketch, 9) == 0x100000000);
  other.merge(sketch);
  CHECK(other.nbytes() == 128 && estimate(other, 9) == 0x1FFFFFFFF);
  other.check_invariants();
}

bool refused(std::vector<std::byte> bytes) {
  try {
    from_bytes<CountMin>(bytes);
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

void damaged_bytes_are_refused() {
  CountMin sketch(2, 3, false, 5);
  sketch.update(Ids{1, 2, 3}, {});
  const auto bytes = to_bytes(sketch);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{4};
    CHECK(refused(damaged));
    CHECK(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at)}));
  }
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::estimates_are_never_too_low();
  bh::streams::plain_sketches_are_sums();
  bh::streams::what_was_never_added_is_not_deleted();
  bh::streams::counters_widen_before_they_wrap();
  bh::streams::damaged_bytes_are_refused();
}
