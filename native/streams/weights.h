// Weights of a batch, and totals that never wrap.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "support/errors.h"

namespace bh::streams {

constexpr std::uint64_t kMostTotal = 0x7FFFFFFFFFFFFFFF;

inline std::uint64_t added(std::uint64_t total, std::uint64_t weight) {
  if (weight > kMostTotal - total)
    throw CapacityExceeded("the total weight would pass 2**63 - 1, the most that a summary counts; start a new one");
  return total + weight;
}

// The total after a batch of n keys; no weights are n times 1.
inline std::uint64_t total_after(std::uint64_t total, std::size_t n, std::span<const std::uint64_t> weights) {
  if (weights.empty()) return added(total, n);
  for (const std::uint64_t weight : weights) total = added(total, weight);
  return total;
}

// How many of the first weights are 1: structures that know only these change their ways at the next.
inline std::size_t leading_ones(std::size_t n, std::span<const std::uint64_t> weights) {
  if (weights.empty()) return n;
  std::size_t ones = 0;
  while (ones < n && weights[ones] == 1) ++ones;
  return ones;
}

}  // namespace bh::streams
