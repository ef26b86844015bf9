#include "scheduling/waiting_jobs.h"

#include <algorithm>
#include <random>
#include <vector>

#include "check.h"

namespace scheduling = bh::scheduling;

namespace {

bool same(const scheduling::Place& a, const scheduling::Place& b) {
  return a.rank == b.rank && a.sequence == b.sequence && a.job == b.job;
}

// Jobs come, leave and are handed back for others; `common` of four go by the rank of the ring.
void agrees_with_a_sorted_list(unsigned common) {
  std::mt19937 draw(common);
  scheduling::WaitingJobs waiting(1.0);
  std::vector<scheduling::Place> sorted, out;
  std::uint64_t sequence = 0;
  const auto insert = [&sorted](const scheduling::Place& place) {
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), place), place);
  };
  for (int step = 0; step < 20000; ++step) {
    const unsigned growth = step / 2000 % 2 == 0 ? 5 : 2;  // fills the ring beyond its first size, then empties it
    if (draw() % 8 < growth) {
      const scheduling::Place place{draw() % 4 < common ? 1.0 : draw() % 4 / 2.0, sequence,
                                    static_cast<std::uint32_t>(draw())};
      ++sequence;
      waiting.push(place), insert(place);
    } else if (!out.empty() && !sorted.empty() && draw() % 3 == 0) {
      const scheduling::Place back = out[draw() % out.size()];
      if (std::any_of(sorted.begin(), sorted.end(), [&](const scheduling::Place& held) { return same(held, back); }))
        continue;
      CHECK(same(waiting.replace(back), sorted.front()));
      sorted.erase(sorted.begin()), insert(back);
    } else if (!sorted.empty()) {
      CHECK(same(waiting.top(), sorted.front()));
      out.push_back(waiting.pop());
      CHECK(same(out.back(), sorted.front()));
      sorted.erase(sorted.begin());
    }
    CHECK(waiting.empty() == sorted.empty());
  }
}

}  // namespace

int main() {
  for (const unsigned common : {0u, 2u, 3u, 4u}) agrees_with_a_sorted_list(common);
}
