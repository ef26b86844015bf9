// How the numbers that quantization reads cross the border.
#pragma once
#include <cstdint>
#include <optional>

#include "bindings/arrays.h"
#include "quantization/values.h"
#include "support/errors.h"

// Data of any accepted dtype in C order, which stay alive with it: floats, integers, or keys and what each stands for.
struct HeldValues {
  HeldValues(Flat data, std::optional<Array<float>> lookup)
      : data(std::move(data)), lookup(std::move(lookup)), view{kind(), this->data.data(), table(), this->data.size()} {}

  Flat data;
  std::optional<Array<float>> lookup;
  bh::quantization::Values view;

 private:
  const float* table() const { return lookup ? lookup->data() : nullptr; }
  bh::quantization::Values::Kind kind() const {
    using Kind = bh::quantization::Values::Kind;
    const auto type = data.dtype();
    if (!lookup && type == nanobind::dtype<float>()) return Kind::float32;
    if (!lookup && type == nanobind::dtype<double>()) return Kind::float64;
    if (!lookup && type == nanobind::dtype<std::int32_t>()) return Kind::int32;
    if (!lookup && type == nanobind::dtype<std::int64_t>()) return Kind::int64;
    if (lookup && lookup->size() == 256 && type == nanobind::dtype<std::uint8_t>()) return Kind::key8;
    if (lookup && lookup->size() == 65536 && type == nanobind::dtype<std::uint16_t>()) return Kind::key16;
    throw bh::InvalidInput(
        "data must be float32, float64, int32 or int64, or uint8 or uint16 keys with a lookup of all their values");
  }
};
