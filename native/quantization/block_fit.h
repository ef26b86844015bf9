// The scale of a block that suits a table of levels best, and the codes of its values.
//
// Both ends of the table may serve the largest value of a block, as a scale can be negative: scales with which one of
// them does, a little less or a little more, are tried, and then the one that is best for the codes found. Values and
// levels are scaled by powers of two first, so that nothing overflows or vanishes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/scale.h"
#include "quantization/values.h"

namespace bh::quantization {

constexpr std::size_t kMostScaled = 256;  // levels of a table for scaled values

// Levels as kernels read them. Columns are padded to a power of two, at least 16.
struct FitTable {
  FitTable(std::span<const double> levels, Objective objective);

  Objective objective;
  int exponent = 0;          // levels below are divided by this power of two, which brings the largest below 32
  std::size_t count, size;   // without and with padding
  std::vector<float> edges;  // what a value must exceed (mse) or reach (unbiased) for the next level; then NaN
  std::vector<float> level;  // then the last one again, and once more
  float first, last;
  double over_first, over_last;  // 1 / first and 1 / last, 0 where that end has no value beyond 0 to reach

  // Ways to find the level of a value by hand. Of 16 levels, edges as a binary search asks for them: below entry k
  // stand 2k and, where it is exceeded, 2k + 1.
  alignas(64) float tree[16];
  // Where no two edges of 16 levels lie in the same of 32 cells of length 1 from -16 on, of which the outermost have
  // what lies beyond, too: the edge in each, and the number of those below it. The cell from c on stands at c mod 32.
  bool parted;
  alignas(64) float cell_edge[32];
  alignas(64) std::int32_t cell_code[32];
  // Of more levels, the number of edges below each of the cells, which are as many as it takes to have one edge in
  // each, and no more than `steps`; no steps where a search is as quick.
  int steps = 0;
  std::vector<std::uint8_t> start;  // and three bytes more, as kernels read four
  float per_unit, half, most_cell;  // how many there are in a length of 1, and below 0; the last one
  // Where a single step is enough, what is to be known of a cell, side by side, so that one look finds it.
  struct Edge {
    float edge;
    std::int32_t below;  // the number of edges below the cell
  };
  struct Sides {
    float low, high;  // the levels below the edge and above it
  };
  std::vector<Edge> cell_edges;
  std::vector<Sides> cell_sides;

  float cell(float y) const {
    const float at = y * per_unit + half;
    return std::min(at > 0 ? at : 0, most_cell);
  }

 private:
  void read(std::span<const double> levels, int unit);
  void part();
  void cut();
  void pair();
};

// Sums over a block in 16 lanes, value i in lane i % 16: the same bits whatever the width of the registers.
struct alignas(64) FitSums {
  float error[16];  // squared, or expected
  float cross[16];  // of values and their levels
  float own[16];    // of the levels' squares
};

// Scales that are tried together, and the squared errors with each in units of its square, in lanes as above.
struct Trials {
  static constexpr std::size_t kMost = 6;

  std::size_t count;  // even
  double scales[kMost];
  float relative[kMost], inverse[kMost];  // for the values and levels that kernels see
  alignas(64) float error[kMost][16];
};

struct Fitted {
  double scale;
  double error;  // in units of the table's and the block's exponent: use `squared`
  int exponent;  // of the block
  bool finite;   // whether its values were; if not, nothing else counts
  double squared() const;
};

// One block at a time, in five steps: BlockFits takes each of them for several blocks, so that none waits for results.
class BlockFit {
 public:
  BlockFit(const FitTable& table, Scale scale, std::size_t longest);

  // The values of one block, which must stay while `scaled()` is used.
  template <typename Real>
  void begin(std::span<const Real> x);
  void try_scales();
  void choose();
  void refine();
  Fitted finish();

  // The nearest levels (mse), or those below.
  const std::uint8_t* codes() const { return best_->codes.data(); }
  const float* scaled() const { return z_; }                // the values divided by 2^exponent of the block
  float inverse() const { return usable_ ? inverse_ : 0; }  // of the scale, for those

 private:
  // A scale, as the grid has it and as kernels see it, and what it leads to.
  struct Candidate {
    double scale;
    float relative, inverse;
    bool usable = false;  // by kernels
    FitSums sums;
    std::vector<std::uint8_t> codes;
  };

  void measure(Candidate& candidate, double scale);
  void measure(Candidate& candidate, double scale, float relative, float inverse);
  void take_zero();

  const FitTable& table_;
  ScaleGrid grid_;
  double factors_[3];  // of the scale that fits the largest value: which ones are tried
  std::size_t n_factors_;
  std::vector<float> own_;
  const float* z_ = nullptr;
  std::size_t n_ = 0;
  bool finite_ = true, usable_ = false;
  int exponent_ = 0;
  double unit_ = 1, inverse_unit_ = 1, error_ = 0;
  float inverse_ = 0;
  Trials trials_;
  double enclosing_[2];  // for unbiased rounding, the scales of either sign with which levels enclose the values
  bool encloses_[2];     // whether there is one
  Candidate candidates_[2];
  Candidate* best_ = candidates_;
};

// One for each thread.
template <typename Real>
class BlockFits {
 public:
  BlockFits(const FitTable& table, Scale scale, std::size_t longest) {
    for (std::size_t k = 0; k < kTogether; ++k) {
      fits_.emplace_back(table, scale, longest);
      buffers_.emplace_back(longest);
    }
  }

  // Of the blocks from `first` on, before `last`: take(i, x, fit, fitted) gets what was found for the values x that
  // read(i, buffer) gave.
  template <typename Read, typename Take>
  void each(std::uint64_t first, std::uint64_t last, const Read& read, const Take& take) {
    for (; first < last; first += kTogether) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kTogether, last - first));
      std::span<const Real> x[kTogether];
      for (std::size_t k = 0; k < n; ++k) fits_[k].begin(x[k] = read(first + k, buffers_[k].data()));
      for (std::size_t k = 0; k < n; ++k) fits_[k].try_scales();
      for (std::size_t k = 0; k < n; ++k) fits_[k].choose();
      for (std::size_t k = 0; k < n; ++k) fits_[k].refine();
      for (std::size_t k = 0; k < n; ++k) take(first + k, x[k], fits_[k], fits_[k].finish());
    }
  }

 private:
  static constexpr std::size_t kTogether = 4;

  std::vector<BlockFit> fits_;
  std::vector<std::vector<Real>> buffers_;
};

// By hand: they set the sums of the first n - n % 16 values, and return how many that are; none where a plain loop is
// as good. The first take the nearest level, those between the one below.
std::size_t fit_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                   std::uint8_t* codes, FitSums& sums);
std::size_t fit_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                   std::uint8_t* codes, FitSums& sums);
std::size_t fit_between_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                           std::uint8_t* codes, FitSums& sums);
std::size_t fit_between_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                           std::uint8_t* codes, FitSums& sums);
std::size_t try_v3(const FitTable& table, const float* z, std::size_t n, Trials& trials);
std::size_t try_v4(const FitTable& table, const float* z, std::size_t n, Trials& trials);
// The levels, of 16, that both codes of each byte stand for: of how many bytes.
std::size_t look_up16_v3(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values);
std::size_t look_up16_v4(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values);

}  // namespace bh::quantization
