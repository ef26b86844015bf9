// From values to packed codes and back, over arrays of any shape and grouping, by several threads.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quantization/format.h"
#include "support/parallel.h"

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

// Shares out what is selected in pieces. decoder.run(i, n, values) decodes n values of the array from i on.
template <typename Decoder, typename Item>
void decode_selected(const Decoder& decoder, const Selection& selection, std::uint64_t piece, std::size_t threads,
                     std::span<Item> values) {
  share((values.size() + piece - 1) / piece, threads, [&](std::uint64_t first_piece, std::uint64_t last_piece) {
    std::uint64_t at = first_piece * piece;
    const std::uint64_t end = std::min<std::uint64_t>(last_piece * piece, values.size());
    if (selection.row == 0) return decoder.run(selection.first + at, end - at, values.data() + at);
    while (at < end) {
      const std::uint64_t row = at / selection.row, j = at % selection.row;
      const std::size_t n = std::min(end - at, selection.row - j);
      decoder.run(selection.rows[row] * selection.row + j, n, values.data() + at);
      at += n;
    }
  });
}

// Replaces each code by the item that its group's row of `levels` holds for it. Item is an integer as wide as what is
// moved.
template <typename Item>
void decode(const CodesHeader& header, Bytes payload, std::span<const Item> levels, const Selection& selection,
            std::size_t threads, std::span<Item> values);

// The codes themselves, all of them.
template <typename Code>
void read_codes(const CodesHeader& header, Bytes payload, std::span<Code> codes);

}  // namespace bh::quantization
