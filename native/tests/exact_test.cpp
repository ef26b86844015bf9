#include "streams/exact.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "check.h"
#include "support/errors.h"
#include "support/hash.h"

namespace bh::streams {
namespace {

using Ids = std::vector<std::uint64_t>;

void counts_are_those_of_a_map() {
  std::mt19937_64 random(1);
  for (const std::uint64_t universe : {1, 50, 100'000}) {
    ExactCounts counts;
    std::map<std::uint64_t, std::uint64_t> truth;
    Ids all;
    for (int batch = 0; batch < 20; ++batch) {
      Ids ids(random() % 1000), weights;
      for (std::uint64_t& id : ids) id = random() % universe * kGolden;
      if (batch % 3 == 0)
        for (std::size_t i = 0; i < ids.size(); ++i) weights.push_back(1 + random() % 9);
      counts.update(ids, weights);
      for (std::size_t i = 0; i < ids.size(); ++i) truth[ids[i]] += weights.empty() ? 1 : weights[i];
      all.insert(all.end(), ids.begin(), ids.end());
    }
    std::uint64_t total = 0, before = 0;
    for (const auto& [id, count, first] : counts.entries()) {
      CHECK(truth.at(id) == count && counts.count(id) == count && all[first] == id);
      CHECK(total == 0 || first > before);
      CHECK(std::find(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first), id) ==
            all.begin() + static_cast<std::ptrdiff_t>(first));
      total += count;
      before = first;
      if (before > 3000) break;
    }
    CHECK(counts.entries().size() == truth.size() && counts.count(12345) == 0);
  }
}

void running_counts_are_those_of_the_last_arrivals() {
  std::mt19937_64 random(2);
  Ids ids(400);
  for (std::uint64_t& id : ids) id = random() % 20;
  for (const std::uint64_t window : {1ull, 2ull, 37ull, 400ull, ~0ull}) {
    const auto running = ExactCounts::running(ids, window);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t first = i + 1 > window ? i + 1 - window : 0;
      const auto from = ids.begin();
      CHECK(running[i] == static_cast<std::uint64_t>(std::count(from + static_cast<std::ptrdiff_t>(first),
                                                                from + static_cast<std::ptrdiff_t>(i + 1), ids[i])));
    }
  }
}

void totals_never_wrap() {
  ExactCounts counts;
  counts.update(Ids{1}, Ids{0x7FFFFFFFFFFFFFFF});
  try {
    counts.update(Ids{2}, {});
    CHECK(false);
  } catch (const CapacityExceeded&) {
  }
  CHECK(counts.entries().size() == 1);
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::counts_are_those_of_a_map();
  bh::streams::running_counts_are_those_of_the_last_arrivals();
  bh::streams::totals_never_wrap();
}
