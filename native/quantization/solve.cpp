#include "quantization/solve.h"

#include <algorithm>

#include "quantization/lagrangian.h"
#include "quantization/narrow.h"

namespace bh::quantization {
namespace {

Solution judged(Relaxed&& found, double& price) {
  price = found.price;
  const double gap = found.cost > 0 ? std::clamp((found.cost - found.bound) / found.cost, 0.0, 1.0) : 0;
  return {std::move(found.path), found.cost, gap <= kDoubt ? 0 : gap};
}

bool all_lone(const Chain& chain) {
  return std::all_of(chain.cells.begin(), chain.cells.end(), [](const Cell& cell) { return cell.first == cell.last; });
}

// By cells that are cut ever finer and ruled out, down to single values; without a path where too many are left.
// `coarse` is the best on the chain.
template <typename T, Objective kind>
Relaxed by_cells(const Ascending<T, kind>& values, Chain chain, std::size_t links, const Effort& effort,
                 const Relaxed& coarse) {
  Relaxed found = coarse;
  double cost = found.cost, doubt = found.price;
  const double most = effort.work * static_cast<double>(values.size()) * static_cast<double>(links);
  while (static_cast<double>(chain.size()) * static_cast<double>(chain.size()) <= most) {
    const Narrowed narrowed = narrow<kind>(chain, links, found.price, cost, doubt / 8);
    doubt = narrowed.doubt;
    chain = cut(values, chain, narrowed.alive, effort.parts);
    found = lagrangian<kind>(chain, links, found.price);
    cost = std::min(cost, found.cost);
    if (!all_lone(chain)) continue;
    for (Index& i : found.path) i = chain.at[i];
    return found;
  }
  return {};
}

}  // namespace

template <Objective kind>
Solution solve(const Chain& chain, std::size_t links, double& price) {
  return judged(lagrangian<kind>(chain, links, price), price);
}

template <typename T, Objective kind>
Solution solve(const Ascending<T, kind>& values, std::size_t links, double& price, const Effort& effort) {
  const std::size_t cells = std::min(effort.cells, values.size() / (effort.values_per_cell * links));
  if (cells >= effort.least_cells) {
    const Chain chain = equal_cost_chain(values, cells * links);
    const bool few = links > 1 && cells == effort.cells && values.size() >= effort.values * links * links;
    if (chain.size() > links) {
      const Relaxed coarse = lagrangian<kind>(chain, links, price);
      if (few)
        if (Relaxed found = by_cells(values, chain, links, effort, coarse); !found.path.empty())
          return judged(std::move(found), price);
      price = centered_price<kind>(chain, links, coarse);
    }
  }
  // Where that price misses, a finer chain tells a better one, which is cheap beside passes over all values.
  const auto better = [&](double missed) {
    const std::size_t more = std::min(4 * cells, values.size() / (4 * effort.values_per_cell * links));
    if (more <= cells) return 0.0;
    const Chain chain = equal_cost_chain(values, more * links);
    if (chain.size() <= links) return 0.0;
    return centered_price<kind>(chain, links, lagrangian<kind>(chain, links, missed));
  };
  return judged(lagrangian<kind>(values, links, price, better), price);
}

#define BH_INSTANTIATE(kind)                                                                   \
  template Solution solve<kind>(const Chain&, std::size_t, double&);                           \
  template Solution solve(const Ascending<float, kind>&, std::size_t, double&, const Effort&); \
  template Solution solve(const Ascending<double, kind>&, std::size_t, double&, const Effort&);
BH_INSTANTIATE(Objective::unbiased)
BH_INSTANTIATE(Objective::mse)
#undef BH_INSTANTIATE

}  // namespace bh::quantization
