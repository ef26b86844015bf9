#include "ranges/locality_hash.h"

#include <array>
#include <utility>

#include "ranges/codes.h"
#include "support/errors.h"
#include "support/storage.h"

namespace bh::ranges {
namespace {

// Returns how many there are.
BH_MULTIVERSION std::size_t place_all(const LocalityShape& shape_in, std::uint64_t seed, const Prefixes& all,
                                      std::uint64_t* places) {
  const LocalityShape shape = shape_in;
  const Prefixes from = all;
  const std::uint64_t mask = (std::uint64_t{1} << shape.block_log) - 1;
  std::array<std::uint64_t, 64> values;
  std::size_t count = 0;
  for (std::size_t at = 0; at < from.codes.size();) {
    const std::size_t n = from.take(at, values.data(), 64);
    for (std::size_t i = 0; i < n; ++i)
      places[count + i] = LocalityHash::place(shape, seed, values[i] >> shape.block_log, values[i] & mask);
    count += n;
  }
  return count;
}

}  // namespace

std::optional<LocalityShape> locality_shape(std::uint64_t n, std::uint32_t value_bits, std::uint64_t budget_bits) {
  std::uint64_t fits = 0, too_large = LocalityShape::kMostModulus + 1;
  while (too_large - fits > 1) {
    const std::uint64_t middle = fits + (too_large - fits) / 2;
    (elias_fano_bits(n, middle - 1) <= budget_bits ? fits : too_large) = middle;
  }
  if (fits == 0) return std::nullopt;
  return LocalityShape(fits, value_bits);
}

Storage<std::uint64_t> places_of(const Prefixes& values, const LocalityShape& shape, std::uint64_t seed) {
  Storage<std::uint64_t> places(values.codes.size());
  places.resize(place_all(shape, seed, values, places.data()));
  return places;
}

LocalityHash LocalityHash::build(Storage<std::uint64_t> places, const LocalityShape& shape, std::uint64_t seed) {
  return LocalityHash(shape, seed, EliasFano::build(sorted_distinct(std::move(places)), shape.modulus - 1));
}

LocalityHash LocalityHash::load(const LocalityShape& shape, std::uint32_t value_bits, std::uint64_t seed,
                                EliasFano set) {
  const std::uint64_t r = shape.modulus;
  if (r == 0 || r > LocalityShape::kMostModulus || shape.block_log != LocalityShape(r, value_bits).block_log ||
      set.shape().largest != r - 1)
    throw CorruptData("the locality hash has parameters that none is built with");
  return LocalityHash(shape, seed, std::move(set));
}

}  // namespace bh::ranges
