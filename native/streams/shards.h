// Which of several shards owns a key, and the rows of a batch in the order of their owners.
//
// The hash is one of its own (purpose 9): by the hash that picks a bucket or a slot, a shard would see only keys of a
// slice of its table.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
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

// Writes value(row) of each row, those of the first shard first, in their order within each; returns how many rows each
// shard owns. Four quarters of the rows advance together, each with counters of its own: two increments of one counter
// wait for each other, and with few shards most would.
template <typename Value>
std::vector<std::uint64_t> group(std::span<const std::uint16_t> owners, std::uint16_t shards, const Value& value,
                                 std::span<std::uint64_t> out) {
  constexpr std::size_t kLanes = 4;
  const std::size_t quarter = owners.size() / kLanes;
  std::array<std::vector<std::uint64_t>, kLanes> lanes;
  lanes.fill(std::vector<std::uint64_t>(shards));
  const auto each_row = [&](const auto& visit) {
    for (std::size_t i = 0; i < quarter; ++i)
      for (std::size_t lane = 0; lane < kLanes; ++lane) visit(lanes[lane], lane * quarter + i);
    for (std::size_t row = kLanes * quarter; row < owners.size(); ++row) visit(lanes[kLanes - 1], row);
  };
  each_row([&](auto& counts, std::size_t row) { ++counts[owners[row]]; });
  std::vector<std::uint64_t> owned(shards);
  std::uint64_t place = 0;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    const std::uint64_t first = place;
    for (auto& counts : lanes) place += std::exchange(counts[shard], place);
    owned[shard] = place - first;
  }
  each_row([&](auto& next, std::size_t row) { out[next[owners[row]]++] = value(row); });
  return owned;
}

}  // namespace bh::streams
