// What Python cannot see of shards: that their hash is not that of a table's buckets.
#include "streams/shards.h"

#include <set>
#include <utility>

#include "check.h"

namespace bh::streams {
namespace {

void check_shards_see_every_bucket() {
  for (const std::uint64_t seed : {0u, 1u, 7u}) {
    const Shards owner(4, seed);
    const Mix bucket(seed, 2);
    std::set<std::pair<int, std::uint64_t>> seen;
    for (std::uint64_t id = 0; id < 2'000; ++id) seen.insert({owner(id), range(bucket(id), 8)});
    CHECK(seen.size() == 4 * 8);
  }
}

void check_groups_keep_the_order() {
  const std::vector<std::uint16_t> owners{2, 0, 2, 0, 1, 2};
  const std::vector<std::uint64_t> counts = owned(owners, 4);
  CHECK((counts == std::vector<std::uint64_t>{2, 1, 3, 0}));
  std::vector<std::uint64_t> out(owners.size());
  group(owners, counts, [](std::size_t row) { return row; }, out);
  CHECK((out == std::vector<std::uint64_t>{1, 3, 4, 0, 2, 5}));
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::check_shards_see_every_bucket();
  bh::streams::check_groups_keep_the_order();
}
