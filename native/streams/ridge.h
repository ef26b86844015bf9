// Sparse rows for a regression: for each row the columns that are not zero, and their values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bh::streams {

class SparseRows {
 public:
  explicit SparseRows(std::size_t columns) : columns_(columns) {}

  void put(std::uint32_t column, float value) {
    at_.push_back(column);
    values_.push_back(value);
  }
  void end_row() { ends_.push_back(at_.size()); }

  std::size_t rows() const { return ends_.size(); }
  std::size_t columns() const { return columns_; }

  // out = X' W X v, with W the diagonal matrix of one weight a row.
  void normal(std::span<const double> weights, std::span<const double> v, std::span<double> out) const;
  // out = X' y
  void transposed(std::span<const double> y, std::span<double> out) const;

 private:
  std::size_t columns_;
  std::vector<std::uint32_t> at_;
  std::vector<float> values_;
  std::vector<std::size_t> ends_;
};

}  // namespace bh::streams
