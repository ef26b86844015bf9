// Branch and bound (Land, Doig 1960), from coarse to fine: bounds on whole cells of nodes rule out where no optimal
// path can pass, and what is left is split, until single nodes are left.
//
// A link from cell A to cell B costs at least what lies between the last node of A and the first of B. Forward and
// backward sums of these bounds that exceed the cost of a known path exclude a cell; those of an optimal path survive.
#pragma once
#include <cstdint>

#include "quantization/cells.h"

namespace bh::quantization {

// What became of a search that may be given up.
struct Search {
  enum class End { optimal, capped, failed } end;
  Path path;  // the best one seen; empty if none was
};

// Splits every cell of several nodes, whatever it costs, once more evaluations than `cap` were made.
enum class Beyond { give_up, finish };

// The cheapest path with `links` links, 2 <= links < cost.size(). Cells are ruled out when their bound exceeds the cost
// of a path by `slack` tolerances.
template <typename Cost>
Search coarse_to_fine(const Cost& cost, std::size_t links, std::uint64_t cap, Beyond beyond, double slack = 1);

// Consecutive cells, at most `most`, of about equal cost each: equally much is unknown about each of them.
template <typename Cost>
Cells equal_cost_cells(const Cost& cost, std::size_t most);

// Coordinate descent: moves every interior node to where it is best between its neighbors, until nothing changes (for
// KMeansCost, Lloyd's algorithm).
template <typename Cost>
void descend(const Cost& cost, Path& path, int sweeps);

// The nodes in strictly ascending order, moved apart where they met.
void move_apart(Path& path);

extern template Search coarse_to_fine(const UnbiasedCost&, std::size_t, std::uint64_t, Beyond, double);
extern template Search coarse_to_fine(const KMeansCost&, std::size_t, std::uint64_t, Beyond, double);
extern template Cells equal_cost_cells(const UnbiasedCost&, std::size_t);
extern template void descend(const UnbiasedCost&, Path&, int);

}  // namespace bh::quantization
