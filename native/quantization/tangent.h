// Branch and bound as in coarse_to_fine.h, on reduced costs: bounds on cells that take the slope of the optimal path
// off first, so that what is left is bounded by tangents.
//
// Every interior level i gets a potential p_i >= 0, and a link from node k at level i to node j at level i + 1 costs
// p_i x_k - p_(i+1) x_j more. Along a path this adds up to nothing, so that no path's cost changes; but with p_i the
// slope at which the optimum balances, the bound on a cell is tight to the second order of its width.
#pragma once
#include "quantization/coarse_to_fine.h"

namespace bh::quantization {

// The cheapest path with `links` links, 3 <= links < cost.size(), by searching where it may pass ever more finely.
Search tangent(const UnbiasedCost& cost, std::size_t links, std::uint64_t cap, double slack = 1);

// No path through these cells with as many links as `path`, and no levels inside the cells either, cost less than this.
// Cells ascend and hold all nodes; the bound is the tighter the better the path.
double lower_bound(const UnbiasedCost& cost, const Path& path, const Cells& cells);

}  // namespace bh::quantization
