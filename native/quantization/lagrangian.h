// Lagrangian relaxation: every link costs a price (the multiplier), which is searched until the cheapest path has as
// many links as wanted. In a Monge graph the least cost is convex in the number of links, so that some price gives each
// number or two paths that can be spliced (Aggarwal, Schieber, Tokuyama: Finding a Minimum-Weight k-Link Path in Graphs
// with the Concave Monge Property, 1994). For one price the cheapest path is a least-weight subsequence problem
// (Hirschberg, Larmore 1987): O(n log n) whatever the number of links; its value is the Lagrangian dual, a lower bound
// on every path with the number wanted.
#pragma once
#include "quantization/nodes.h"

namespace bh::quantization {

struct Relaxed {
  Path path;     // exactly `links` links
  double bound;  // no path with `links` links costs less
  double price;  // the last one tried: a good start for a similar problem
};

// 2 <= links < cost.size(). `price`: where to start; 0 for a start by the law of high rates.
template <typename Cost>
Relaxed lagrangian(const Cost& cost, std::size_t links, double price);

// Whether the duality gap is no more than rounding: then the path is the cheapest.
template <typename Cost>
bool certified(const Cost& cost, const Relaxed& found);

// Path swapping: P has fewer links than wanted, Q more, both the cheapest at (almost) one price. Where they cross, a
// path of exactly `links` links can be spliced from the two, and by the Monge property the two new paths cost no more
// together than the old ones.
Path splice(const Path& p, const Path& q, std::size_t links);

extern template bool certified(const UnbiasedCost&, const Relaxed&);
extern template bool certified(const KMeansCost&, const Relaxed&);
extern template Relaxed lagrangian(const UnbiasedCost&, std::size_t, double);
extern template Relaxed lagrangian(const KMeansCost&, std::size_t, double);

}  // namespace bh::quantization
