#include "ranges/bloom.h"

#include <cmath>
#include <vector>

#include "check.h"
#include "ranges/codes.h"
#include "support/errors.h"

using namespace bh::ranges;

int main() {
  const std::uint64_t seed = part_seed(0, Tag::bloom);
  const auto bit = [&](std::uint64_t i) { return bh::range(bh::kth(0x123456789ABC ^ seed, i), 8000000); };
  CHECK(bit(0) == 4159643 && bit(1) == 2675134 && bit(2) == 7722049);

  constexpr std::uint64_t kValues = 100000;
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < kValues; ++i) values.push_back(2 * (bh::mix64(i) >> 1));
  for (const std::uint64_t bits : {8, 12, 16}) {
    const BloomShape shape(kValues, bits * kValues + 63);
    CHECK(shape.bits == bits * kValues && shape.probes == std::lround(0.6931 * static_cast<double>(bits)));
    const auto filter = Bloom::build(values, shape, seed);
    CHECK(filter.bits() == shape.bits);
    for (const std::uint64_t value : values) CHECK(filter.has(value) && filter.any(value - 1, value + 1));
    for (std::uint64_t i = 0; i < 3000; ++i) {
      const std::uint64_t a = values[bh::range(bh::kth(i, 1), kValues)] + i % 3, length = bh::kth(i, 2) % 200;
      bool any = false;
      for (std::uint64_t value = a; value <= a + length; ++value) any |= filter.has(value);
      CHECK(filter.any(a, a + length) == any);
    }
    double hits = 0, long_hits = 0;
    constexpr std::uint64_t kAsked = 2000000, kRanges = kAsked / 16;
    for (std::uint64_t i = 0; i < kAsked; ++i) hits += filter.has(bh::mix64(i + kAsked) | 1);
    const double p = shape.rate(kValues);
    CHECK(std::abs(hits / kAsked / p - 1) < 0.05 + 3.3 / std::sqrt(kAsked * p));
    for (std::uint64_t i = 0; i < kRanges; ++i) {
      const std::uint64_t a = bh::mix64(i + 2 * kAsked);
      long_hits += filter.any(a, a < ~std::uint64_t{15} ? a + 15 : a);
    }
    const double many = 1 - std::pow(1 - p, 16);
    CHECK(std::abs(long_hits / kRanges / many - 1) < 0.05 + 3.3 / std::sqrt(kRanges * many));
  }
  CHECK(BloomShape(10, 63).bits == 0 && BloomShape(10, 63).rate(10) == 1 &&
        BloomShape(1, ~0ull).bits == Bloom::kMostBits);
  CHECK(BloomShape(1, 6400).probes == 32 && BloomShape(6400, 64).probes == 1);

  const auto refused = [&](std::uint64_t bits, std::uint32_t probes, std::uint64_t stored) {
    BloomShape shape;
    shape.bits = bits, shape.probes = probes;
    try {
      Bloom::load(shape, 0, Payload(stored));
    } catch (const bh::CorruptData&) {
      return true;
    }
    return false;
  };
  CHECK(!refused(128, 32, 128) && refused(128, 33, 128) && refused(128, 0, 128) && refused(0, 1, 0));
  CHECK(refused(128, 1, 64) && refused(100, 1, 100) && refused(Bloom::kMostBits + 64, 1, 64));
}
