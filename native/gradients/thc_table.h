// Tables of THC (Li et al., NSDI 2024): which of the points 0 .. granularity, equally spaced over -t .. t, the 2^b
// codes stand for. The best table has the least expected variance of stochastic rounding for a standard normal
// coordinate.
#pragma once
#include <cstdint>
#include <vector>

namespace bh::gradients {

struct ThcTable {
  std::vector<std::uint16_t> values;  // strictly ascending, from 0 to the granularity
  double rounding_cost;               // expected variance within -t .. t
};

// Takes 2 <= levels <= granularity + 1. A symmetric table, for even levels, mirrors itself: T[levels - 1 - z] =
// granularity - T[z]. Ties: the smallest predecessor, which only an improvement above 1e-13 replaces.
ThcTable thc_table(int levels, int granularity, double half_range, bool symmetric);

// The cost of these values for coordinates N(0, scale^2), of any strictly ascending table that starts at 0.
double rounding_cost(const std::vector<std::uint16_t>& values, double half_range, double scale);

}  // namespace bh::gradients
