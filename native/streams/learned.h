// The gated kernel with a predictor beside it: calibrated and LSS+.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "streams/classes.h"
#include "streams/gated.h"

namespace bh::streams {

class Learned : public Gated {
 public:
  using Gated::Gated;
  Learned emptied() const { return Learned(Gated::emptied()); }

  // What a prediction, log2 of a count, says of a key.
  std::uint8_t mark(float prediction) const {
    constexpr Classes kNone{-HUGE_VAL, HUGE_VAL, 0};
    return mark_of(prediction, classes().value_or(kNone));
  }
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
              std::span<const std::uint8_t> marks, Labels* labels) {
    Gated::update(ids, weights, marks, labels);
  }

 private:
  explicit Learned(Gated gated) : Gated(std::move(gated)) {}
};

}  // namespace bh::streams
