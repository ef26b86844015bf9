// Which solver runs where, and the constants that decide it, measured by benchmarks/bench_levels.py.
#pragma once
#include "quantization/nodes.h"

namespace bh {

struct Solution {
  Path path;
  double gap;  // no path costs less than (1 - gap) of this one's cost; 0 where it is the optimum but for rounding
};

// Nodes from which on it pays to search the price of a link on a histogram of them first.
constexpr std::size_t kHistogramStart = std::size_t{1} << 15;

// Whether solve() would search the price of a link, so that a good start is worth something.
bool priced(std::size_t nodes, std::size_t links);

// The cheapest path from the first node to the last with `links` links, 1 <= links < cost.size(). `price` is where the
// search for the price of a link starts (0: unknown), and becomes what it ended with.
template <typename Cost>
Solution solve(const Cost& cost, std::size_t links, double& price);

// The same for the few thousand nodes of a histogram, which the layers suit longer.
template <typename Cost>
Solution solve_buckets(const Cost& cost, std::size_t links);

}  // namespace bh
