#include "scheduling/length_probe.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "support/simd.h"

namespace bh::scheduling {
namespace {

constexpr std::size_t kTile = 32;    // columns of a layer that are added up at once: those of 256 inputs fit a cache
constexpr std::size_t kBlock = 8;    // rows beside each other
constexpr std::size_t kChunk = 64;   // rows that go through all layers together
constexpr double kDisjoint = 1e-12;  // a sum of prior times evidence below this says that they exclude each other
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

float as_float(float state) { return state; }
float as_float(std::uint16_t upper_half) { return std::bit_cast<float>(std::uint32_t{upper_half} << 16); }

// A tile of a layer for Rows rows.
template <int Rows>
struct Tile {
  template <int Width>
  static BH_INLINE void run(const float* rows, std::size_t given, std::size_t inputs, const float* tile,
                            const float* bias, float* out, std::size_t stride) {
    using F = typename Lanes<Width>::F;
    constexpr int kGroup = Width == 16 ? 2 : 1;  // as many as leave registers
    for (std::size_t from = 0; from < kTile; from += kGroup * Width) {
      F sums[Rows][kGroup];
      for (int row = 0; row < Rows; ++row)
        for (int part = 0; part < kGroup; ++part) load(sums[row][part], bias + from + part * Width);
      for (std::size_t i = 0; i < inputs; ++i) {
        F weight[kGroup];
        for (int part = 0; part < kGroup; ++part) load(weight[part], tile + i * kTile + from + part * Width);
        for (int row = 0; row < Rows; ++row)
          for (int part = 0; part < kGroup; ++part) sums[row][part] += rows[row * given + i] * weight[part];
      }
      for (int row = 0; row < Rows; ++row)
        for (int part = 0; part < kGroup; ++part) store(out + row * stride + from + part * Width, sums[row][part]);
    }
  }
};

// Softmax of scores (bins,).
void normalize(const float* scores, std::size_t bins, float unknown, float* out) {
  const float most = *std::max_element(scores, scores + bins);
  float sum = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) sum += out[bin] = std::exp(scores[bin] - most);
  if (!std::isfinite(sum)) return void(std::fill_n(out, bins, unknown));
  for (std::size_t bin = 0; bin < bins; ++bin) out[bin] /= sum;
}

void multiply(const double* row, const double* matrix, std::size_t n, double* out) {
  std::fill_n(out, n, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    if (row[i] != 0)
      for (std::size_t j = 0; j < n; ++j) out[j] += row[i] * matrix[i * n + j];
}

}  // namespace

Layer::Layer(std::span<const float> weights, std::span<const float> bias)
    : inputs_(weights.size() / bias.size()),
      outputs_(bias.size()),
      tiles_(inputs_ * ((outputs_ + kTile - 1) / kTile * kTile)),
      bias_((outputs_ + kTile - 1) / kTile * kTile) {
  for (std::size_t column = 0; column < outputs_; ++column)
    for (std::size_t i = 0; i < inputs_; ++i)
      tiles_[(column / kTile * inputs_ + i) * kTile + column % kTile] = weights[i * outputs_ + column];
  std::ranges::copy(bias, bias_.begin());
}

void Layer::apply(const float* rows, std::size_t count, std::size_t given, float* out) const {
  for (std::size_t column = 0; column < stride(); column += kTile) {
    const float *tile = tiles_.data() + column * inputs_, *bias = bias_.data() + column;
    std::size_t row = 0;
    for (; row + kBlock <= count; row += kBlock)
      run_at<Tile<kBlock>>(isa(), rows + row * given, given, inputs_, tile, bias, out + row * stride() + column,
                           stride());
    for (; row < count; ++row)
      run_at<Tile<1>>(isa(), rows + row * given, given, inputs_, tile, bias, out + row * stride() + column, stride());
  }
}

template <typename State>
void Perceptron::probabilities(const State* states, std::span<const std::int64_t> rows, float unknown,
                               float* out) const {
  const std::size_t most = std::min(rows.size(), kChunk);
  std::vector<float> given(most * hidden()), inner(most * first_.stride()), scores(most * second_.stride());
  for (std::size_t from = 0; from < rows.size(); from += kChunk) {
    const std::size_t count = std::min(kChunk, rows.size() - from);
    for (std::size_t row = 0; row < count; ++row) {
      const State* state = states + static_cast<std::size_t>(rows[from + row]) * hidden();
      for (std::size_t i = 0; i < hidden(); ++i) given[row * hidden() + i] = as_float(state[i]);
    }
    first_.apply(given.data(), count, hidden(), inner.data());
    for (float& value : inner) value = value < 0 ? 0 : value;  // nan stays
    second_.apply(inner.data(), count, first_.stride(), scores.data());
    for (std::size_t row = 0; row < count; ++row)
      normalize(scores.data() + row * second_.stride(), bins(), unknown, out + (from + row) * bins());
  }
}

template void Perceptron::probabilities(const float*, std::span<const std::int64_t>, float, float*) const;
template void Perceptron::probabilities(const std::uint16_t*, std::span<const std::int64_t>, float, float*) const;

BinSmoothing::BinSmoothing(std::span<const double> powers, std::span<const double> evidence,
                           std::span<const double> representatives, double floor)
    : bins_(representatives.size()),
      count_(static_cast<std::int64_t>(powers.size() / (bins_ * bins_))),
      powers_(powers.begin(), powers.end()),
      evidence_(evidence.begin(), evidence.end()),
      representatives_(representatives.begin(), representatives.end()),
      floor_(floor) {}

// doubled: the powers count_, 2 count_, 4 count_ ... that were needed so far.
void BinSmoothing::move(const double* before, std::int64_t steps, std::vector<Matrix>& doubled, double* out,
                        double* spare) const {
  const std::size_t size = bins_ * bins_;
  multiply(before, powers_.data() + static_cast<std::size_t>(steps % count_) * size, bins_, out);
  std::size_t place = 0;
  for (std::int64_t rest = steps / count_; rest > 0; rest /= 2, ++place) {
    if (place == doubled.size()) {
      const double* last = place ? doubled.back().data() : powers_.data() + static_cast<std::size_t>(count_ - 1) * size;
      const double* other = place ? last : powers_.data() + size;
      Matrix next(size);
      for (std::size_t i = 0; i < bins_; ++i) multiply(last + i * bins_, other, bins_, next.data() + i * bins_);
      doubled.push_back(std::move(next));
    }
    if (rest % 2) {
      multiply(out, doubled[place].data(), bins_, spare);
      std::copy_n(spare, bins_, out);
    }
  }
}

void BinSmoothing::smooth(std::span<const double> previous, std::span<const double> probabilities,
                          std::span<const std::int64_t> steps, std::span<double> beliefs,
                          std::span<double> left) const {
  std::vector<double> prior(bins_), spare(bins_), evidence(bins_);
  std::vector<Matrix> doubled;
  for (std::size_t row = 0; row < left.size(); ++row) {
    const double* given = probabilities.data() + row * bins_;
    double* belief = beliefs.data() + row * bins_;
    double total = 0;
    for (std::size_t bin = 0; bin < bins_; ++bin) total += given[bin] >= 0 ? given[bin] : kUnknown;
    if (!(total > 0) || !std::isfinite(total)) {
      std::fill_n(belief, bins_, left[row] = kUnknown);
      continue;
    }
    for (std::size_t bin = 0; bin < bins_; ++bin) evidence[bin] = given[bin] / total;
    double joint = kUnknown;
    if (!previous.empty()) {
      move(previous.data() + row * bins_, steps[row], doubled, prior.data(), spare.data());
      joint = 0;
      for (std::size_t bin = 0; bin < bins_; ++bin) {
        const double before = (1 - floor_) * prior[bin] + floor_ / static_cast<double>(bins_);
        joint += belief[bin] = before * (evidence[bin] * evidence_[bin]);
      }
    }
    double tokens = 0;
    for (std::size_t bin = 0; bin < bins_; ++bin) {
      belief[bin] = joint >= kDisjoint ? belief[bin] / joint : evidence[bin];
      tokens += belief[bin] * representatives_[bin];
    }
    left[row] = std::max(tokens, 1.0);
  }
}

}  // namespace bh::scheduling
