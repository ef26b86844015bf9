// The recorder: gaps of its golden values, a ring that loses nothing before it is full, and many threads.
#include "ranges/recorder.h"

#include <set>
#include <thread>

#include "check.h"

namespace bh::ranges {
namespace {

std::set<std::uint64_t> kept(const QueryRecorder& recorder) {
  std::set<std::uint64_t> found;
  for (const auto& query : recorder.codes()) {
    CHECK(query.hi == query.lo + 5);
    found.insert(query.lo);
  }
  return found;
}

void send(QueryRecorder& recorder, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t i = from; i < to; ++i) recorder.record(i, i + 5);
}

void check_golden_gaps() {
  QueryRecorder recorder(3, 100, 0);
  send(recorder, 0, 3);
  CHECK((kept(recorder) == std::set<std::uint64_t>{0, 1, 2}));
  const std::uint64_t first = 2 + 176, second = first + 86, third = second + 6, fourth = third + 194;
  send(recorder, 3, first);
  CHECK((kept(recorder) == std::set<std::uint64_t>{0, 1, 2}));
  send(recorder, first, third + 1);
  CHECK((kept(recorder) == std::set<std::uint64_t>{first, second, third}));
  send(recorder, third + 1, fourth + 1);
  CHECK((kept(recorder) == std::set<std::uint64_t>{second, third, fourth}));
  CHECK(recorder.seen() == fourth + 1);
  recorder.clear();
  CHECK(recorder.seen() == 0 && recorder.codes().empty());
  send(recorder, 10, 13);
  CHECK((kept(recorder) == std::set<std::uint64_t>{10, 11, 12}));
}

void check_every_one() {
  QueryRecorder recorder(4, 1, 7);
  send(recorder, 0, 1'000);
  CHECK((kept(recorder) == std::set<std::uint64_t>{996, 997, 998, 999}));
}

void check_threads() {
  constexpr std::uint64_t kThreads = 8, kEach = 50'000;
  QueryRecorder filling(kThreads * kEach, 3, 1), full(1'000, 100, 1);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      send(filling, t * kEach, (t + 1) * kEach);
      send(full, t * kEach, (t + 1) * kEach);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(kept(filling).size() == kThreads * kEach);
  CHECK(full.codes().size() == 1'000);
  CHECK(filling.seen() == kThreads * kEach && full.seen() == kThreads * kEach);
}

void check_strings_and_kinds() {
  QueryRecorder recorder(2, 1, 0);
  CHECK(recorder.settle(5) && recorder.settle(5) && !recorder.settle(0));
  recorder.record("b", std::string_view("c\0d", 3));
  recorder.record("a", "");
  const auto found = recorder.strings();
  CHECK(found.size() == 2 && found[0].lo == "a" && found[1].hi == std::string("c\0d", 3));
  for (const auto& [capacity, every] :
       {std::pair<std::uint64_t, std::uint64_t>{0, 1}, {1, 0}, {std::uint64_t{1} << 33, 1}}) {
    try {
      QueryRecorder refused(capacity, every, 0);
      CHECK(false);
    } catch (const InvalidInput&) {
    }
  }
}

}  // namespace
}  // namespace bh::ranges

int main() {
  bh::ranges::check_golden_gaps();
  bh::ranges::check_every_one();
  bh::ranges::check_threads();
  bh::ranges::check_strings_and_kinds();
}
