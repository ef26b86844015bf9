// The bytes of `Codes`, version 1: a header of 64 bytes, the shape, the number of clipped values, the table of levels
// row by row, with rotation the scale of each chunk, for scaled blocks that of each block, the packed codes, CRC-32C.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/scale.h"
#include "quantization/values.h"
#include "support/bytes.h"

namespace bh::quantization {

// The dtypes of arrays, as the bytes number them, and their names in Python.
enum class Dtype : std::uint8_t {
  float64,
  float32,
  float16,
  bfloat16,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  int64,
  float8_e4m3fn,
  float8_e5m2
};
inline constexpr std::array kDtypeNames = {"float64", "float32", "float16", "bfloat16", "int8",          "uint8",
                                           "int16",   "uint16",  "int32",   "int64",    "float8_e4m3fn", "float8_e5m2"};

constexpr const char* name_of(Dtype dtype) { return kDtypeNames[static_cast<std::size_t>(dtype)]; }

// Levels are float32 where that holds every value of the dtype, else float64.
constexpr bool has_single_levels(Dtype dtype) {
  return dtype != Dtype::float64 && dtype != Dtype::int32 && dtype != Dtype::int64;
}

enum class Grouped : std::uint8_t { whole, axis, block };

// An array in C order: `count` times its last axis, of `length` values. A 0-d array is one run of one value.
struct Runs {
  std::uint64_t count = 1, length = 1;

  std::uint64_t size() const { return count * length; }
};

struct CodesHeader {
  Method method = Method::uniform;
  Objective objective = Objective::unbiased;
  Dtype dtype = Dtype::float64;  // of the source
  Grouped grouped = Grouped::whole;
  std::uint8_t axis = kNoAxis;
  std::uint32_t n_levels = 1;  // columns of the table of levels
  std::uint64_t block = 0;     // of values that share a table; with rotation, of the largest chunk
  std::uint8_t rounds = 0;     // of the rotation; 0 is none
  std::uint64_t seed = 0, stream = 0;
  std::vector<std::uint64_t> shape;
  std::uint64_t clipped = 0;
  Scale scale = Scale::none;  // of each block, which then share a table

  static constexpr std::uint8_t kNoAxis = 255;

  int bits() const;
  bool single() const { return has_single_levels(dtype); }
  bool rotated() const { return rounds > 0; }
  bool scaled() const { return scale != Scale::none; }
  bool random() const { return rotated() || (objective == Objective::unbiased && n_levels > 1); }
  Runs runs() const;
  std::uint64_t size() const { return runs().size(); }
  Grouping grouping() const;
  std::uint64_t groups() const { return grouping().count(); }
  std::uint64_t tables() const { return rotated() || scaled() ? 1 : groups(); }
  Chunks chunks() const { return {grouping().size(0), block}; }  // of each group, with rotation
  std::size_t real_bytes() const { return single() ? 4 : 8; }
  std::size_t levels_at() const { return 64 + 8 * shape.size() + 8; }
  std::uint64_t levels_bytes() const { return tables() * n_levels * real_bytes(); }
  std::uint64_t scales_at() const { return levels_at() + levels_bytes(); }
  std::uint64_t scales_bytes() const {
    return rotated() ? groups() * chunks().count() * real_bytes() : groups() * scale_bytes(scale);
  }
  std::uint64_t payload_at() const { return scales_at() + scales_bytes(); }
  std::uint64_t payload_bytes() const;
  std::uint64_t total_bytes() const { return payload_at() + payload_bytes() + 4; }
};

// Writes all but scales and payload, which must stand in their places already: the CRC covers them.
void write_codes(const CodesHeader& header, Bytes levels, std::span<std::byte> bytes);

// Reads a header and checks it against the number of bytes; allocates nothing but the shape. Throws CorruptData.
CodesHeader read_codes_header(Bytes bytes);
// Checks what the header does not cover: levels, scales, codes, padding, CRC. Throws CorruptData.
void check_codes(const CodesHeader& header, Bytes bytes);

}  // namespace bh::quantization
