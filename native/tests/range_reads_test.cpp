// However the keys lie, a range takes few looks: this counts the words that Elias-Fano sets and fuse filters read.
#include <cstdint>

namespace {
std::uint64_t words = 0;
}
#define BH_COUNT_WORDS words
#define ranges counted_ranges  // these are other functions than those in the library, which do not count
#include "ranges/codes.cpp"
#include "ranges/elias_fano.cpp"
#include "ranges/fuse.cpp"
#include "ranges/locality_hash.cpp"
#undef ranges

#include <algorithm>
#include <vector>

#include "check.h"

using namespace bh::counted_ranges;

namespace {

using Values = std::vector<std::uint64_t>;
constexpr std::uint64_t kMax = ~std::uint64_t{0}, kMostWords = 1024;

template <typename Set>
void check_reads(const Set& set, const Values& values, std::uint64_t most_length) {
  std::uint64_t most = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t near = values[bh::range(bh::kth(i, 1), values.size())];
    const std::uint64_t a = i % 3 == 0 ? bh::kth(i, 2) : near + bh::range(bh::kth(i, 2), 7) - 3;
    const std::uint64_t length = std::min({bh::kth(i, 3) >> bh::range(bh::kth(i, 4), 64), kMax - a, most_length - 1});
    words = 0;
    set.any(a, a + length);
    most = std::max(most, words);
  }
  CHECK(most > 0 && most <= kMostWords);
}

void check_values(const Values& values) {
  check_reads(EliasFano::build(values, kMax), values, kMax);
  const LocalityShape shape = *locality_shape(values.size(), 64, 12 * values.size());
  check_reads(LocalityHash::build(places_of({values, 0}, shape, 1), shape, 1), values, kMax);
  check_reads(*Fuse::build(values, values.size(), 16 * values.size(), 1), values, 63);
}

}  // namespace

int main() {
  constexpr std::uint64_t kValues = 100000;
  Values cluster, far, two, scattered;
  for (std::uint64_t i = 0; i < kValues; ++i) {
    cluster.push_back((std::uint64_t{1} << 50) + i);
    two.push_back((i < kValues / 2 ? 1000 : kMax - kValues) + i);
    scattered.push_back(bh::kth(1, i));
  }
  far = cluster;
  far.push_back(kMax - 5);
  std::sort(scattered.begin(), scattered.end());
  for (const Values& values : {cluster, far, two, scattered}) check_values(values);
}
