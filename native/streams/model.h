// The bytes of a trained predictor: the header of all kinds, then one section with its horizon, its price and the
// options and weights, which predict.h lays out and its class reads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "streams/format.h"

namespace bh::streams {

struct Model {
  Kind kind = Kind::constant;
  std::uint8_t key_kind = 0;  // as keys.h numbers them
  std::uint64_t horizon = 0;  // arrivals that its counts are of; 0: unknown
  double seconds = 0;         // a key
  std::vector<std::byte> content;

  std::vector<std::byte> to_bytes() const;
  static Model from_bytes(Bytes bytes);  // throws CorruptData
};

}  // namespace bh::streams
