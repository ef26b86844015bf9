#include "ranges/locality_hash.h"

#include <utility>

#include "ranges/codes.h"
#include "support/errors.h"
#include "support/storage.h"

namespace bh::ranges {
namespace {

BH_MULTIVERSION void place_all(const LocalityShape& shape_in, std::uint64_t seed, std::uint64_t* values,
                               std::size_t n) {
  const LocalityShape shape = shape_in;
  const std::uint64_t mask = (std::uint64_t{1} << shape.block_log) - 1;
  for (std::size_t i = 0; i < n; ++i)
    values[i] = LocalityHash::place(shape, seed, values[i] >> shape.block_log, values[i] & mask);
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

Storage<std::uint64_t> places_of(Storage<std::uint64_t> values, const LocalityShape& shape, std::uint64_t seed) {
  place_all(shape, seed, values.data(), values.size());
  return values;
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
