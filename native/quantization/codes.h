// From values to packed codes and back, over arrays of any shape and grouping, by several threads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "quantization/format.h"

namespace bh::quantization {

struct EncodeOptions {
  bool clip = false;  // values outside the levels go to the end level, and are counted, instead of being refused
  std::size_t threads = 1;
};

// Fills `bytes`, all header.total_bytes() of them, and returns the header with the values clipped. Row g of the table
// `levels` has counts[g] levels, then padding. Real is float if header.single(). Throws InvalidInput for NaN, infinity,
// and values outside the levels.
template <typename Real>
CodesHeader encode(CodesHeader header, const Values& values, std::span<const Real> levels,
                   std::span<const std::int64_t> counts, EncodeOptions options, std::span<std::byte> bytes);

// Which part of an array is decoded: the values from `first` on, or, if `row` is not 0, these rows of `row` values
// each.
struct Selection {
  std::uint64_t first = 0;
  std::span<const std::int64_t> rows = {};
  std::uint64_t row = 0;
};

// Replaces each code by the item that its group's row of `levels` holds for it. Item is an integer as wide as what is
// moved.
template <typename Item>
void decode(const CodesHeader& header, Bytes payload, std::span<const Item> levels, const Selection& selection,
            std::size_t threads, std::span<Item> values);

// The codes themselves, all of them.
template <typename Code>
void read_codes(const CodesHeader& header, Bytes payload, std::span<Code> codes);

}  // namespace bh::quantization
