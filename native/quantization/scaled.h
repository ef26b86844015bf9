// Blocks of values with a scale each, coded by one table of levels for all of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/codes.h"
#include "quantization/format.h"

namespace bh::quantization {

// Fills `bytes`, all header.total_bytes() of them, and returns the header with the values clipped. Real is float if
// header.single(). Throws InvalidInput for NaN, infinity, and, unless `clip`, values beyond what the largest scale
// reaches where rounding is to be unbiased.
template <typename Real>
CodesHeader encode_scaled(CodesHeader header, const Values& values, std::span<const Real> levels, EncodeOptions options,
                          std::span<std::byte> bytes);

// Values beyond the largest finite one are clamped to it.
template <typename Real>
void decode_scaled(const CodesHeader& header, Bytes bytes, const Selection& selection, std::size_t threads,
                   std::span<Real> values);

// The scale of each block.
void read_scales(const CodesHeader& header, Bytes bytes, std::span<double> scales);

struct ScaledRequest {
  Objective objective;
  std::size_t n_levels;
  Scale scale;
  bool zero;  // whether 0 must be a level
};

struct ScaledTable {
  std::vector<double> levels;
  std::vector<double> losses;  // the squared error over the squared norm after each step; those of a sample first
  double squared_error, vnmse;
  bool exact;  // the table is optimal for the scales that were last found
};

// One table for all values, `blocks` of which have a scale each. Results do not depend on the threads.
ScaledTable scaled_levels(const Values& values, const Grouping& blocks, const ScaledRequest& request,
                          std::size_t threads);

// What a given table costs.
ScaledTable score_scaled(const Values& values, const Grouping& blocks, std::span<const double> levels,
                         Objective objective, Scale scale, std::size_t threads);

}  // namespace bh::quantization
