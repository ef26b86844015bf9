// Which solver runs where.
#pragma once
#include "quantization/chain.h"

namespace bh::quantization {

struct Solution {
  Path path;
  double cost;
  double gap;  // no path costs less than (1 - gap) of this one's cost; 0 where that is at most kDoubt
};

constexpr double kDoubt = 1e-9;  // of the cost: what rounding may leave open, and what "exact" means

// Where cells rule out most values. Other numbers change the time, never the error of what is found.
struct Effort {
  std::size_t cells = 32;           // for each link, of the first, coarse chain ...
  std::size_t least_cells = 16;     // ... or fewer, for its price alone
  std::size_t values_per_cell = 8;  // at least so many in each
  std::size_t values = 32;          // for each square of the links: with fewer, cells rule out too little
  std::size_t parts = 4;            // that a cell is cut into
  double work = 2;                  // squared points of a chain for each link and value: with more, too
};

// The cheapest path from the first point to the last with `links` links, 1 <= links < points.size(). `price` is where
// the search for the price of a link starts (0: unknown), and becomes what it ended with.
template <typename T, Objective kind>
Solution solve(const Ascending<T, kind>& values, std::size_t links, double& price, const Effort& effort = {});
template <Objective kind>
Solution solve(const Chain& chain, std::size_t links, double& price);

}  // namespace bh::quantization
