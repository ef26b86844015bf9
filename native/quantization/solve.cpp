#include "quantization/solve.h"

#include <cmath>
#include <type_traits>

#include "quantization/layered.h"
#include "quantization/penalised.h"

namespace bh {
namespace {

constexpr double kLayered = 40, kLayeredBuckets = 200;             // most layers * log2(nodes)
constexpr std::size_t kFewNodes = 1024;                            // a level: above, layers never pay
constexpr std::size_t kMostLayerBytes = std::size_t{1} << 30;      // of the layers' predecessors, as a last resort

double layers(std::size_t nodes, std::size_t links) {
  return links > 2 ? static_cast<double>(links - 2) * std::log2(static_cast<double>(nodes)) : 0;
}

template <typename Cost>
Solution by_price(const Cost& cost, std::size_t links, double& price) {
  Penalised found = penalised(cost, links, price);
  price = found.price;
  if (certified(cost, found)) return {std::move(found.path), 0};
  if (cost.size() * (links - 2) * sizeof(Index) <= kMostLayerBytes) return {Layered<Cost>::solve(cost, links), 0};
  const double least = path_cost(cost, found.path);
  return {std::move(found.path), std::max(0.0, (least - found.bound) / least)};
}

}  // namespace

bool priced(std::size_t nodes, std::size_t links) {
  if (links <= 2) return false;
  return nodes >= kFewNodes * (links + 1) || layers(nodes, links) > kLayered;
}

template <typename Cost>
Solution solve(const Cost& cost, std::size_t links, double& price) {
  if constexpr (std::is_same_v<Cost, UnbiasedCost>) {
    const auto last = static_cast<Index>(cost.size() - 1);
    if (links == 2) return {{0, static_cast<Index>(cost.between(0, last)), last}, 0};
  }
  if (!priced(cost.size(), links)) return {Layered<Cost>::solve(cost, links), 0};
  return by_price(cost, links, price);
}

template <typename Cost>
Solution solve_buckets(const Cost& cost, std::size_t links) {
  if (layers(cost.size(), links) <= kLayeredBuckets) return {Layered<Cost>::solve(cost, links), 0};
  double price = 0;
  return by_price(cost, links, price);
}

template Solution solve(const UnbiasedCost&, std::size_t, double&);
template Solution solve(const KMeansCost&, std::size_t, double&);
template Solution solve_buckets(const UnbiasedCost&, std::size_t);
template Solution solve_buckets(const KMeansCost&, std::size_t);

}  // namespace bh
