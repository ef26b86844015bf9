// Cells of nodes, one list for each interior level, and bounds on all paths through them by plain interval costs.
#pragma once
#include <cstdint>
#include <limits>

#include "quantization/nodes.h"

namespace bh::quantization {

// Consecutive nodes, first to last.
struct Cell {
  Index first, last;
};
using Cells = std::vector<Cell>;

constexpr double kNever = std::numeric_limits<double>::infinity();

inline Index middle(const Cell& cell) { return cell.first + (cell.last - cell.first) / 2; }

// Row minima of a totally monotone matrix by divide and conquer: rows are cells of one level, columns those of the
// level before, value(row, column) the sum; the best column never moves back. Calls take(row, column, value) for the
// first best column of each row.
template <typename Value, typename Take>
void monotone_minima(std::size_t rows, std::size_t columns, const Value& value, const Take& take) {
  const auto fill = [&](const auto& self, std::size_t first, std::size_t last, std::size_t low,
                        std::size_t high) -> void {
    const std::size_t middle = first + (last - first) / 2;
    std::size_t best = low;
    double least = value(middle, low);
    for (std::size_t column = low + 1; column <= high; ++column)
      if (const double sum = value(middle, column); sum < least) least = sum, best = column;
    take(middle, best, least);
    if (first < middle) self(self, first, middle - 1, low, best);
    if (middle < last) self(self, middle + 1, last, best, high);
  };
  fill(fill, 0, rows - 1, 0, columns - 1);
}

// A path through cells, forward and backward: for each level the least cost of getting to and from each of its cells.
template <typename Cost>
class Bounds {
 public:
  Bounds(const Cost& cost, const std::vector<Cells>& levels, std::uint64_t& evaluations)
      : cost_(cost),
        levels_(levels),
        last_(cost.size() - 1),
        evaluations_(evaluations),
        forward_(levels.size()),
        backward_(levels.size()),
        from_(levels.size()) {}

  // Between single nodes only links that go forward are paths.
  void go_forward(bool exact) {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Cells& here = levels_[i];
      forward_[i].resize(here.size());
      from_[i].resize(here.size());
      if (i == 0) {
        for (std::size_t b = 0; b < here.size(); ++b)
          forward_[0][b] = exact && here[b].first == 0 ? kNever : cost_(0, here[b].first);
        continue;
      }
      const Cells& before = levels_[i - 1];
      const auto value = [&](std::size_t b, std::size_t a) {
        ++evaluations_;
        if (before[a].last < here[b].first) return forward_[i - 1][a] + cost_(before[a].last, here[b].first);
        return exact ? kNever : forward_[i - 1][a];
      };
      monotone_minima(here.size(), before.size(), value, [&](std::size_t b, std::size_t a, double least) {
        forward_[i][b] = least;
        from_[i][b] = static_cast<Index>(a);
      });
    }
  }

  void go_backward() {
    for (std::size_t i = levels_.size(); i-- > 0;) {
      const Cells& here = levels_[i];
      backward_[i].resize(here.size());
      if (i + 1 == levels_.size()) {
        for (std::size_t a = 0; a < here.size(); ++a) backward_[i][a] = cost_(here[a].last, last_);
        continue;
      }
      const Cells& after = levels_[i + 1];
      const auto value = [&](std::size_t a, std::size_t b) {
        ++evaluations_;
        return here[a].last < after[b].first ? backward_[i + 1][b] + cost_(here[a].last, after[b].first)
                                             : backward_[i + 1][b];
      };
      monotone_minima(here.size(), after.size(), value,
                      [&](std::size_t a, std::size_t, double least) { backward_[i][a] = least; });
    }
  }

  // The path of the cells' middle nodes; none if there is no path.
  Path trace(bool exact) const {
    const Cells& top = levels_.back();
    double least = kNever;
    std::size_t best = 0;
    for (std::size_t a = 0; a < top.size(); ++a) {
      if (exact && top[a].last == last_) continue;
      const double sum = forward_.back()[a] + cost_(top[a].last, last_);
      if (sum < least) least = sum, best = a;
    }
    if (least == kNever) return {};
    Path path(levels_.size() + 2);
    path.back() = static_cast<Index>(last_);
    for (std::size_t i = levels_.size(); i-- > 0; best = from_[i][best]) path[i + 1] = middle(levels_[i][best]);
    return path;
  }

  double through(std::size_t level, std::size_t cell) const { return forward_[level][cell] + backward_[level][cell]; }

 private:
  const Cost& cost_;
  const std::vector<Cells>& levels_;
  std::size_t last_;
  std::uint64_t& evaluations_;
  std::vector<std::vector<double>> forward_, backward_;
  std::vector<std::vector<Index>> from_;
};

}  // namespace bh::quantization
