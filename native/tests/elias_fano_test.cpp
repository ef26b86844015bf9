// Instruction sets: elias_fano
#include "ranges/elias_fano.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "check.h"
#include "ranges/codes.h"
#include "support/errors.h"
#include "support/hash.h"

using namespace bh::ranges;

namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};
using Values = std::vector<std::uint64_t>;

void check_range(const EliasFano& set, const Values& values, std::uint64_t a, std::uint64_t b) {
  const auto from = std::lower_bound(values.begin(), values.end(), a), to = std::upper_bound(from, values.end(), b);
  CHECK(set.any(a, b) == (from != to));
  if (b > set.shape().largest) return;
  const Ends ends = set.meet(a, b);
  const bool first = from != to && *from == a, last = from != to && *std::prev(to) == b;
  const auto inside = std::distance(from, to) - first - (last && a != b);
  CHECK(ends.first == first && ends.inside == (inside > 0));
  CHECK(ends.inside || ends.last == last);
}

// Ranges of every kind of length, at the values and anywhere.
void check_set(const Values& values, std::uint64_t largest, std::uint64_t draws) {
  const auto built = EliasFano::build(values, largest);
  const auto loaded = EliasFano::load(built.shape(), built.lows(), built.highs());
  CHECK(built.bits() == elias_fano_bits(values.size(), largest));
  for (std::uint64_t i = 0; i < draws; ++i) {
    const std::uint64_t near = values[bh::range(bh::kth(i, 1), values.size())];
    const std::uint64_t at = i % 3 == 0 ? bh::range(bh::kth(i, 2), largest) : near + bh::range(bh::kth(i, 2), 5) - 2;
    const std::uint64_t a = std::min(at, largest), length = bh::kth(i, 3) >> bh::range(bh::kth(i, 4), 64);
    const std::uint64_t b = i % 5 == 0 ? a : i % 7 == 0 ? largest : a + std::min(length, kMax - a);
    check_range(i % 2 == 0 ? built : loaded, values, a, b);
  }
  check_range(built, values, 0, kMax);
}

Values draw(std::uint64_t n, std::uint64_t below, std::uint64_t seed) {
  std::set<std::uint64_t> drawn;
  for (std::uint64_t i = 0; drawn.size() < n; ++i) drawn.insert(bh::range(bh::kth(seed, i), below));
  return {drawn.begin(), drawn.end()};
}

Values run(std::uint64_t first, std::uint64_t n) {
  Values values(n);
  for (std::uint64_t i = 0; i < n; ++i) values[i] = first + i;
  return values;
}

template <typename Break>
void refuses(const EliasFano& set, Break&& spoil) {
  Payload lows(set.shape().lows_bits()), highs(set.shape().highs_bits());
  std::ranges::copy(set.lows().bytes(), lows.writable());
  std::ranges::copy(set.highs().bytes(), highs.writable());
  spoil(lows.writable(), highs.writable());
  try {
    EliasFano::load(set.shape(), lows, highs);
  } catch (const bh::CorruptData&) {
    return;
  }
  CHECK(false);
}

void damaged() {
  const auto set = EliasFano::build(Values{3, 70, 71, 900, 4000}, 4095);  // 9 low bits, 8 buckets
  refuses(set, [](auto*, auto* highs) { highs[0] ^= 1; });                // a value fewer
  refuses(set, [](auto* lows, auto*) { lows[1] ^= 0xFF; });               // values that descend
  refuses(set, [](auto*, auto* highs) { highs[1] |= 0x80; });             // beyond the last bucket
  refuses(set, [](auto* lows, auto*) { lows[5] |= 0x80; });
  const auto low = EliasFano::build(Values{1, 4}, 4);
  refuses(low, [](auto* lows, auto*) { lows[0] |= 2; });  // 5
  try {
    EliasFano::load(EliasFanoShape(6, 4095), set.lows(), set.highs());
    CHECK(false);
  } catch (const bh::CorruptData&) {
  }
}

}  // namespace

int main() {
  const auto without_counts = [](std::uint64_t n, std::uint64_t largest) {
    const EliasFanoShape shape(n, largest);
    return shape.lows_bits() + shape.highs_bits() + 32 * ((shape.buckets + 255) / 256);
  };
  CHECK(without_counts(1000, (1 << 20) - 1) == 12152 && EliasFanoShape(1000, (1 << 20) - 1).low_bits == 10);
  CHECK(without_counts(1000000, (1 << 30) - 1) == 12179648 && EliasFanoShape(1000000, (1 << 30) - 1).low_bits == 10);
  CHECK(EliasFanoShape(1000000, kMax).low_bits == 44 && without_counts(1000000, kMax) / 1000000 == 46);
  CHECK(without_counts(10000000, 9999999) == 21250016);

  for (std::uint64_t word : {kMax, std::uint64_t{1} << 63, std::uint64_t{0x8000000000000001}, bh::mix64(5)})
    for (std::uint32_t rank = 0; word != 0; word &= word - 1, ++rank) {
      const std::uint64_t all = word;
      for (std::uint64_t left = all, i = 0; left != 0; left &= left - 1, ++i)
        CHECK(select_one(all, static_cast<std::uint32_t>(i)) == static_cast<std::uint32_t>(std::countr_zero(left)));
    }

  for (const std::uint64_t largest : {std::uint64_t{0}, std::uint64_t{7}, kMax})
    for (const std::uint64_t value : {std::uint64_t{0}, largest / 2, largest}) check_set({value}, largest, 100);
  check_set({0, kMax}, kMax, 300);
  for (const std::uint64_t n : {2, 31, 33, 256, 257, 1000, 30000})
    for (const std::uint64_t below : {n, 2 * n, 1000 * n, std::uint64_t{1} << 62, kMax})
      check_set(draw(n, below, n), below - 1, 3000);
  for (const std::uint64_t n : {33, 5000, 40000}) {  // clusters: one bucket holds nearly all
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1} << 40, kMax - n})
      check_set(run(first, n), kMax, 3000);
    Values far = run(1000, n);
    far.push_back(kMax - 5);
    check_set(far, kMax, 3000);
    far.insert(far.begin(), 1);
    far.insert(far.end() - 1, {kMax / 2, kMax / 2 + 1});
    check_set(far, kMax, 3000);
  }
  damaged();
}
