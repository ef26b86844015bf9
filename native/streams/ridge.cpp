#include "streams/ridge.h"

#include <algorithm>

namespace bh::streams {

void SparseRows::normal(std::span<const double> weights, std::span<const double> v, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t row = 0, begin = 0; row < ends_.size(); begin = ends_[row++]) {
    double dot = 0;
    for (std::size_t i = begin; i < ends_[row]; ++i) dot += v[at_[i]] * static_cast<double>(values_[i]);
    dot *= weights[row];
    for (std::size_t i = begin; i < ends_[row]; ++i) out[at_[i]] += dot * static_cast<double>(values_[i]);
  }
}

void SparseRows::transposed(std::span<const double> y, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t row = 0, begin = 0; row < ends_.size(); begin = ends_[row++])
    for (std::size_t i = begin; i < ends_[row]; ++i) out[at_[i]] += y[row] * static_cast<double>(values_[i]);
}

}  // namespace bh::streams
