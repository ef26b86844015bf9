#include "ranges/bloom.h"

#include <array>
#include <numbers>

#include "support/errors.h"

namespace bh::ranges {

BloomShape::BloomShape(std::uint64_t n, std::uint64_t budget_bits)
    : bits(std::min(budget_bits, Bloom::kMostBits) / 64 * 64) {
  const double best = std::numbers::ln2 * static_cast<double>(bits) / static_cast<double>(n);
  probes = static_cast<std::uint32_t>(std::clamp<double>(std::round(best), 1, Bloom::kMostProbes));
}

double BloomShape::rate(std::uint64_t n) const {
  if (bits == 0) return 1;
  const double set = -std::expm1(-static_cast<double>(probes) * static_cast<double>(n) / static_cast<double>(bits));
  return std::pow(set, probes);
}

Bloom Bloom::build(const Prefixes& values, const BloomShape& shape, std::uint64_t seed) {
  Bloom filter(shape, seed, Payload(shape.bits));
  std::uint8_t* bytes = filter.payload_.writable();
  std::array<std::uint64_t, 64> some;
  for (std::size_t at = 0; at < values.codes.size();) {
    const std::size_t n = values.take(at, some.data(), 64);
    for (std::size_t k = 0; k < n; ++k)
      for (std::uint32_t i = 0; i < shape.probes; ++i) {
        const std::uint64_t place = filter.bit(some[k], i);
        bytes[place / 8] |= static_cast<std::uint8_t>(1u << place % 8);
      }
  }
  return filter;
}

Bloom Bloom::load(const BloomShape& shape, std::uint64_t seed, Payload payload) {
  if (shape.bits == 0 || shape.bits % 64 != 0 || shape.bits > kMostBits || shape.probes < 1 ||
      shape.probes > kMostProbes)
    throw CorruptData("the Bloom filter has parameters that none is built with");
  if (payload.size() != shape.bits / 8) throw CorruptData("the Bloom filter has another size than it says");
  return Bloom(shape, seed, std::move(payload));
}

}  // namespace bh::ranges
