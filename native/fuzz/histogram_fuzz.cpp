// Bytes either are a histogram that keeps its promises, or are refused.
#include <cstdint>

#include "quantization/histogram.h"
#include "support/errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    bh::Histogram read = bh::Histogram::from_bytes(bytes);
    read.check_invariants();
    if (read.total_weight() > 0) {
      bh::histogram_levels(read, 5, bh::Objective::unbiased);
      bh::histogram_levels(read, 5, bh::Objective::mse);
    }
    read.merge(bh::Histogram::from_bytes(bytes));
    read.check_invariants();
    const auto again = bh::Histogram::from_bytes(read.to_bytes());
    if (again.to_bytes() != read.to_bytes()) __builtin_trap();
  } catch (const bh::CorruptData&) {
  }
  return 0;
}
