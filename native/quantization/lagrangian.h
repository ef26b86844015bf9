// Lagrangian relaxation: every link costs a price (the multiplier), which is searched until the cheapest path has as
// many links as wanted. In a Monge graph the least cost is convex in the number of links, so that some price gives each
// number or two paths that can be spliced (Aggarwal, Schieber, Tokuyama: Finding a Minimum-Weight k-Link Path in Graphs
// with the Concave Monge Property, 1994). The value of the cheapest path at one price is the Lagrangian dual, a lower
// bound on every path with the number wanted.
#pragma once
#include <functional>

#include "quantization/chain.h"

namespace bh::quantization {

struct Relaxed {
  Path path;                   // exactly `links` links
  double cost;                 // what it costs
  double bound;                // no path with so many links costs less
  double price;                // the last one tried: a good start for a similar problem
  double fewer = 0, more = 0;  // what the cheapest paths with a link less and a link more cost, if they were met
};

// Gives a better price than one that has missed, or 0.
using BetterPrice = std::function<double(double)>;

// 1 <= links < points.size(). `price`: where to start; 0 for a start by the law of high rates. `better` is asked at
// most once.
template <Objective kind, typename Points>
Relaxed lagrangian(const Points& points, std::size_t links, double price, const BetterPrice& better = {});

// The middle of the prices at which `found` is the cheapest, which end at what one link more or less saves: that of a
// coarse chain is the likeliest to serve a finer one.
template <Objective kind>
double centered_price(const Chain& chain, std::size_t links, const Relaxed& found);

// Path swapping: P has fewer links than wanted, Q more, both the cheapest at (almost) one price. Where they cross, a
// path of exactly `links` links can be spliced from the two, and by the Monge property the two new paths cost no more
// together than the old ones.
Path splice(const Path& p, const Path& q, std::size_t links);

}  // namespace bh::quantization
