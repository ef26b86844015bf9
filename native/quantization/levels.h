// Tables of levels for the groups of an array: the whole way from values to levels and what they cost.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/cost.h"
#include "quantization/values.h"

namespace bh::quantization {

struct Request {
  Method method;  // uniform, histogram or exact
  Objective objective;
  std::size_t n_levels;
  std::uint32_t bins = 0;             // histogram only
  std::span<const double> grid = {};  // exact only: the candidates; empty for any value
  bool certify = false;               // histogram only: bound the error from below
  bool score = true;                  // uniform only: whether the cost is wanted; else it is not a number
};

// An array with its weights (empty, or one for each value in C order) and its groups.
struct Data {
  Values values;
  Grouping grouping;
  std::span<const double> weights = {};
  double weight_unit = 1;  // a power of two that the weights were divided by
  // The values of each group in order, in memory that nobody else has, to be worked on; null where they are not sorted
  // yet. Groups of `grouping` by blocks lie where they were, others one after the other.
  void* ascending = nullptr;
};

// The tables of all groups, one in each row.
struct Tables {
  std::size_t columns;                   // how many levels there is room for
  std::vector<double> levels;            // ascending, in the precision that suits the values; then the last one again
  std::vector<std::int64_t> grid_index;  // where each level stands in the grid, if there is one
  std::vector<std::int64_t> counts;      // how many levels each group got
  Cost cost;
};

// Results do not depend on the threads.
Tables solve_groups(const Data& data, const Request& request, std::size_t threads);

// What given levels cost, counts[group] of them in each row; unbiased levels must enclose their group.
Cost score_groups(const Data& data, std::span<const double> levels, std::span<const std::int64_t> counts,
                  Objective objective);

// The least and the greatest value of each group, side by side.
std::vector<double> group_ranges(const Data& data);

}  // namespace bh::quantization
