// Rounding to levels: stochastic (to one of the two neighboring levels at random, unbiased), or to the nearest.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/values.h"

namespace bh::quantization {

// How many values cannot be rounded, which the caller may refuse.
struct Tally {
  std::uint32_t nonfinite = 0;
  std::uint32_t outside = 0;
};

constexpr std::size_t kMostAtOnce = 1024;  // values in one call

// One group's levels as kernels read them. `edges` are sorted thresholds, and b, the number of those that a value
// reaches, is where all else is looked up. Every column is padded to a power of two, at least 16, so that no look-up
// leaves it.
template <typename Real>
struct RoundingTable {
  void prepare(std::span<const Real> levels, Objective objective);

  std::size_t size = 0;
  bool nearest = false;
  Real first = 0, last = 0;
  std::vector<Real> edges;  // then +inf
  std::vector<Real> low;    // the level below; in float64 times `half`
  std::vector<Real> gap;    // float32: its inverse, 0 at the last level; float64: the gap itself times `half`, then inf
  std::vector<Real> half;   // float64 only: 0.5 where the gap overflows, else 1
};

// Whether float32 cannot tell these levels apart when it rounds at random: gaps are too small, or the range overflows.
bool needs_double(std::span<const float> levels, Objective objective);

// Rounds the values of one group, in float64 where float32 could not tell the levels apart.
template <typename Real>
class Rounder {
 public:
  // Takes ascending finite levels, at least one; repeated ones are allowed.
  void prepare(std::span<const Real> levels, Objective objective);
  // Codes at most kMostAtOnce values; `words` holds one random word for each, and is not read for Objective::mse.
  Tally round(std::span<const Real> x, const std::uint32_t* words, std::uint16_t* codes) const;
  // What it rounds by; null where that is in float64 instead.
  const RoundingTable<Real>* table() const { return wide_ ? nullptr : &table_; }

 private:
  bool wide_ = false;
  RoundingTable<Real> table_;
  RoundingTable<double> wide_table_;  // empty unless wide_
};

}  // namespace bh::quantization
