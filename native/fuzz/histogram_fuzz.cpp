// Bytes either are a histogram that keeps its promises, or are refused.
#include <cmath>
#include <cstdint>

#include "quantization/buckets.h"
#include "quantization/histogram.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    quantization::Histogram read = quantization::Histogram::from_bytes(bytes);
    read.check_invariants();
    if (read.total_weight() > 0) {
      for (const auto objective : {quantization::Objective::unbiased, quantization::Objective::mse})
        for (const double level : bucket_levels({read, objective}, 5, objective, quantization::Certify::always).levels)
          if (!std::isfinite(level)) __builtin_trap();
    }
    read.merge(quantization::Histogram::from_bytes(bytes));
    read.check_invariants();
    const auto again = quantization::Histogram::from_bytes(read.to_bytes());
    if (again.to_bytes() != read.to_bytes()) __builtin_trap();
  } catch (const bh::CorruptData&) {
  }
  return 0;
}
