#include "quantization/narrow.h"

#include <algorithm>
#include <limits>

#include "quantization/cheapest.h"

namespace bh::quantization {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

template <Objective kind>
class Bounds {
 public:
  Bounds(const Chain& chain, double price)
      : chain_(chain), price_(price), last_(chain.size() - 1), known_(chain), cells_(chain.cells) {
    known_.path(price, true);
    for (std::size_t i = 1; i < last_; ++i) {
      Cell& cell = cells_[i];
      const double extent = cell.left + cell.right;
      if (!(extent > 0)) continue;
      // The nearer neighbor knows better, and the first point nothing, as the first link's price lies beyond it.
      // Steeper than the price, a path would gain by two levels in one cell.
      const double before = measure(i - 1), after = measure(i);
      const double rise_before = known_.total(i) - known_.total(i - 1),
                   rise_after = known_.total(i + 1) - known_.total(i);
      const double below = before > 0 ? rise_before / before : 0, above = after > 0 ? rise_after / after : 0;
      cell.slope =
          std::clamp(i == 1 ? above : (after * below + before * above) / (before + after), 0.0, price / extent);
    }
  }

  // Links that cost more than `slack` above the cheapest way to where they end are left out: no path that uses one
  // costs less than that above the cheapest.
  double forward(double slack) {
    forward_.assign(last_ + 1, kNever);
    forward_[0] = 0;
    bands_.assign(last_, {});
    window_ = {};
    for (std::size_t i = 0; i < last_; ++i) {
      if (!(forward_[i] < kNever)) continue;
      bands_[i] = band(i, slack);
      each(i, [&](std::size_t to, double link, double point) {
        forward_[to] = std::min(forward_[to], forward_[i] + link);
        bands_[i].last = to;
        return too_dear(i, to, point, slack) && known_.from(to) > i;
      });
    }
    return forward_[last_];
  }

  // The points through whose cells a path of at most `limit` may lead, after forward().
  std::vector<char> through(double limit) const {
    std::vector<double> backward(last_ + 1, kNever);
    backward[last_] = 0;
    std::vector<char> alive(last_ + 1, false);
    for (std::size_t i = last_; i-- > 1;) {
      if (!(forward_[i] <= limit)) continue;
      double least = kNever;
      each(i, [&](std::size_t to, double link, double) {
        least = std::min(least, link + backward[to]);
        return to == bands_[i].last;
      });
      backward[i] = least;
      alive[i] = forward_[i] + least <= limit;
    }
    return alive;
  }

 private:
  double measure(std::size_t i) const {
    return kind == Objective::unbiased ? chain_.x(i + 1) - chain_.x(i) : chain_.piece(i).weight;
  }

  // The points whose cells the links from one cell are looked at to, and what lies between the first of them and it.
  struct Band {
    std::size_t first = 0, last = 0;
    Piece core;
  };

  // What lies between a point and the first of its band, while both move up: put together from what lies before the
  // middle and after it.
  struct Window {
    std::size_t middle = 0, first = 0, base = 0;
    std::vector<Piece> before;  // from points base and above to the middle
    Piece after;
  };

  Piece grow(const Piece& core, std::size_t from, std::size_t to) const {
    const double before = chain_.x(to - 1), here = chain_.x(to);
    return join<kind>(core, chain_.piece(to - 1), before - chain_.x(from), here - before);
  }

  Piece core(std::size_t from) {
    Window& w = window_;
    if (from > w.middle || w.before.empty()) {
      w.middle = std::max(w.first, from), w.first = w.middle, w.base = from, w.after = {};
      w.before.assign(w.middle - from + 1, {});
      for (std::size_t k = w.middle; k-- > from;)
        w.before[k - from] = join<kind>(chain_.piece(k), w.before[k + 1 - from], chain_.x(k + 1) - chain_.x(k),
                                        chain_.x(w.middle) - chain_.x(k + 1));
    }
    const double middle = chain_.x(w.middle);
    return join<kind>(w.before[from - w.base], w.after, middle - chain_.x(from), chain_.x(w.first) - middle);
  }

  // The least that a link from a cell to this very point costs, and its price.
  double to_point(std::size_t from, const Piece& core) const {
    return price_ + least_link<kind>(cells_[from], Cell{}, core, 0);
  }
  bool too_dear(std::size_t from, std::size_t to, double point, double slack) const {
    return forward_[from] + point > known_.total(to) + slack;
  }

  // Links to points below the band are too dear, as one to its first point is, and an earlier start does better there.
  Band band(std::size_t from, double slack) {
    Band found{std::max(window_.first, from + 1), 0, {}};
    if (window_.first < found.first) {
      if (window_.before.empty() || from > window_.middle)
        window_.first = found.first;
      else
        window_.after = grow(window_.after, window_.middle, ++window_.first);
    }
    found.core = core(from);
    const auto below = [&](std::size_t to, const Piece& core) {
      return known_.from(to) < from && too_dear(from, to, to_point(from, core), slack);
    };
    if (found.first > from + 1 && !below(found.first, found.core)) {
      found.first = from + 1, found.core = grow({}, from, from + 1);  // the band has moved down: seldom
      while (found.first < last_) {
        const Piece next = grow(found.core, from, found.first + 1);
        if (!below(found.first + 1, next)) return found;
        found.core = next, ++found.first;
      }
      return found;
    }
    while (found.first < last_) {
      const Piece next = grow(found.core, from, found.first + 1);
      if (!below(found.first + 1, next)) break;
      found.core = next, ++found.first;
      window_.after = grow(window_.after, window_.middle, ++window_.first);
    }
    return found;
  }

  // Calls take(to, link, point) for each point of the band, with the least that a link to its cell, and to the very
  // point, costs with its price, until that says that it is enough.
  template <typename Take>
  void each(std::size_t from, const Take& take) const {
    Piece core = bands_[from].core;
    for (std::size_t to = bands_[from].first;; core = grow(core, from, ++to)) {
      const double link =
          price_ + least_link<kind>(cells_[from], cells_[to], core, to < last_ ? chain_.piece(to).weight : 0);
      if (take(to, link, to_point(from, core)) || to == last_) return;
    }
  }

  const Chain& chain_;
  double price_;
  std::size_t last_;
  Cheapest<kind, Chain> known_;
  std::vector<Cell> cells_;
  std::vector<double> forward_;
  std::vector<Band> bands_;
  Window window_;
};

}  // namespace

template <Objective kind>
Narrowed narrow(const Chain& chain, std::size_t links, double price, double cost, double expected) {
  const auto wanted = static_cast<double>(links);
  const double paid = price * wanted, limit = (cost + paid) * (1 + kRounding + wanted * 0x1p-52);
  Bounds<kind> bounds(chain, price);
  double least = bounds.forward(expected);
  if (limit - least > expected) least = bounds.forward(limit - least);
  const double bound = least - paid - (limit - cost - paid);
  return {bound, std::max(0.0, cost - bound), bounds.through(limit)};
}

template Narrowed narrow<Objective::unbiased>(const Chain&, std::size_t, double, double, double);
template Narrowed narrow<Objective::mse>(const Chain&, std::size_t, double, double, double);

}  // namespace bh::quantization
