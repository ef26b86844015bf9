// Values of many sizes, so that another order of adding would round otherwise.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

template <typename Real>
std::vector<Real> numbers(std::size_t n) {
  std::vector<Real> x(n);
  std::uint32_t state = 1;
  for (Real& value : x) {
    state = state * 1664525 + 1013904223;
    value = static_cast<Real>(static_cast<std::int32_t>(state)) / static_cast<Real>(1 + state % 1009);
  }
  return x;
}
