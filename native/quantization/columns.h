// Rounding and looking up where each column of a matrix has a table of its own, as neighbors then have different ones:
// sixteen columns at a time, down the rows. The codes are those of Rounder<float>.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/stochastic.h"
#include "quantization/values.h"
#include "support/simd.h"

namespace bh::quantization {

constexpr std::size_t kStripe = 16;             // columns that are treated together
constexpr std::size_t kMostColumnLevels = 256;  // more are not worth it: tables of a stripe must stay close at hand

// The tables of all columns as kernels read them: entry t of sixteen columns side by side, stripe after stripe. The
// last stripe is filled up with columns that anything fits.
class ColumnTables {
 public:
  // Row g of `levels`, `width` wide, has counts[g] levels. Not usable() where a column has too many levels, or some
  // that float32 cannot tell apart.
  ColumnTables(std::span<const float> levels, std::size_t width, std::span<const std::int64_t> counts,
               Objective objective);
  bool usable() const { return usable_; }

  // Codes `rows` rows of the columns that there are, one after the other in x, words and codes; the words are not read
  // for Objective::mse. kStripe more items after the last one can be read in x and words, finite ones in x.
  Tally round(const float* x, const std::uint32_t* words, std::size_t rows, std::uint8_t* codes, Isa isa) const;

 private:
  std::size_t columns_, size_ = 0;
  bool nearest_, usable_ = true;
  std::vector<float> top_;    // every sixteenth edge, where there are more than sixteen
  std::vector<float> edges_;  // sorted thresholds, then +inf: b is the number of those that a value reaches
  std::vector<float> low_;    // the level below
  std::vector<float> gap_;    // the inverse of the gap above it
  std::vector<float> first_, last_;
};

// Replaces code c in column j by item c of row j of `table`, `width` wide, down `rows` rows of `columns` codes.
template <typename Item>
void look_up_columns(const Item* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                     std::size_t columns, Item* items, Isa isa);

}  // namespace bh::quantization
