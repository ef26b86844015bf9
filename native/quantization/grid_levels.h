// Levels among given candidates.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "quantization/distinct.h"

namespace bh::quantization {

struct GridLevels {
  std::vector<std::size_t> index;  // where each level stands in the grid
  double gap;                      // of the solver
};

// At most s of the candidates in `grid`, which ascends and must cover the values: those of least unbiased error.
template <typename T>
GridLevels grid_levels(const Distinct<T>& values, std::span<const double> grid, std::size_t s, double unit);

}  // namespace bh::quantization
