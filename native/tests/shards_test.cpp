// What Python cannot see of shards: that their hash is not that of a table's buckets.
#include "streams/shards.h"

#include <algorithm>
#include <numeric>
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
  for (const std::size_t rows : {0, 1, 3, 4, 6, 101}) {
    std::vector<std::uint16_t> owners(rows);
    for (std::size_t row = 0; row < rows; ++row) owners[row] = static_cast<std::uint16_t>(row * row % 4);  // 0 or 1
    std::vector<std::uint64_t> out(rows), counts(5), sorted(rows);
    for (const std::uint16_t owner : owners) ++counts[owner];
    CHECK(group(owners, 5, [](std::size_t row) { return row; }, out) == counts);
    std::iota(sorted.begin(), sorted.end(), 0);
    std::stable_sort(sorted.begin(), sorted.end(), [&](auto a, auto b) { return owners[a] < owners[b]; });
    CHECK(out == sorted);
  }
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::check_shards_see_every_bucket();
  bh::streams::check_groups_keep_the_order();
}
