// What tables of levels cost, each group and all of them together.
#pragma once
#include <optional>
#include <span>
#include <vector>

namespace bh::quantization {

// Squares of huge and of tiny values leave the range of doubles, so that each group has a unit of its own.
struct GroupCost {
  double unit = 1;           // a power of two: errors and norm are in units of (1 / unit)^2
  double squared_error = 0;  // weighted
  double plain_error = 0;    // without the weights
  double squared_norm = 0;   // of all values, without the weights
  double gap = 0;            // of the solver; not a number where nothing is certified
};

struct Cost {
  std::vector<double> group_squared_error;  // weighted; inf where squares overflow
  double squared_error = 0;                 // their sum
  double vnmse = 0;                         // the unweighted error over the norm; 0 for data that are all 0
  std::optional<double> gap;                // the share of `squared_error` that better levels could save at most
};

// `weight_unit` is a power of two that the weights were divided by.
Cost total(std::span<const GroupCost> groups, double weight_unit);

}  // namespace bh::quantization
