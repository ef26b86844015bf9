// The squared error of a table of levels, summed directly over the data, not taken from a solver's running sums.
#pragma once
#include <span>

#include "quantization/distinct.h"

namespace bh::quantization {

// Expected squared error, in units of (1 / unit)^2. Levels ascend; for unbiased levels they enclose the data.
template <typename T>
double squared_error(const Stretches<T>& x, std::span<const double> weights, std::span<const double> levels,
                     Objective objective, double unit);

// The same from values in order, in one walk along both.
template <typename T>
double squared_error(const Distinct<T>& values, std::span<const double> levels, Objective objective, double unit);

// The sum of x^2, in the same units.
template <typename T>
double squared_norm(const Stretches<T>& x, double unit);
template <typename T>
double squared_norm(const Distinct<T>& values, double unit);

}  // namespace bh::quantization
