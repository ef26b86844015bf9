// What Python cannot see of Count-Sketch: linearity, to the bit; medians and radius by hand; and bytes.
#include "streams/count_sketch.h"

#include <cmath>
#include <random>
#include <vector>

#include "check.h"
#include "streams/weights.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;

Ids random_ids(std::size_t n, std::mt19937_64& random) {
  Ids ids(n);
  for (std::uint64_t& id : ids) id = random() % 100;
  return ids;
}

// The cells alone: totals tell what was added and taken back.
std::vector<std::byte> cells(const CountSketch& sketch) {
  const auto bytes = to_bytes(sketch);
  return {bytes.begin() + 80, bytes.end()};
}

void it_is_linear() {
  std::mt19937_64 random(1);
  const Ids first = random_ids(300, random), second = random_ids(500, random);
  Ids weights(first.size());
  for (std::uint64_t& weight : weights) weight = 1 + random() % 1000;
  CountSketch a(5, 40, 3), b = a, both = a;
  a.update(first, weights);
  b.update(second, {});
  both.update(first, weights);
  both.update(second, {});
  a.merge(b);
  CHECK(to_bytes(a) == to_bytes(both));
  a.remove(first, weights);
  CHECK(cells(a) == cells(b) && a.radius() == b.radius());
  a.remove(second, {});
  CHECK(cells(a) == cells(CountSketch(5, 40, 3)) && a.radius() == 0);
  a.check_invariants();
  const auto bytes = to_bytes(a);
  CHECK(to_bytes(from_bytes<CountSketch>(bytes)) == bytes);
}

void a_lone_key_is_exact_and_may_become_negative() {
  CountSketch sketch(3, 16, 1);
  sketch.update(Ids{7, 7, 7}, {});
  CHECK(sketch.median(7) == 3 && sketch.radius() == 2 * std::sqrt(9 / 16.0));
  sketch.remove(Ids{7}, Ids{10});
  CHECK(sketch.median(7) == -7 && sketch.radius() == 2 * std::sqrt(49 / 16.0));
  sketch.check_invariants();
}

void doubles_round_no_bound() {  // above 2^53 they would, and bounds would lie farther apart than promised
  CountSketch sketch(1, 4, 1);
  sketch.update(Ids{7, 8}, Ids{(1ull << 56) + 1, 3});
  for (const std::uint64_t id : {7, 8, 9, 10, 11, 12}) {
    const Bounds bounds = sketch.bounds(id);
    CHECK(bounds.lower <= bounds.upper && bounds.upper - bounds.lower <= sketch.error_bound());
  }
  CHECK(sketch.bounds(7).upper == std::min<std::uint64_t>(sketch.total(), (1ull << 56) + 1 + sketch.error_bound() / 2));
}

void cells_never_overflow() {
  CountSketch sketch(1, 1, 0);
  sketch.update(Ids{1}, Ids{kMostTotal - 5});
  for (const bool removes : {false, true}) {
    try {
      if (removes)
        sketch.remove(Ids{2}, Ids{6});
      else
        sketch.update(Ids{2}, Ids{6});
      CHECK(false);
    } catch (const CapacityExceeded&) {
    }
  }
  sketch.remove(Ids{2}, Ids{5});
  sketch.check_invariants();
  CHECK(sketch.total() == kMostTotal - 5 && sketch.deleted() == 5);
}

void damaged_bytes_are_refused() {
  CountSketch sketch(3, 2, 5);
  sketch.update(Ids{1, 2, 3}, {});
  const auto bytes = to_bytes(sketch);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{1};
    try {
      from_bytes<CountSketch>(damaged);
      CHECK(false);
    } catch (const CorruptData&) {
    }
  }
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::it_is_linear();
  bh::streams::a_lone_key_is_exact_and_may_become_negative();
  bh::streams::doubles_round_no_bound();
  bh::streams::cells_never_overflow();
  bh::streams::damaged_bytes_are_refused();
}
