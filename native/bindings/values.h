// How the numbers that quantization reads cross the border.
#pragma once
#include <cstdint>
#include <optional>

#include "bindings/arrays.h"
#include "quantization/values.h"
#include "support/errors.h"

// Flat data of any accepted dtype: floats, or keys with the table of what they stand for.
inline bh::quantization::Values as_values(const Flat& data, const std::optional<Array<float>>& table) {
  using Kind = bh::quantization::Values::Kind;
  const auto make = [&](Kind kind) {
    return bh::quantization::Values{kind, data.data(), table ? table->data() : nullptr, data.size()};
  };
  const auto type = data.dtype();
  if (!table && type == nanobind::dtype<float>()) return make(Kind::float32);
  if (!table && type == nanobind::dtype<double>()) return make(Kind::float64);
  if (table && table->size() == 256 && type == nanobind::dtype<std::uint8_t>()) return make(Kind::key8);
  if (table && table->size() == 65536 && type == nanobind::dtype<std::uint16_t>()) return make(Kind::key16);
  throw bh::InvalidInput("data must be float32 or float64, or uint8 or uint16 keys with a table of all their values");
}
