#include "quantization/lagrangian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "quantization/cheapest.h"

namespace bh::quantization {
namespace {

constexpr int kMostSteps = 200;
constexpr double kExact = 0x1p-33;  // of the cost: below this a doubt is rounding

struct Tried {
  double price = 0, cost = 0;  // the cost without the prices of the links
  Path path;
  std::size_t links() const { return path.size() - 1; }
};

// No path of so many links costs less: it would be the cheaper one at this price, but for rounding of each total.
double dual_bound(const Tried& tried, double links) {
  const auto got = static_cast<double>(tried.links());
  const double all = tried.cost + tried.price * got;
  return tried.cost + tried.price * (got - links) - (8 * kRounding + got * 0x1p-52) * all;
}

// The next price, between one that gave too many links (low) and one that gave too few, or enough but at a price that
// dwarfs the cost (high).
double between(const Tried& low, const Tried& high, std::size_t links, int step) {
  double price = 0;
  if (step % 3 == 2 && low.links() > high.links()) {
    price = (high.cost - low.cost) / static_cast<double>(low.links() - high.links());
  } else {
    const double span = std::log(static_cast<double>(low.links()) / static_cast<double>(high.links()));
    const double part = std::log(static_cast<double>(low.links()) / static_cast<double>(links)) / span;
    price = low.price * std::exp(part * std::log(high.price / low.price));
  }
  return price > low.price && price < high.price ? price : std::sqrt(low.price) * std::sqrt(high.price);
}

}  // namespace

Path splice(const Path& p, const Path& q, std::size_t links) {
  const std::size_t ahead = links - (p.size() - 1);
  std::size_t x = p.size() - 2;
  while (p[x] > q[x + ahead]) --x;
  Path path(q.begin(), q.begin() + static_cast<std::ptrdiff_t>(x + ahead + 1));
  path.insert(path.end(), p.begin() + static_cast<std::ptrdiff_t>(x + 1), p.end());
  return path;
}

template <Objective kind>
double centered_price(const Chain& chain, std::size_t links, const Relaxed& found) {
  if (links < 3 || links + 2 >= chain.size()) return found.price;
  const double apart = 3 / static_cast<double>(links);  // by the law of high rates, where the next price starts
  const auto cost_of = [&](std::size_t other, double start) { return lagrangian<kind>(chain, other, start).cost; };
  const double fewer = found.fewer > 0 ? found.fewer : cost_of(links - 1, found.price * (1 + apart));
  const double more = found.more > 0 ? found.more : cost_of(links + 1, found.price * (1 - apart / 2));
  const double middle = fewer / 2 - more / 2;
  return middle > 0 ? middle : found.price;
}

template <Objective kind, typename Points>
Relaxed lagrangian(const Points& points, std::size_t links, double price, const BetterPrice& better) {
  const std::size_t n = points.size();
  const auto wanted = static_cast<double>(links);
  Relaxed best{{}, std::numeric_limits<double>::infinity(), 0, price};
  Tried low, high;  // too many links, too few
  const auto offer = [&](const Path& path, double cost) {
    if (best.path.empty() || cost < best.cost) best.path = path, best.cost = cost;
  };
  const auto whole = [&] { return path_cost<kind>(points, Path{0, static_cast<Index>(n - 1)}); };
  if (links == 1) {
    best.path = {0, static_cast<Index>(n - 1)};
    best.cost = best.bound = whole();
    return best;
  }
  if (!(price > 0)) price = 2 * whole() / (wanted * wanted * wanted);
  if (!(price > 0x1p-1000)) price = 0x1p-1000;

  Cheapest<kind, Points> cheapest(points);
  double power = 1;
  for (int step = 0, bracketed = 0; step < kMostSteps; ++step) {
    Tried tried{price, 0, cheapest.path(price)};
    tried.cost = path_cost<kind>(points, tried.path);
    const std::size_t got = tried.links();
    best.bound = std::max(best.bound, dual_bound(tried, wanted));
    best.price = price;
    if (got + 1 == links) best.fewer = tried.cost;
    if (got == links + 1) best.more = tried.cost;
    if (got == links) {
      offer(tried.path, tried.cost);
      // A price that dwarfs the cost hides it; there is always one that does not.
      if (best.cost - best.bound <= kExact * best.cost || price <= 0x1p-1000) break;
    }
    const double ratio = static_cast<double>(got) / wanted;
    (got > links ? low : high) = std::move(tried);
    if (step == 0 && better && got != links)
      if (const double other = better(price); other > 0 && (got > links) == (other > price)) {
        price = other;
        continue;
      }

    if (low.path.empty() || high.path.empty()) {
      const double least = 1 + 1 / wanted, cubed = ratio * ratio * ratio;
      const double factor = got > links ? std::max(cubed, least) : std::min(cubed, 1 / least);
      price *= std::clamp(std::pow(factor, power), 0x1p-64, 0x1p64);
      if (got <= links && best.cost < price) price = best.cost;
      power *= 2;
      if (price >= 0x1p-1000 && price <= 0x1p1000) continue;
      if (low.path.empty()) {  // the path of all points
        low = {0x1p-1000, 0, Path(n)};
        std::iota(low.path.begin(), low.path.end(), Index{0});
        low.cost = path_cost<kind>(points, low.path);
      } else {  // the single link
        high = {0x1p1000, whole(), {0, static_cast<Index>(n - 1)}};
      }
    }
    if (high.links() < links) {
      const Path spliced = splice(high.path, low.path, links);
      offer(spliced, path_cost<kind>(points, spliced));
    }
    if (best.cost - best.bound <= kExact * best.cost) break;
    if (high.price / low.price < 1 + 1e-14) break;
    price = between(low, high, links, bracketed++);
  }
  return best;
}

#define BH_INSTANTIATE(kind)                                                                                 \
  template double centered_price<kind>(const Chain&, std::size_t, const Relaxed&);                           \
  template Relaxed lagrangian<kind>(const Chain&, std::size_t, double, const BetterPrice&);                  \
  template Relaxed lagrangian<kind>(const Ascending<float, kind>&, std::size_t, double, const BetterPrice&); \
  template Relaxed lagrangian<kind>(const Ascending<double, kind>&, std::size_t, double, const BetterPrice&);
BH_INSTANTIATE(Objective::unbiased)
BH_INSTANTIATE(Objective::mse)
#undef BH_INSTANTIATE

}  // namespace bh::quantization
