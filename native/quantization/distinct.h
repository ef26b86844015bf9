// A group's distinct values in ascending order, each with the weight of all its copies.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "quantization/values.h"
#include "support/storage.h"

namespace bh::quantization {

using Index = std::uint32_t;

template <typename T>
struct Distinct {
  std::span<const T> values;
  Storage<T> own;           // holds the values, where nobody else does
  Storage<double> weights;  // empty where the weight is the number of copies
  Storage<Index> ends;      // then how many values are at most this one; empty too where there is one copy of each

  std::size_t size() const { return values.size(); }
  bool plain() const { return weights.empty() && ends.empty(); }
  double weight(std::size_t i) const {
    if (!weights.empty()) return weights[i];
    return ends.empty() ? 1.0 : ends[i] - (i == 0 ? 0.0 : ends[i - 1]);
  }
};

// Puts finite values in order; x stays.
void sort(std::span<const float> x, std::span<float> sorted);
void sort(std::span<const double> x, std::span<double> sorted);

// Of values in order, which move together in place and must stay.
template <typename T>
Distinct<T> distinct(std::span<T> ascending);

// `weights` is empty or as long as `x`. Values without weight are dropped, but for unbiased levels the two ends stay.
template <typename T>
Distinct<T> distinct(std::span<const T> x, std::span<const double> weights, Objective objective);

// The keys in the order of the numbers they stand for, without those of NaN and infinity.
std::vector<std::uint16_t> ascending_keys(const Values& values);

// The same from counts of all the values that keys can stand for, without sorting the data; `ascending`: the
// keys in order.
Distinct<float> distinct(const Values& values, const Grouping& grouping, std::size_t group,
                         std::span<const double> weights, std::span<const std::uint16_t> ascending,
                         Objective objective);

}  // namespace bh::quantization
