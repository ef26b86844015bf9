// Where a value goes over to the next level when it is rounded to the nearest: decided exactly, however close levels
// are.
#pragma once
#include <cmath>
#include <limits>

namespace bh::quantization {

// Whether x is no farther from `low` than from `high`, low <= x <= high: 2 x <= low + high. The sum is taken apart into
// what a double holds and what is lost (Knuth's two-sum), which decides where twice x is all that the double holds.
inline bool nearer_to_low(double x, double low, double high) {
  if (std::abs(low) > 0x1p1000 || std::abs(high) > 0x1p1000) x /= 2, low /= 2, high /= 2;  // exact, where it matters
  const double sum = low + high, rest = sum - low, lost = (low - (sum - rest)) + (high - rest);
  return 2 * x < sum || (2 * x == sum && lost >= 0);
}

// The greatest T that is no farther from `low` than from `high`, low <= high.
template <typename T>
T last_nearer_to_low(T low, T high) {
  const T infinite = std::numeric_limits<T>::infinity();
  T x = T{0.5} * low + T{0.5} * high;
  while (!nearer_to_low(static_cast<double>(x), static_cast<double>(low), static_cast<double>(high)))
    x = std::nextafter(x, -infinite);
  for (T next; (next = std::nextafter(x, infinite)) < high; x = next)
    if (!nearer_to_low(static_cast<double>(next), static_cast<double>(low), static_cast<double>(high))) break;
  return x;
}

}  // namespace bh::quantization
