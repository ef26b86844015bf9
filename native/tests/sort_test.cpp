#include "support/sort.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "support/hash.h"

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of every size and sign, with duplicates, both zeros, subnormals and infinities among them.
std::vector<float> hard_values(std::size_t n) {
  const float special[] = {0.0f, -0.0f, kInfinity, -kInfinity, 1e-45f, -1e-45f, 3.4e38f, -3.4e38f, 1.0f, -1.0f};
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t h = bh::kth(n, i);
    const float random = bh::from_ordered_bits(static_cast<std::uint32_t>(h >> 32));
    x[i] = h % 4 != 0 && !std::isnan(random) ? random : special[h / 4 % std::size(special)];
  }
  return x;
}

bool same_bits(float a, float b) { return bh::ordered_bits(a) == bh::ordered_bits(b); }

bool in_order(float a, float b) { return bh::ordered_bits(a) < bh::ordered_bits(b); }

void ordered_bits_keep_the_order_and_come_back() {
  const float ascending[] = {-kInfinity, -1.5f, -1e-45f, -0.0f, 0.0f, 1e-45f, 1.5f, kInfinity};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    CHECK(same_bits(bh::from_ordered_bits(bh::ordered_bits(ascending[i])), ascending[i]));
    if (i > 0) CHECK(bh::ordered_bits(ascending[i - 1]) < bh::ordered_bits(ascending[i]));
  }
}

void sort_values_agrees_with_std_sort(std::size_t n) {
  const std::vector<float> x = hard_values(n);
  std::vector<float> untouched = x, sorted(n), scratch(n), expected = x;
  bh::sort_values(x, sorted, scratch);
  std::sort(expected.begin(), expected.end());
  CHECK(sorted == expected);  // as numbers: below some size the two zeros may come in any order
  CHECK(std::equal(x.begin(), x.end(), untouched.begin(), same_bits));
  std::sort(sorted.begin(), sorted.end(), in_order);
  std::sort(expected.begin(), expected.end(), in_order);
  CHECK(std::equal(sorted.begin(), sorted.end(), expected.begin(), same_bits));
}

void sort_keyed_agrees_with_a_stable_sort_of_positions(std::size_t n) {
  const std::vector<float> x = hard_values(n);
  std::vector<bh::Keyed> sorted(n), scratch(n);
  bh::sort_keyed(x, sorted, scratch);
  std::vector<std::uint32_t> positions(n);
  for (std::size_t i = 0; i < n; ++i) positions[i] = static_cast<std::uint32_t>(i);
  std::stable_sort(positions.begin(), positions.end(), [&x](auto a, auto b) { return in_order(x[a], x[b]); });
  for (std::size_t i = 0; i < n; ++i) {
    CHECK(static_cast<std::uint32_t>(sorted[i]) == positions[i]);
    CHECK(sorted[i] >> 32 == bh::ordered_bits(x[positions[i]]));
  }
}

// Halves of doubles agree often here, so that the rest has to decide.
void sort_positions_agrees_with_a_stable_sort(std::size_t n) {
  const double bases[] = {0.0, 1.0, -1.0, 1e-300, 1e300};
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t h = bh::kth(n, i);
    x[i] = bases[h % 5] + std::ldexp(static_cast<double>(h / 5 % 1000), h % 7 == 0 ? -10 : -50);
  }
  std::vector<std::uint32_t> sorted(n), expected(n);
  bh::sort_positions(x, sorted);
  for (std::size_t i = 0; i < n; ++i) expected[i] = static_cast<std::uint32_t>(i);
  std::stable_sort(expected.begin(), expected.end(), [&x](auto a, auto b) { return x[a] < x[b]; });
  CHECK(sorted == expected);
}

}  // namespace

int main() {
  ordered_bits_keep_the_order_and_come_back();
  for (const std::size_t n : {0, 1, 2, 3, 100, 1023, 1024, 1025, 5000, 70000}) {
    sort_values_agrees_with_std_sort(n);
    sort_keyed_agrees_with_a_stable_sort_of_positions(n);
    sort_positions_agrees_with_a_stable_sort(n);
  }
}
