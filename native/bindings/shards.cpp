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
#include "support/storage.h"

namespace streams = bh::streams;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using streams::Shards;

using Numbers = nb::ndarray<nb::numpy, std::uint64_t>;

// What was grouped by shards, and how many rows each shard owns.
struct Grouped {
  bh::Storage<std::uint64_t> values;
  std::vector<std::uint64_t> counts;
};

template <typename Value>
Grouped grouped(std::span<const std::uint16_t> owners, std::uint16_t shards, const Value& value) {
  Grouped made{bh::Storage<std::uint64_t>(owners.size()), {}};
  made.counts = streams::group(owners, shards, value, made.values);
  return made;
}

std::pair<Numbers, Numbers> as_arrays(Grouped made) {
  auto* kept = new bh::Storage<std::uint64_t>(std::move(made.values));
  const nb::capsule owner(kept, [](void* it) noexcept { delete static_cast<bh::Storage<std::uint64_t>*>(it); });
  const std::size_t shards = made.counts.size();
  return {Numbers(kept->data(), {kept->size()}, owner), as_numpy(std::move(made.counts), {shards})};
}

// Nulls, which some summary must count as skipped, go to the first shard.
Grouped rows_of(const HeldKeys& keys, std::uint16_t shards, std::uint64_t seed) {
  const Unlocked unlocked(keys.size());
  const Shards owner(shards, seed);
  std::vector<std::uint16_t> owners(keys.size());  // nulls keep the first
  keys.each_block([&](auto ids, auto rows, std::size_t first) {
    for (std::size_t i = 0; i < ids.size(); ++i) owners[first + (rows.empty() ? i : rows[i])] = owner(ids[i]);
  });
  return grouped(owners, shards, [](std::size_t row) { return row; });
}

Grouped integers_of(std::span<const std::uint64_t> ids, std::uint16_t shards, std::uint64_t seed) {
  const Unlocked unlocked(ids.size());
  const Shards owner(shards, seed);
  bh::Storage<std::uint16_t> owners(ids.size());
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
