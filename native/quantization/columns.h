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

// The tables of all columns as kernels read them, stripe after stripe. The last stripe is filled up with columns that
// anything fits.
class ColumnTables {
 public:
  // Row g of `levels`, `width` wide, has counts[g] levels. Not usable() where a column has too many levels, or some
  // that float32 cannot tell apart. What only pays for many rows is left out where the matrix has fewer.
  ColumnTables(std::span<const float> levels, std::size_t width, std::span<const std::int64_t> counts,
               Objective objective, std::size_t rows);
  bool usable() const { return usable_; }

  // Codes `rows` rows of the columns that there are, one after the other in x, words and codes; the words are not read
  // for Objective::mse. kStripe more items after the last one can be read in x and words, finite ones in x.
  Tally round(const float* x, const std::uint32_t* words, std::size_t rows, std::uint8_t* codes, Isa isa) const;

 private:
  // Cuts the range of a column into cells of equal length, each of which knows how many edges lie below it.
  void cut(std::size_t column, std::span<const float> edges);

  std::size_t columns_, size_ = 0, width_ = 0;
  bool nearest_, usable_ = true;
  std::vector<float> top_;    // all edges of sixteen levels, else every sixteenth; those of a stripe side by side
  std::vector<float> edges_;  // a column after the other: its first level, sorted thresholds, then NaN
  std::vector<std::uint8_t> start_;       // of the cells, likewise; then three bytes more, as kernels read four
  std::vector<float> origin_, per_unit_;  // where the cells of a column begin, and how many are in a length of 1
  std::vector<int> steps_;                // of a stripe: edges in a cell at most, 0 where there are no cells
  std::vector<float> first_, last_;
};

// Replaces code c in column j by item c of row j of `table`, `width` wide, down `rows` rows of `columns` codes.
template <typename Item>
void look_up_columns(const Item* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                     std::size_t columns, Item* items, Isa isa);

}  // namespace bh::quantization
