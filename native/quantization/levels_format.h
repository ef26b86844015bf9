// The bytes of `Levels`, version 1: a header of 80 bytes, the shape, the tables row by row, what is known of their
// groups, CRC-32C.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "quantization/scale.h"
#include "quantization/values.h"
#include "support/bytes.h"

namespace bh::quantization {

// All that tables of levels say of themselves; a vector that is empty says nothing.
struct LevelsRecord {
  Method method = Method::given;
  Objective objective = Objective::unbiased;
  bool single = false;  // whether the levels are float32
  Scale scale = Scale::none;
  std::optional<std::int8_t> axis;  // counted from the end where it is negative
  std::uint32_t n_levels = 1;       // columns of the tables
  std::uint64_t block = 0;          // 0 without
  double squared_error = 0, vnmse = 0;
  std::optional<double> gap;
  std::vector<std::uint64_t> shape;  // of the data
  std::vector<double> values;        // row by row
  std::vector<std::int64_t> counts;  // of levels in each row
  std::vector<double> group_squared_error;
  std::vector<std::int64_t> grid_index;  // one for each level
  std::vector<double> losses;
};

std::vector<std::byte> write_levels(const LevelsRecord& record);
// What is read is written as it was, and its tables are finite and ascend; whether they fit their shape is not looked
// at. Throws CorruptData.
LevelsRecord read_levels(Bytes bytes);

}  // namespace bh::quantization
