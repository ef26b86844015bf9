// Where a path as cheap as a known one may have its levels (branch and bound on cells).
//
// A level may lie anywhere in the cell around a point of a chain. How fast the total of the cheapest way to a place
// grows along a cell, its slope, is taken off where a link ends and put on where the next one starts: along a path this
// adds up to nothing, but with it the least that a link from one cell to another costs is known to the second order of
// their lengths (piece.h). Sums of these bounds, forward and backward, rule cells out; those of an optimal path stay.
#pragma once
#include <vector>

#include "quantization/chain.h"

namespace bh::quantization {

struct Narrowed {
  double bound;             // no path with so many links costs less, wherever in the cells its levels are
  double doubt;             // how far that is below `cost`
  std::vector<char> alive;  // the points whose cells a path that costs at most `cost` may enter
};

// `price` is that of a link, and `cost` what a path with `links` links is known to cost. `expected` is a guess at the
// doubt, which saves time.
template <Objective kind>
Narrowed narrow(const Chain& chain, std::size_t links, double price, double cost, double expected);

}  // namespace bh::quantization
