// The sliding window beside a plain copy of it: bounds, estimates, sampling, filters and bytes.
#include "streams/window.h"

#include <cmath>
#include <deque>
#include <random>
#include <unordered_map>
#include <vector>

#include "check.h"
#include "support/errors.h"
#include "support/hash.h"

namespace bh::streams {
namespace {

using Filter = SlidingWindow::Filter;
using Options = SlidingWindow::Options;

// Streams that are hard for a window: skewed, bursts, drift, sorted, one key against all.
std::uint64_t next_key(int kind, std::uint64_t universe, std::uint64_t t, std::uint64_t window,
                       std::mt19937_64& random) {
  const auto skewed = [&] {
    const double u = std::uniform_real_distribution<>()(random);
    return static_cast<std::uint64_t>(static_cast<double>(universe) * u * u * u);
  };
  switch (kind) {
    case 0: return skewed();
    case 1: return t / (1 + random() % 5) % universe;
    case 2: return skewed() + 1000 * (t / (window / 2 + 1));
    case 3: return t / (window / 5 + 1) % 3 == 0 ? 0 : random() % universe;
    default: return random() % 2 == 0 ? 0 : 1 + t % universe;
  }
}

// The last arrivals, and how often each key is among them.
class Copy {
 public:
  explicit Copy(std::size_t window) : window_(window) {}
  void add(std::uint64_t id) {
    last_.push_back(id);
    ++counts_[id];
    if (last_.size() <= window_) return;
    --counts_[last_.front()];
    last_.pop_front();
  }
  std::uint64_t operator[](std::uint64_t id) const {
    const auto found = counts_.find(id);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::size_t window_;
  std::deque<std::uint64_t> last_;
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
};

constexpr std::uint64_t kNobody = 999'999'999;

Options random_options(std::mt19937_64& random) {
  const auto up_to = [&](std::uint64_t most) { return 1 + random() % most; };
  Options options{.window = up_to(std::vector<std::uint64_t>{5, 30, 400}[random() % 3]), .blocks = 1, .counters = 1};
  options.blocks = std::min(options.window, up_to(60));
  options.counters = static_cast<std::uint32_t>(up_to(std::vector<std::uint64_t>{3, 20, 80}[random() % 3]));
  options.filter = std::vector{Filter::none, Filter::doorkeeper, Filter::learned}[random() % 3];
  if (options.filter != Filter::none) options.filter_bytes = up_to(60);
  options.seed = random();
  return options;
}

// Every bound holds at every arrival, with candidates at random; the one known in advance too.
std::uint64_t check_against_copy(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const Options options = random_options(random);
  SlidingWindow seen(options);
  Copy copy(options.window);
  const std::uint64_t universe = 2 + random() % std::vector<std::uint64_t>{4, 40, 400}[random() % 3];
  const int kind = static_cast<int>(random() % 5);
  std::uint64_t checks = 0;
  for (std::uint64_t t = 0, last = (1 + random() % 6) * options.window + 20; t < last; ++t) {
    const std::uint64_t id = next_key(kind, universe, t, options.window, random);
    if (random() % 50 == 0) {
      seen.advance(1);
      copy.add(kNobody + 1);
    } else {
      const std::uint8_t candidate = options.filter == Filter::learned ? random() % 2 : 1;
      seen.update({&id, 1}, {&candidate, 1}, nullptr);
      copy.add(id);
    }
    const std::uint64_t untracked = seen.untracked_bound();
    for (const std::uint64_t asked : {id, random() % universe, std::uint64_t{0}, kNobody}) {
      const Bounds bounds = seen.bounds(asked);
      CHECK(bounds.lower <= copy[asked] && copy[asked] <= bounds.upper && bounds.upper <= seen.total());
      CHECK(asked != kNobody || bounds.upper == untracked);
      CHECK(static_cast<double>(bounds.upper - bounds.lower) <= seen.guaranteed_error(0));
      for (const auto estimator : {SlidingWindow::Estimator::balanced, SlidingWindow::Estimator::upper}) {
        const double estimate = seen.estimate(asked, estimator);
        CHECK(static_cast<double>(bounds.lower) <= estimate && estimate <= static_cast<double>(bounds.upper));
      }
      ++checks;
    }
    if (t % 37 == 0) {
      seen.check_invariants();
      std::uint64_t entries = 0;
      seen.log().each_entry([&](std::uint32_t, std::uint64_t) { ++entries; });
      CHECK(entries <= 2 * seen.frame().blocks + 1);
      seen = from_bytes<SlidingWindow>(to_bytes(seen));
    }
  }
  return checks;
}

// With one counter two keys in turn are never seen twice: only what the counter says to have inherited tells of them.
void check_keys_that_leave_no_entry() {
  SlidingWindow seen({.window = 400, .blocks = 40, .counters = 1});
  Copy copy(400);
  seen.advance(400);
  for (int i = 0; i < 400; ++i) copy.add(kNobody);
  for (std::uint64_t t = 0; t < 400; ++t) {
    const std::uint64_t id = t % 2;
    seen.update({&id, 1}, {}, nullptr);
    copy.add(id);
    CHECK(seen.log().count(0) == 0);
    for (const std::uint64_t asked : {0, 1}) CHECK(copy[asked] <= seen.bounds(asked).upper);
  }
}

void check_a_block_of_one_is_exact() {
  std::mt19937_64 random(3);
  for (const std::uint64_t window : {1u, 7u, 100u}) {
    SlidingWindow seen({.window = window, .blocks = window, .counters = 3});
    Copy copy(window);
    for (std::uint64_t t = 0; t < 1000; ++t) {
      const std::uint64_t id = next_key(static_cast<int>(t / 200), 50, t, window, random);
      seen.update({&id, 1}, {}, nullptr);
      copy.add(id);
      for (std::uint64_t asked = 0; asked < 50; ++asked)
        CHECK(seen.estimate(asked, SlidingWindow::Estimator::balanced) == static_cast<double>(copy[asked]));
    }
  }
}

// Any cut of the stream gives the same bytes, and advance(n) is n times advance(1).
void check_cuts(const Options& options) {
  std::mt19937_64 random(options.seed);
  std::vector<std::uint64_t> ids(5000);  // enough to draw jumps in blocks
  for (std::uint64_t t = 0; t < ids.size(); ++t) ids[t] = next_key(2, 300, t, options.window, random);
  SlidingWindow whole(options), cut(options);
  const std::span<const std::uint64_t> all(ids);
  const auto jump = [&](std::uint64_t count) {
    whole.advance(count);
    for (std::uint64_t i = 0; i < count; ++i) cut.advance(1);
    CHECK(to_bytes(whole) == to_bytes(cut));
  };
  for (const std::uint64_t pause : {std::uint64_t{3}, 5 * options.window + 1, 7 * options.window}) {
    whole.update(all, {}, nullptr);
    for (std::size_t i = 0; i < ids.size();) {
      const std::size_t n = std::min<std::size_t>(random() % 50, ids.size() - i);
      cut.update(all.subspan(i, n), {}, nullptr);
      i += n;
    }
    jump(pause);
  }
  CHECK(to_bytes(whole.emptied()) == to_bytes(SlidingWindow(options)));
  whole.advance(std::uint64_t{1} << 60);  // at once
  CHECK(whole.size() == 0);
  CHECK(options.sample < 1 || whole.untracked_bound() <= 2 * whole.frame().block + 2);
  whole.check_invariants();
}

void check_a_counted_key_stays_as_said() {
  std::mt19937_64 random(5);
  std::uint64_t kept = 0;
  for (int round = 0; round < 300; ++round) {
    SlidingWindow seen(
        {.window = 1 + random() % 400, .blocks = 1, .counters = static_cast<std::uint32_t>(1 + random() % 20)});
    for (std::uint64_t t = 0, before = random() % 600; t < before; ++t) {
      const std::uint64_t id = next_key(round % 5, 40, t, 100, random);
      seen.update({&id, 1}, {}, nullptr);
    }
    for (std::uint64_t id = 0; id < 10; ++id) {
      SlidingWindow later = seen;
      for (std::uint64_t ahead = 0; ahead < 60; ++ahead) {
        const std::uint64_t other = 1'000'000 + random();
        if (seen.stays_counted(id, ahead)) {
          // The arrival itself may begin a frame: then it would not be counted any more.
          CHECK(later.stays_counted(id, 0));
          ++kept;
        }
        later.update({&other, 1}, {}, nullptr);
      }
    }
  }
  CHECK(kept > 1000);
}

void check_sampling() {
  const RealBounds none = sampled_bounds(0, 0, 0.25, 0.99), many = sampled_bounds(1000, 1000, 0.25, 0.99);
  CHECK(none.lower == 0 && std::abs(none.upper - 42.39) < 0.005);
  CHECK(std::abs(many.lower - 3602.13) < 0.005 && std::abs(many.upper - 4433.50) < 0.005);
  const std::vector<std::vector<std::uint64_t>> jumps{{10, 2, 2, 2, 1, 1, 4, 5, 1, 1, 1, 2},
                                                      {1, 2, 1, 6, 9, 1, 2, 2, 1, 3, 2, 4}};
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    SlidingWindow seen({.window = 1000, .blocks = 1, .counters = 1000, .sample = 0.25, .seed = seed});
    std::vector<std::uint64_t> found;
    for (std::uint64_t id = 0, before = 0, at = 1; found.size() < 12; ++id, ++at) {
      const std::uint64_t size = seen.size();
      seen.update({&id, 1}, {}, nullptr);
      if (seen.size() == size) continue;
      found.push_back(at - before);
      before = at;
    }
    CHECK(found == jumps[seed]);
  }
  // Intervals cover about as often as they say; each key that a window of its own holds is a draw.
  std::uint64_t misses = 0, draws = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    SlidingWindow seen(
        {.window = 300, .blocks = 1 + random() % 300, .counters = 50, .sample = 0.2, .confidence = 0.9, .seed = seed});
    Copy copy(300);
    for (std::uint64_t t = 0; t < 1000; ++t) {
      const std::uint64_t id = next_key(static_cast<int>(seed % 5), 20, t, 300, random);
      seen.update({&id, 1}, {}, nullptr);
      copy.add(id);
      if (t % 300 != 299) continue;
      for (std::uint64_t asked = 0; asked < 20; ++asked) {
        const Bounds bounds = seen.bounds(asked);
        misses += copy[asked] < bounds.lower || copy[asked] > bounds.upper;
        ++draws;
      }
    }
    seen.check_invariants();
  }
  CHECK(misses * 10 <= draws);
}

void check_geometry() {
  const auto is = [](const Frame& frame, std::uint64_t block, std::uint64_t blocks, std::uint64_t length,
                     std::uint64_t slack) {
    return frame.block == block && frame.blocks == blocks && frame.length() == length && frame.slack() == slack;
  };
  CHECK(is(Frame(1000, 30), 34, 30, 1020, 20));
  CHECK(is(Frame(1 << 20, 1000), 1049, 1000, 1049000, 424));
  CHECK(is(Frame(10, 3), 4, 3, 12, 2));
}

bool refused(const std::vector<std::byte>& bytes) {
  try {
    from_bytes<SlidingWindow>(bytes);
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

void check_bytes() {
  for (const Options& options :
       {Options{.window = 50, .blocks = 7, .counters = 5, .filter = Filter::doorkeeper, .filter_bytes = 9},
        Options{.window = 60, .blocks = 9, .counters = 4, .sample = 0.5}}) {
    SlidingWindow seen(options);
    std::mt19937_64 random(4);
    for (std::uint64_t t = 0; t < 170; ++t) {
      const std::uint64_t id = next_key(0, 20, t, 50, random);
      seen.update({&id, 1}, {}, nullptr);
    }
    const std::vector<std::byte> bytes = to_bytes(seen);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::vector<std::byte> flipped = bytes;
      flipped[at] ^= std::byte{1};
      CHECK(refused(flipped));
      // With a CRC that fits, it is refused or as good as any other.
      const std::array<std::byte, 4> zeros{};
      const Bytes made(flipped);
      const std::uint32_t crc = crc32c(made.subspan(20), crc32c(zeros, crc32c(made.first(16))));
      std::memcpy(&flipped[16], &crc, sizeof crc);
      try {
        SlidingWindow read = from_bytes<SlidingWindow>(flipped);
        read.check_invariants();
        for (std::uint64_t id = 0; id < 200; ++id) {
          read.update({&id, 1}, {}, nullptr);
          CHECK(read.bounds(id).lower <= read.bounds(id).upper);
        }
        read.advance(1000);
        read.check_invariants();
      } catch (const CorruptData&) {
      }
    }
  }
}

}  // namespace
}  // namespace bh::streams

int main(int argc, char** argv) {
  const std::uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000;  // more by hand
  using namespace bh::streams;
  std::uint64_t checks = 0;
  for (std::uint64_t seed = 0; checks < most; ++seed) checks += check_against_copy(seed);
  check_keys_that_leave_no_entry();
  check_a_block_of_one_is_exact();
  for (const Options& options :
       {Options{.window = 1, .blocks = 1, .counters = 1}, Options{.window = 100, .blocks = 9, .counters = 4},
        Options{.window = 300, .blocks = 40, .counters = 50, .filter = Filter::doorkeeper, .filter_bytes = 20},
        Options{.window = 100, .blocks = 9, .counters = 4, .sample = 0.3}})
    check_cuts(options);
  check_a_counted_key_stays_as_said();
  check_sampling();
  check_geometry();
  check_bytes();
}
