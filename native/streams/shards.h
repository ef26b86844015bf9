// Which of several shards owns a key, and the rows of a batch in the order of their owners.
//
// The hash is one of its own (purpose 9): by the hash that picks a bucket or a slot, a shard would see only keys of a
// slice of its table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/hash.h"

namespace bh::streams {

class Shards {
 public:
  Shards(std::uint16_t count, std::uint64_t seed) : count_(count), hash_(seed, 9) {}

  std::uint16_t operator()(std::uint64_t id) const { return static_cast<std::uint16_t>(range(hash_(id), count_)); }

 private:
  std::uint64_t count_;
  Mix hash_;
};

// How many rows each shard owns.
inline std::vector<std::uint64_t> owned(std::span<const std::uint16_t> owners, std::uint16_t shards) {
  std::vector<std::uint64_t> counts(shards);
  for (const std::uint16_t owner : owners) ++counts[owner];
  return counts;
}

// Writes value(row) of each row, those of the first shard first, in their order within each.
template <typename Value>
void group(std::span<const std::uint16_t> owners, std::span<const std::uint64_t> counts, const Value& value,
           std::span<std::uint64_t> out) {
  std::vector<std::size_t> next(counts.size());
  for (std::size_t shard = 1; shard < counts.size(); ++shard) next[shard] = next[shard - 1] + counts[shard - 1];
  for (std::size_t row = 0; row < owners.size(); ++row) out[next[owners[row]]++] = value(row);
}

}  // namespace bh::streams
