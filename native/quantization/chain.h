// What every solver works on: points in ascending order, and what lies between neighbors.
//
// A choice of levels is a path through the points from first to last, and its error the sum of its links' costs. For
// unbiased levels the points are values, and a link rounds what lies between to its ends; for k-means they are the
// boundaries between values, and a link rounds what lies between to the mean.
#pragma once
#include <cstdint>
#include <vector>

#include "quantization/distinct.h"
#include "quantization/piece.h"
#include "support/storage.h"

namespace bh::quantization {

using Path = std::vector<Index>;

// Some points, each with the position that it stands for.
struct Chain {
  std::vector<Index> at;
  std::vector<double> places;
  std::vector<Piece> pieces;  // from each point to the next
  std::vector<Cell> cells;    // around each point; empty where levels lie at points only

  std::size_t size() const { return places.size(); }
  double x(std::size_t i) const { return places[i]; }
  const Piece& piece(std::size_t i) const { return pieces[i]; }
  // What lies from point i to the next, and then as far as `piece` does, whose length is `right`; or before that.
  template <Objective kind>
  Piece before(std::size_t i, const Piece& piece, double right) const {
    return join<kind>(pieces[i], piece, x(i + 1) - x(i), right);
  }
  template <Objective kind>
  Piece after(std::size_t i, const Piece& piece, double left) const {
    return join<kind>(piece, pieces[i], left, x(i + 1) - x(i));
  }
  template <Objective kind>
  Piece between(std::size_t from, std::size_t to) const {
    Piece all;
    for (std::size_t i = from; i < to; ++i) all = join<kind>(all, pieces[i], x(i) - x(from), x(i + 1) - x(i));
    return all;
  }

  // A point after all others; `before` is what lies between the last one and it.
  void add(Index position, double place, const Piece& before) {
    if (!places.empty()) pieces.push_back(before);
    at.push_back(position);
    places.push_back(place);
  }
};

// All values of a group in ascending order, multiplied by `unit`, a power of two that keeps squares within range.
template <typename T, Objective kind>
class Ascending {
 public:
  Ascending(const Distinct<T>& values, double unit)
      : values_(values), data_(values.values.data()), last_(values.size() - 1), unit_(unit) {}

  std::size_t size() const { return last_ + (kind == Objective::mse ? 2 : 1); }
  double x(std::size_t i) const {
    if constexpr (kind == Objective::mse) i = i < last_ ? i : last_;
    return static_cast<double>(data_[i]) * unit_;
  }
  Piece piece(std::size_t i) const { return single<kind>(own(i), x(i + 1) - x(i)); }
  template <Objective>
  Piece before(std::size_t i, const Piece& piece, double right) const {
    return prepend<kind>(own(i), x(i + 1) - x(i), piece, right);
  }
  template <Objective>
  Piece after(std::size_t i, const Piece& piece, double left) const {
    return append<kind>(piece, left, own(i), x(i + 1) - x(i));
  }
  // From point i to point j.
  Piece piece(std::size_t i, std::size_t j) const;
  double weight(std::size_t i, std::size_t j) const;

 private:
  // The weight of the value that lies from point i to the next.
  double own(std::size_t i) const { return values_.weight(kind == Objective::mse ? i : i + 1); }

  const Distinct<T>& values_;
  const T* data_;
  std::size_t last_;
  double unit_;
};

// What the links of a path cost.
template <Objective kind>
double path_cost(const Chain& chain, const Path& path) {
  double sum = 0;
  for (std::size_t link = 0; link + 1 < path.size(); ++link)
    sum += chain.between<kind>(path[link], path[link + 1]).cost;
  return sum;
}
template <Objective kind, typename T>
double path_cost(const Ascending<T, kind>& values, const Path& path) {
  double sum = 0;
  for (std::size_t link = 0; link + 1 < path.size(); ++link) sum += values.piece(path[link], path[link + 1]).cost;
  return sum;
}

// At most about `most` points that cut the values into parts of about equal cost: equally much is unknown about each.
// All values lie in the cells around them.
template <typename T, Objective kind>
Chain equal_cost_chain(const Ascending<T, kind>& values, std::size_t most);

// Points that cut the cell of each point that is alive into up to `parts`.
template <typename T, Objective kind>
Chain cut(const Ascending<T, kind>& values, const Chain& chain, const std::vector<char>& alive, std::size_t parts);

}  // namespace bh::quantization
