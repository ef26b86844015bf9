// Instruction sets: codes
#include <algorithm>
#include <vector>

#include "check.h"
#include "ranges/codes.h"

using namespace bh::ranges;

// However few are taken at a time, prefixes that repeat are taken once.
void takes_each_once(const std::vector<std::uint64_t>& codes) {
  for (const std::uint32_t bits : {3, 58, 63, 64})
    for (const std::size_t room : {1, 3, 64}) {
      std::vector<std::uint64_t> taken, some(room);
      for (std::size_t at = 0; at < codes.size();) {
        const std::size_t before = at, count = Prefixes{codes, kCodeBits - bits}.take(at, some.data(), room);
        CHECK(count <= room && at > before && at <= codes.size());
        taken.insert(taken.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
      }
      CHECK(std::ranges::equal(taken, distinct_prefixes(codes, bits)));
      CHECK(count_distinct_prefixes(codes, bits) == taken.size());
    }
}

int main() {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};

  static_assert(prefix(kMax, 0) == 0 && prefix(kMax, 1) == 1 && prefix(kMax, 64) == kMax);
  static_assert(first_of(kMax, 0) == 0 && last_of(0, 0) == kMax && first_of(5, 64) == 5 && last_of(5, 64) == 5);
  static_assert(lcp(0, 0) == 64 && lcp(0, 1) == 63 && lcp(0, kMax) == 0);
  static_assert(count_prefixes(0, kMax, 64) == kMax && count_prefixes(0, kMax, 63) == 1ull << 63);
  static_assert(count_prefixes(0, kMax, 0) == 1 && count_prefixes(7, 7, 64) == 1);

  // The golden values of the specification.
  const std::vector<std::uint64_t> keys{10, 200, 1000, 70000};
  for (std::uint32_t bits = 0; bits <= 64; ++bits) {
    const std::uint64_t want = bits <= 47 ? 1 : bits <= 54 ? 2 : bits <= 56 ? 3 : 4;
    CHECK(count_distinct_prefixes(keys, bits) == want && distinct_prefixes(keys, bits).size() == want);
  }
  CHECK(lcp(300, 200) == 55 && lcp(500, 1000) == 54 && lcp(300, 500) == 56);
  CHECK(count_prefixes(300, 500, 60) == 14 && count_prefixes(300, 500, 64) == 201);
  CHECK(count_prefixes(1001, 69999, 48) == 2 && count_prefixes(1001, 69999, 54) == 69);
  CHECK(count_prefixes(1001, 69999, 56) == 271 && count_prefixes(1001, 69999, 60) == 4313);

  CHECK(sorted_distinct(std::span<const std::uint64_t>()).empty() && distinct_prefixes({}, 5).empty() &&
        count_distinct_prefixes({}, 5) == 0);
  for (const std::size_t n : {1, 2, 1000, 20000})
    for (const std::uint64_t values : {std::uint64_t{1}, std::uint64_t{300}, kMax}) {
      std::vector<std::uint64_t> codes(n);
      for (std::size_t i = 0; i < n; ++i) codes[i] = kMax - bh::range(bh::kth(n, i), values);
      const auto sorted = sorted_distinct(std::span(codes));
      std::sort(codes.begin(), codes.end());
      codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
      CHECK(std::ranges::equal(sorted, codes) && strictly_ascend(sorted));
      CHECK(std::ranges::equal(sorted_distinct(std::span(codes)), codes));
      takes_each_once(codes);
      codes.push_back(codes.back());
      CHECK(!strictly_ascend(codes));
      takes_each_once(codes);
    }
}
