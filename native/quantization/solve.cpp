#include "quantization/solve.h"

#include <cmath>
#include <type_traits>

#include "quantization/coarse_to_fine.h"
#include "quantization/lagrangian.h"
#include "quantization/layered.h"
#include "quantization/tangent.h"

namespace bh::quantization {
namespace {

// Measured by benchmarks/bench_levels.py. Other values change the time, never the error of what is found.
constexpr double kLayered = 40;                                // most layers * log2(nodes)
constexpr std::size_t kManyNodes = 1024;                       // a level: from here on cells beat all else ...
constexpr std::size_t kFewLinks = 32;                          // ... up to this many links
constexpr std::size_t kHistogramStart = std::size_t{1} << 15;  // nodes that make a good first price worth its while
constexpr std::size_t kMostLayerBytes = std::size_t{1} << 30;  // of predecessors that a last resort may keep

double layers(std::size_t nodes, std::size_t links) {
  return links > 2 ? static_cast<double>(links - 2) * std::log2(static_cast<double>(nodes)) : 0;
}

bool celled(std::size_t nodes, std::size_t links) {
  return links > 2 && links <= kFewLinks && nodes >= kManyNodes * (links + 1);
}

// By branch and bound on cells, which rule out most nodes at once; it may give up.
Search by_cells(const UnbiasedCost& cost, std::size_t links, const Limits& limits) {
  return tangent(cost, links, static_cast<std::uint64_t>(limits.cap * static_cast<double>(cost.size())), limits.slack);
}
Search by_cells(const KMeansCost& cost, std::size_t links, const Limits& limits) {
  const auto cap = static_cast<std::uint64_t>(limits.cap * static_cast<double>(cost.size()));
  return coarse_to_fine(cost, links, cap, Beyond::give_up, limits.slack);
}

// By Lagrangian relaxation; where a duality gap is left, by branch and bound to the end.
template <typename Cost>
Solution by_price(const Cost& cost, std::size_t links, double& price, const Limits& limits) {
  Relaxed found = lagrangian(cost, links, price);
  price = found.price;
  if (limits.slack == 1 && certified(cost, found)) return {std::move(found.path), 0};
  const bool small = cost.size() * (links - 2) * sizeof(Index) <= kMostLayerBytes;
  const auto cap = static_cast<std::uint64_t>(static_cast<double>(cost.size()) * layers(cost.size(), links) / 4);
  Search fine = coarse_to_fine(cost, links, cap, small ? Beyond::finish : Beyond::give_up, limits.slack);
  if (fine.end == Search::End::optimal) return {std::move(fine.path), 0};
  if (small) return {Layered<Cost>::solve(cost, links), 0};
  const double least = path_cost(cost, found.path);
  return {std::move(found.path), std::max(0.0, (least - found.bound) / least)};
}

}  // namespace

template <typename Cost>
Solution solve(const Cost& cost, std::size_t links, double& price, const StartPrice& start, const Limits& limits) {
  const std::size_t n = cost.size();
  if constexpr (std::is_same_v<Cost, UnbiasedCost>) {
    const auto last = static_cast<Index>(n - 1);
    if (links == 2) return {{0, static_cast<Index>(cost.between(0, last)), last}, 0};
  }
  if (celled(n, links)) {
    Search found = by_cells(cost, links, limits);
    if (found.end == Search::End::optimal) return {std::move(found.path), 0};
  } else if (links <= 2 || (n < kManyNodes * (links + 1) && layers(n, links) <= kLayered)) {
    return {Layered<Cost>::solve(cost, links), 0};
  }
  if (n >= kHistogramStart && start) price = start();
  return by_price(cost, links, price, limits);
}

template Solution solve(const UnbiasedCost&, std::size_t, double&, const StartPrice&, const Limits&);
template Solution solve(const KMeansCost&, std::size_t, double&, const StartPrice&, const Limits&);

}  // namespace bh::quantization
