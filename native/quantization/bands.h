// The bands of cells through which an optimal path may pass, one for each interior level, with bounds on all paths
// through them: least costs forward and backward, between the tangents that `tangent.h` explains.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantization/cells.h"

namespace bh::quantization {

using Potentials = std::vector<double>;  // of the levels from first to last; 0 at both ends

// The cells of one level in columns, as the links to all of them are computed side by side.
struct Level {
  Cells cells;
  std::vector<Index> low, high;           // the cells of the next level that each can be linked to; none: low > high
  std::vector<double> forward, backward;  // the least costs from and to the ends of paths
  std::vector<Index> from;                // the cell of the level before that the least cost comes from
  std::vector<double> x, a, b, g, width;  // the first node's value and sums, and how far the cell reaches from there

  std::size_t size() const { return cells.size(); }

  void push_back(const Cell& cell, Index first, Index last) {
    cells.push_back(cell);
    low.push_back(first);
    high.push_back(last);
  }

  void look_up(const UnbiasedCost& cost);  // fills the columns
  bool through(std::size_t i, double limit) const { return forward[i] + backward[i] <= limit; }
};

class Bands {
 public:
  // `exact`: all cells are single nodes, between which only links that go forward are paths.
  Bands(const UnbiasedCost& cost, std::vector<Level>& levels, const Potentials& potentials, bool exact);

  void go_forward();
  // Also narrows the cells that each can be linked to, to those through which a path of at most `limit` may pass.
  void go_backward(double limit);

  // The path of the middle nodes.
  Path trace() const;

  double least() const { return least_; }
  std::uint64_t evaluations() const { return evaluations_; }

 private:
  // To cells low .. past - 1 of `next`, which is the level after that of `from`; 0 is the first interior level.
  void links(const Cell& from, const Level& next, std::size_t level, std::size_t low, std::size_t past);

  const UnbiasedCost& cost_;
  std::vector<Level>& levels_;
  const Potentials& potentials_;
  bool exact_;
  Level end_;
  std::vector<double> links_;
  double least_ = kNever;
  std::size_t best_ = 0;
  std::uint64_t evaluations_ = 0;
};

// Each cell in up to four parts, which inherit what their parent could be linked to.
std::vector<Level> split(const std::vector<Level>& levels, double limit);

}  // namespace bh::quantization
