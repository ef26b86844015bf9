// Keys as they lie in memory: one column of integers or strings, whose rows may be null.
//
// The memory is the caller's and may change (support/shared.h): each integer is copied once, and the ends of a string
// are bounded anew at each reading by the bytes that there are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "streams/keys.h"

namespace bh::streams {

struct Integers {
  const std::byte* data;
  std::size_t width;  // 1, 2, 4 or 8 bytes
  bool with_sign;
};

// Strings of one width.
struct Fixed {
  const std::byte* data;
  std::size_t width;
  bool padded;  // zeros at the end are no part of them, as in numpy's S
};

// Code points of one width, padded by zeros, as in numpy's U.
struct Wide {
  const std::byte* data;  // need not be aligned
  std::size_t width;      // code points
};

// One string after another, as in Arrow: string i ends where string i + 1 begins.
template <typename Offset>
struct Packed {
  const std::byte* offsets;  // need not be aligned
  const std::byte* data;
  Offset end;  // of all strings
};

// Arrow's string_view: 16 bytes each, with the string itself or where it is.
struct Views {
  const std::byte* views;
  std::vector<std::span<const std::byte>> buffers;
};

// Strings at places of their own.
struct Pieces {
  const std::string_view* pieces;
};

struct Column;

// Rows that refer to one of a few values.
struct Dictionary {
  Integers codes;
  std::shared_ptr<const Column> values;
  std::vector<std::uint64_t> ids;  // of the values, where they are few enough to be hashed beforehand
};

struct Column {
  KeyKind kind;  // none: all rows are null
  std::size_t rows;
  std::variant<Integers, Fixed, Wide, Packed<std::int32_t>, Packed<std::int64_t>, Views, Pieces, Dictionary> layout;
  const std::uint8_t* valid = nullptr;  // a bit for each row, the lowest first; none: all are
  std::size_t valid_offset = 0;         // the bit of row 0
  std::shared_ptr<const void> owner{};  // keeps the memory alive

  // By the bits alone; a row of a dictionary may still refer to a null.
  bool has_value(std::size_t row) const {
    const std::size_t bit = valid_offset + row;
    return !valid || (valid[bit / 8] >> bit % 8 & 1);
  }
  bool null(std::size_t row) const;
  std::size_t nulls() const;

  // The ids of rows first..last-1 that are not null; returns how many. Where some are null, `rows` says which rows
  // these are, counted from `first`.
  std::size_t ids(std::size_t first, std::size_t last, std::uint64_t seed, std::uint64_t* ids,
                  std::uint32_t* rows) const;

  // A string, in the column's memory or in `scratch`.
  std::string_view text(std::size_t row, std::string& scratch) const;

  // Whether an integer has the 64th bit.
  bool wide() const;
};

// Throws InvalidInput if code points are none, as numpy lets one store.
void check_code_points(const Wide& strings, std::size_t rows);

}  // namespace bh::streams
