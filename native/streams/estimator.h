// What a summary knows of a key for certain, and the single numbers that it may be asked for instead.
#pragma once
#include <cstdint>

namespace bh::streams {

struct Bounds {
  std::uint64_t lower, upper;
};

enum class Estimator : std::uint8_t { count, upper, lower, mid };

// Of a key with a counter, where nothing comes on top of it.
inline double estimate_of(Bounds bounds, Estimator estimator) {
  const auto lower = static_cast<double>(bounds.lower), upper = static_cast<double>(bounds.upper);
  switch (estimator) {
    case Estimator::count:
    case Estimator::upper: return upper;
    case Estimator::lower: return lower;
    case Estimator::mid: break;
  }
  return lower + (upper - lower) / 2;
}

}  // namespace bh::streams
