#include "streams/shards.h"

#include <nanobind/stl/pair.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/keys.h"

namespace streams = bh::streams;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using streams::Shards;

using Numbers = std::vector<std::uint64_t>;
using Grouped = std::pair<nb::ndarray<nb::numpy, std::uint64_t>, nb::ndarray<nb::numpy, std::uint64_t>>;

// What value(row) gives, grouped by the owners of the rows, and how many each shard owns.
template <typename Value>
std::pair<Numbers, Numbers> grouped(std::span<const std::uint16_t> owners, std::uint16_t shards, const Value& value) {
  Numbers counts = streams::owned(owners, shards), out(owners.size());
  streams::group(owners, counts, value, out);
  return {std::move(out), std::move(counts)};
}

Grouped as_arrays(std::pair<Numbers, Numbers> made) {
  const std::size_t rows = made.first.size(), shards = made.second.size();
  return {as_numpy(std::move(made.first), {rows}), as_numpy(std::move(made.second), {shards})};
}

// Nulls, which some summary must count as skipped, go to the first shard.
std::pair<Numbers, Numbers> rows_of(const HeldKeys& keys, std::uint16_t shards, std::uint64_t seed) {
  const Unlocked unlocked(keys.size());
  const Shards owner(shards, seed);
  std::vector<std::uint16_t> owners(keys.size());
  keys.each_block([&](auto ids, auto rows, std::size_t first) {
    for (std::size_t i = 0; i < ids.size(); ++i) owners[first + (rows.empty() ? i : rows[i])] = owner(ids[i]);
  });
  return grouped(owners, shards, [](std::size_t row) { return row; });
}

std::pair<Numbers, Numbers> integers_of(std::span<const std::uint64_t> ids, std::uint16_t shards, std::uint64_t seed) {
  const Unlocked unlocked(ids.size());
  const Shards owner(shards, seed);
  std::vector<std::uint16_t> owners(ids.size());
  for (std::size_t row = 0; row < ids.size(); ++row) owners[row] = owner(ids[row]);
  return grouped(owners, shards, [&](std::size_t row) { return ids[row]; });
}

}  // namespace

void bind_shards(nb::module_& m) {
  m.def(
      "shard_rows",
      [](const HeldKeys& keys, std::uint16_t shards, std::uint64_t seed) {
        return as_arrays(rows_of(keys, shards, seed));
      },
      "keys"_a, "shards"_a, "seed"_a);
  m.def(
      "shard_integers",
      [](const Array<std::uint64_t>& keys, std::uint16_t shards, std::uint64_t seed) {
        return as_arrays(integers_of(span(keys), shards, seed));
      },
      "keys"_a.noconvert(), "shards"_a, "seed"_a);
}
