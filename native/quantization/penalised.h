// Paths with a price for each link: the price is searched until the cheapest path has as many links as wanted.
// One price costs O(n log n) whatever the number of links, and gives a lower bound on every path with that number.
#pragma once
#include "quantization/nodes.h"

namespace bh::quantization {

struct Penalised {
  Path path;     // exactly `links` links
  double bound;  // no path with so many links costs less
  double price;  // the last one tried: a good start for a similar problem
};

// 2 <= links < cost.size(). `price`: where to start; 0 for a start by the law of high rates.
template <typename Cost>
Penalised penalised(const Cost& cost, std::size_t links, double price);

// Whether the bound leaves no doubt but rounding that the path is the cheapest.
template <typename Cost>
bool certified(const Cost& cost, const Penalised& found);

// P has fewer links than wanted, Q more, both the cheapest at (almost) one price: where they cross, a path of exactly
// `links` links can be spliced from the two, and costs no more than they do together.
Path splice(const Path& p, const Path& q, std::size_t links);

extern template bool certified(const UnbiasedCost&, const Penalised&);
extern template bool certified(const KMeansCost&, const Penalised&);
extern template Penalised penalised(const UnbiasedCost&, std::size_t, double);
extern template Penalised penalised(const KMeansCost&, std::size_t, double);

}  // namespace bh::quantization
