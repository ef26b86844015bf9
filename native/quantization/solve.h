// Which solver runs where, and what happens when one gives up.
#pragma once
#include <functional>

#include "quantization/nodes.h"

namespace bh::quantization {

struct Solution {
  Path path;
  double gap;  // no path costs less than (1 - gap) of this one's cost; 0 where it is the optimum but for rounding
};

// When branch and bound gives up: after `cap` evaluations a node, or, where rounding beyond `slack` tolerances has
// ruled out every cell, at once. Tests force both; results never depend on them.
struct Limits {
  double cap = 32;
  double slack = 1;
};

// Gives a price of a link to start from, at some cost; 0 if there is none.
using StartPrice = std::function<double()>;

// The cheapest path from the first node to the last with `links` links, 1 <= links < cost.size(). `price` is where the
// search for the price of a link starts (0: unknown), and becomes what it ended with; `start` serves large problems.
template <typename Cost>
Solution solve(const Cost& cost, std::size_t links, double& price, const StartPrice& start = {},
               const Limits& limits = {});

}  // namespace bh::quantization
