// Bytes of Levels: what is read is written back as it was.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/levels_format.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bh::Bytes bytes = std::as_bytes(std::span(data, size));
  try {
    const quantization::LevelsRecord record = quantization::read_levels(bytes);
    for (const double level : record.values)
      if (!std::isfinite(level)) __builtin_trap();
    if (record.values.empty() || record.values.size() % record.n_levels != 0) __builtin_trap();
    if (!std::ranges::equal(quantization::write_levels(record), bytes)) __builtin_trap();
  } catch (const bh::CorruptData&) {
  }
  return 0;
}
