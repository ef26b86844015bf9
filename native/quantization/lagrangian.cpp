#include "quantization/lagrangian.h"

#include <limits>
#include <numeric>

namespace bh::quantization {
namespace {

constexpr int kMostSteps = 200;

struct Tried {
  double price, cost;  // the cost without the prices of the links
  Path path;
  std::size_t links() const { return path.size() - 1; }
};

// The cheapest path when each link costs `price` more (Hirschberg and Larmore's queue). Candidates wait in a queue in
// the order of the nodes from which on they are the best; a later candidate that is better at one node is better at all
// that follow. Each brings the price of the cheapest path to it: of nodes that can no longer be the best nothing is
// kept but where their path comes from.
template <typename Cost>
class Shortest {
 public:
  explicit Shortest(const Cost& cost) : cost_(cost), end_(static_cast<Index>(cost.size())), from_(cost.size()) {}

  Path path(double price) {
    const Index last = end_ - 1;
    std::size_t front = 0;
    queue_.assign(1, {0, 0, 1});
    for (Index j = 1;; ++j) {
      while (front + 1 < queue_.size() && queue_[front + 1].start <= j) ++front;
      const Candidate& best = queue_[front];
      from_[j] = best.node;
      if (j == last) break;
      Candidate next{through(best, j) + price, j, end_};
      next.start = overtake(next, front);
      if (next.start <= last) queue_.push_back(next);
      if (front > 1024 && 2 * front > queue_.size()) {  // those that were overtaken make room
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(front));
        front = 0;
      }
    }
    Path backwards{last};
    while (backwards.back() != 0) backwards.push_back(from_[backwards.back()]);
    return {backwards.rbegin(), backwards.rend()};
  }

 private:
  struct Candidate {
    double total;
    Index node, start;
  };

  double through(const Candidate& candidate, Index to) const { return candidate.total + cost_(candidate.node, to); }

  bool beats(const Candidate& one, const Candidate& other, Index at) const {
    return through(one, at) < through(other, at);
  }

  // The first node at which `next` beats all that wait; drops those that it beats wherever they would have been the
  // best.
  Index overtake(const Candidate& next, std::size_t front) {
    Index start = end_;
    for (; queue_.size() > front; queue_.pop_back()) {
      const Candidate tail = queue_.back();
      Index low = std::max(tail.start, next.node + 1);
      if (beats(next, tail, low)) {
        start = low;
        continue;
      }
      // It is not better at `low`, but at `high`. Where it becomes so is mostly close to where the last candidate did:
      // to `high` if that was dropped, else to `low`. Gallop from there, then halve.
      if (start == end_ && !beats(next, tail, end_ - 1)) return end_;
      const bool dropped = start != end_;
      Index high = dropped ? start : end_ - 1;
      for (Index step = 1; high - low > step; step *= 2) {
        const Index probe = dropped ? high - step : low + step;
        const bool better = beats(next, tail, probe);
        (better ? high : low) = probe;
        if (better != dropped) break;
      }
      while (high - low > 1) {
        const Index middle = low + (high - low) / 2;
        (beats(next, tail, middle) ? high : low) = middle;
      }
      return high;
    }
    return start;
  }

  const Cost& cost_;
  Index end_;
  Storage<Index> from_;
  std::vector<Candidate> queue_;
};

// No path with that many links costs less: it would be the cheaper one at this price. The running totals, of the size
// of all the links' prices, may have hidden what is below their rounding, a half unit for each link.
double dual_bound(const Tried& tried, double links) {
  const auto got = static_cast<double>(tried.links());
  return tried.cost + tried.price * (got - links) - 0x1p-53 * got * (got * tried.price);
}

// The next price, between one that gave too many links (low) and one that gave too few (high).
double between(const Tried& low, const Tried& high, std::size_t links, int step) {
  double price;
  if (step % 3 == 2) {
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

template <typename Cost>
bool certified(const Cost& cost, const Relaxed& found) {
  const double least = path_cost(cost, found.path), links = static_cast<double>(found.path.size() - 1);
  return least - found.bound <= tolerance(cost, found.path) + links * 0x1p-52 * least;
}

template <typename Cost>
Relaxed lagrangian(const Cost& cost, std::size_t links, double price) {
  const std::size_t n = cost.size();
  const auto wanted = static_cast<double>(links);
  Relaxed best{{}, -std::numeric_limits<double>::infinity(), price};
  Tried low, high;  // too many links, too few
  const auto offer = [&](Path path) {
    if (best.path.empty() || path_cost(cost, path) < path_cost(cost, best.path)) best.path = std::move(path);
  };
  if (!(price > 0)) price = 2 * cost(0, n - 1) / (wanted * wanted * wanted);
  if (!(price > 0)) price = 0x1p-1000;

  Shortest<Cost> shortest(cost);
  double power = 1;
  for (int step = 0, bracketed = 0; step < kMostSteps; ++step) {
    Tried tried{price, 0, shortest.path(price)};
    tried.cost = path_cost(cost, tried.path);
    const std::size_t got = tried.links();
    best.bound = std::max(best.bound, dual_bound(tried, wanted));
    best.price = price;
    if (got == links) {
      offer(std::move(tried.path));
      break;
    }
    const double ratio = static_cast<double>(got) / wanted;
    (got > links ? low : high) = std::move(tried);

    if (low.path.empty() || high.path.empty()) {
      const double factor =
          got > links ? std::max(ratio * ratio * ratio, 1.02) : std::min(ratio * ratio * ratio, 1 / 1.02);
      price *= std::clamp(std::pow(factor, power), 0x1p-64, 0x1p64);
      power *= 2;
      if (price >= 0x1p-1000 && price <= 0x1p1000) continue;
      if (low.path.empty()) {  // the path of all nodes
        low = {0x1p-1000, 0, Path(n)};
        std::iota(low.path.begin(), low.path.end(), Index{0});
        low.cost = path_cost(cost, low.path);
      } else {  // the single link
        high = {0x1p1000, cost(0, n - 1), {0, static_cast<Index>(n - 1)}};
      }
    }
    offer(splice(high.path, low.path, links));
    const double least = path_cost(cost, best.path);
    if (least - best.bound <= (0x1p-40 + wanted * 0x1p-52) * least) break;
    if (high.price / low.price < 1 + 1e-14) break;
    price = between(low, high, links, bracketed++);
  }
  return best;
}

template bool certified(const UnbiasedCost&, const Relaxed&);
template bool certified(const KMeansCost&, const Relaxed&);
template Relaxed lagrangian(const UnbiasedCost&, std::size_t, double);
template Relaxed lagrangian(const KMeansCost&, std::size_t, double);

}  // namespace bh::quantization
