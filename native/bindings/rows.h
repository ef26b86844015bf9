// How transforms in place cross the border: an array of float32 or float64, seen as rows of a power of two of values.
#pragma once
#include <bit>
#include <cstddef>
#include <span>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

// Calls work(x, length of its last axis, a power of two) for an array of float32 or float64.
template <typename Work>
void each_row(const FlatOut& x, const Work& work) {
  const std::size_t length = x.ndim() == 0 ? 1 : x.shape(x.ndim() - 1);
  if (!std::has_single_bit(length))
    throw bh::InvalidInput("x has a last axis of " + std::to_string(length) +
                           ", but it must be a power of two; pad it with zeros");
  const bool single = x.dtype() == nanobind::dtype<float>();
  if (!single && x.dtype() != nanobind::dtype<double>()) throw bh::InvalidInput("x must be float32 or float64");
  const Unlocked unlocked(x.size());
  if (single)
    work(std::span(static_cast<float*>(x.data()), x.size()), length);
  else
    work(std::span(static_cast<double*>(x.data()), x.size()), length);
}
