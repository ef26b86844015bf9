// Instruction sets: locality_hash
#include "ranges/locality_hash.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "ranges/codes.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

using Values = std::vector<std::uint64_t>;

std::uint64_t seed_of(std::uint64_t seed) { return part_seed(seed, Tag::locality); }

LocalityHash build(const Values& values, std::uint32_t bits, std::uint64_t budget, std::uint64_t seed) {
  const auto shape = locality_shape(values.size(), bits, budget);
  CHECK(shape);
  const auto hash = LocalityHash::build(places_of({values, 0}, *shape, seed_of(seed)), *shape, seed_of(seed));
  CHECK(hash.bits() <= budget);
  return hash;
}

// The share of seeds with which a range of c values seems to hold one, though none is within 100 of it.
double rate(const Values& values, std::uint64_t modulus, std::uint64_t a, std::uint64_t c, std::uint64_t seeds) {
  const LocalityShape shape(modulus, 64);
  double hits = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed)
    hits += LocalityHash::build(places_of({values, 0}, shape, seed_of(seed)), shape, seed_of(seed)).any(a, a + c - 1);
  return hits / static_cast<double>(seeds);
}

}  // namespace

int main() {
  const LocalityShape golden(1280000000, 64);
  CHECK(golden.block_log == 30);
  CHECK(LocalityHash::place(golden, seed_of(0), 0x123456789ABC >> 30, 0x123456789ABC & ((1 << 30) - 1)) == 30846897);

  // Whatever was put in is found, at any length and across the ends of blocks.
  for (const std::uint64_t n : {1, 2, 300, 5000}) {
    Values values;
    for (std::uint64_t i = 0; i < n; ++i) values.push_back(bh::kth(n, i / 3) + i % 3);
    values[0] = ~std::uint64_t{0};
    const auto hash = build(values, 64, 12 * n + 200, n);
    for (const std::uint64_t value : values)
      for (const std::uint64_t before : {0, 1, 1000, 1 << 30})
        CHECK(hash.any(value - std::min<std::uint64_t>(before, value), value) && hash.any(value, value | before));
    CHECK(hash.any(0, ~std::uint64_t{0}));
  }

  // All values of few bits lie in one block, and then it is exact.
  const Values few{3, 100, 255};
  const auto exact = build(few, 8, 400, 0);
  for (std::uint64_t a = 0; a < 256; ++a)
    for (std::uint64_t b = a; b < 256; ++b)
      CHECK(exact.any(a, b) == std::ranges::any_of(few, [&](std::uint64_t value) { return a <= value && value <= b; }));

  // The largest modulus that fits, and none where none does.
  for (const std::uint64_t n : {1, 100, 12345})
    for (const std::uint64_t budget : {3 * n + 100, 12 * n, 60 * n}) {
      const auto shape = locality_shape(n, 64, budget);
      if (!shape) continue;
      CHECK(elias_fano_bits(n, shape->modulus - 1) <= budget && shape->block_log <= 62);
      CHECK(shape->modulus == LocalityShape::kMostModulus || elias_fano_bits(n, shape->modulus) > budget);
    }
  CHECK(!locality_shape(1000, 64, 1000));

  // Against the formulas of the model, each within four standard deviations: scattered, then dense values.
  Values scattered, dense;
  for (std::uint64_t i = 0; i < 200; ++i) scattered.push_back(bh::kth(9, i)), dense.push_back((1ull << 50) + 2 * i);
  const auto close = [](double is, double want, double seeds) {
    return std::abs(is - want) < 4 * std::sqrt(want * (1 - want) / seeds);
  };
  CHECK(close(rate(scattered, 12800, 1ull << 40, 16, 20000), 1 - std::exp(-16 * 200 / 12800.0), 20000));
  CHECK(close(rate(dense, 12800, 1ull << 40, 16, 20000), 1 - std::exp(-(2 * 199 + 16) / 12800.0), 20000));

  const auto hash = build(scattered, 64, 2400, 1);
  const auto refused = [&](std::uint64_t modulus, std::uint32_t block_log) {
    LocalityShape shape = hash.shape();
    shape.modulus = modulus, shape.block_log = block_log;
    try {
      LocalityHash::load(shape, 64, seed_of(1), hash.set());
    } catch (const bh::CorruptData&) {
      return true;
    }
    return false;
  };
  const std::uint64_t r = hash.shape().modulus;
  const std::uint32_t s = hash.shape().block_log;
  CHECK(!refused(r, s) && refused(r, s - 1) && refused(r, s + 1) && refused(r - 1, s) && refused(0, 0));
}
