// The scale of a block that suits a table of levels best, and the codes of its values.
//
// Both ends of the table may serve the largest value of a block, as a scale can be negative: scales with which one of
// them does, a little less or a little more, are tried, and then the one that is best for the codes found. Values and
// levels are scaled by powers of two first, so that nothing overflows or vanishes.
#pragma once
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
  int exponent = 0;          // levels below are divided by this power of two, which brings the largest below 1
  std::size_t count, size;   // without and with padding
  std::vector<float> edges;  // what a value must exceed (mse) or reach (unbiased) for the next level; then infinity
  std::vector<float> level;  // then the last one again
  float first, last;
  // Of 16 levels, edges as a binary search asks for them: below entry k stand 2k and, where it is exceeded, 2k + 1.
  alignas(64) float tree[16];
  alignas(64) float even[16], odd[16];  // levels 2 k and 2 k + 1, twice
  double over_first, over_last;         // 1 / first and 1 / last, 0 where that end has no value beyond 0 to reach
};

// Sums over a block in 16 lanes, value i in lane i % 16: the same bits whatever the width of the registers.
struct alignas(64) FitSums {
  float error[16];  // squared, or expected
  float cross[16];  // of values and their levels
  float own[16];    // of the levels' squares
};

// Scales that are tried together, and the squared errors with each, in lanes as above.
struct Trials {
  static constexpr std::size_t kMost = 6;

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

// One for each thread.
class BlockFit {
 public:
  BlockFit(const FitTable& table, Scale scale, std::size_t longest);

  // The values of one block, which must stay while `scaled()` is used. `codes()` has the nearest levels then (mse).
  template <typename Real>
  Fitted fit(std::span<const Real> x);

  const std::uint8_t* codes() const { return best_; }
  const float* scaled() const { return z_; }  // the values divided by 2^exponent of the block
  float inverse() const { return inverse_; }  // of the scale, for those

 private:
  void consider_best(Trials& trials, std::size_t n);
  void consider(double scale, std::size_t n);
  void consider(double scale, float relative, float inverse, std::size_t n);

  const FitTable& table_;
  ScaleGrid grid_;
  double factors_[3];  // of the scale that fits the largest value: which ones are tried
  std::vector<float> own_;
  const float* z_;
  std::vector<std::uint8_t> codes_[2];
  std::uint8_t *best_, *other_;
  double unit_ = 1, inverse_unit_ = 1, scale_ = 0, error_ = 0, next_ = 0;
  float inverse_ = 0;
};

// On tables of 16, by hand: they set the sums of the first n - n % 16 values, and return how many that are.
std::size_t fit16_v3(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                     std::uint8_t* codes, FitSums& sums);
std::size_t fit16_v4(const FitTable& table, const float* z, std::size_t n, float inverse, float scale,
                     std::uint8_t* codes, FitSums& sums);
std::size_t try16_v3(const FitTable& table, const float* z, std::size_t n, Trials& trials);
std::size_t try16_v4(const FitTable& table, const float* z, std::size_t n, Trials& trials);
// The levels, of 16, that both codes of each byte stand for: of how many bytes.
std::size_t look_up16_v3(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values);
std::size_t look_up16_v4(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values);

}  // namespace bh::quantization
