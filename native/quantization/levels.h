// Tables of levels for the groups of an array: the whole way from values to levels and what they cost.
#pragma once
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "quantization/distinct.h"
#include "quantization/values.h"

namespace bh::quantization {

enum class Method { exact, histogram, uniform };

struct Request {
  Method method;
  Objective objective;
  std::size_t s;
  std::uint32_t bins;            // histogram only
  std::span<const double> grid;  // exact only: the candidates; empty for any value
  bool certify;                  // histogram only: bound the error from below
};

struct Table {
  std::vector<double> levels;           // ascending, in the precision that suits the values
  std::vector<std::size_t> grid_index;  // where each level stands in the grid
  double unit = 1;                      // a power of two: errors and norm are in units of (1 / unit)^2
  double squared_error = 0;             // weighted
  double plain_error = 0;               // without the weights
  double squared_norm = 0;              // of all values, without the weights
  double gap = 0;                       // of the solver; not a number where nothing is certified
};

// An array with its weights (empty, or one for each value in C order) and its groups.
struct Data {
  Values values;
  std::span<const double> weights;
  Grouping grouping;
};

// Calls take(group, table) once for each group, on several threads at once. Results do not depend on the threads.
void solve_groups(const Data& data, const Request& request, std::size_t threads,
                  const std::function<void(std::size_t, const Table&)>& take);

// What given levels cost a group; unbiased levels must enclose it.
Table score_group(const Data& data, std::size_t group, std::span<const double> levels, Objective objective);

// The least and the greatest value of a group.
Range<double> group_range(const Data& data, std::size_t group);

}  // namespace bh::quantization
