// TRAIL's length probe: from hidden states to probabilities of remaining tokens, and how these move from token to
// token.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace bh::scheduling {

// One layer of a perceptron.
class Layer {
 public:
  // weights: row by row (inputs, bias.size()).
  Layer(std::span<const float> weights, std::span<const float> bias);

  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t stride() const { return bias_.size(); }  // of what it gives: outputs, and zeros

  // bias + rows * weights, for some rows that lie `given` apart.
  void apply(const float* rows, std::size_t count, std::size_t given, float* out) const;

 private:
  std::size_t inputs_, outputs_;
  std::vector<float> tiles_, bias_;  // a tile is some columns of all weights
};

// A perceptron with one hidden layer.
class Perceptron {
 public:
  Perceptron(Layer first, Layer second) : first_(std::move(first)), second_(std::move(second)) {}

  std::size_t hidden() const { return first_.inputs(); }
  std::size_t bins() const { return second_.outputs(); }

  // Probabilities (rows, bins) for some rows of states (tokens, hidden), which are float32, or bfloat16 as the upper
  // halves of it. A row that is no probability is all `unknown`.
  template <typename State>
  void probabilities(const State* states, std::span<const std::int64_t> rows, float unknown, float* out) const;

 private:
  Layer first_, second_;
};

// Bayesian smoothing of probabilities of bins of remaining tokens: one token leaves a bin for the next shorter one.
class BinSmoothing {
 public:
  // powers: of the matrix (bins, bins) by which one token moves beliefs, from the zeroth on, at least two. evidence: a
  // factor for each bin. floor: the share of a prior that is spread over all bins.
  BinSmoothing(std::span<const double> powers, std::span<const double> evidence,
               std::span<const double> representatives, double floor);

  std::size_t bins() const { return bins_; }

  // Beliefs (rows, bins) by new probabilities and by what was believed `steps` tokens ago, whose nan means nothing, and
  // the tokens that are left by them, at least 1. Where probabilities are negative, not finite or all 0, both are nan.
  void smooth(std::span<const double> previous, std::span<const double> probabilities,
              std::span<const std::int64_t> steps, std::span<double> beliefs, std::span<double> left) const;

 private:
  using Matrix = std::vector<double>;

  void move(const double* before, std::int64_t steps, std::vector<Matrix>& doubled, double* out, double* spare) const;

  std::size_t bins_;
  std::int64_t count_;  // of powers
  Matrix powers_;
  std::vector<double> evidence_, representatives_;
  double floor_;
};

}  // namespace bh::scheduling
