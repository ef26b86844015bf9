#include "support/bits.h"

#include "check.h"

int main() {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};

  constexpr bh::Product largest = bh::product(kMax, kMax);
  CHECK(largest.high == kMax - 1 && largest.low == 1);
  CHECK(bh::product(1ull << 32, 1ull << 32).high == 1);
  CHECK(bh::product(3, 5).high == 0 && bh::product(3, 5).low == 15);

  CHECK(bh::checked_product(kMax, 1) == kMax);
  CHECK(bh::checked_product(kMax, 0) == 0u);
  CHECK(bh::checked_product((1ull << 32) - 1, (1ull << 32) + 1) == kMax);
  CHECK(!bh::checked_product(1ull << 32, 1ull << 32));
  CHECK(!bh::checked_product(kMax, 2));
}
