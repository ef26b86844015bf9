// How arrays cross the border: contiguous, on the CPU, of the very dtype that the kernel reads.
#pragma once
#include <nanobind/ndarray.h>

#include <cstddef>
#include <optional>
#include <span>

#include "quantization/values.h"
#include "support/bytes.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

template <typename T>
using Array = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <typename T>
using Out = nanobind::ndarray<T, nanobind::c_contig, nanobind::device::cpu>;

template <typename T>
std::span<const T> span(const Array<T>& array) {
  return {array.data(), array.size()};
}
template <typename T>
std::span<const T> span(const std::optional<Array<T>>& array) {
  return array ? span(*array) : std::span<const T>{};
}

// Arrays whose dtype another argument tells.
using Flat = nanobind::ndarray<nanobind::ro, nanobind::c_contig, nanobind::device::cpu>;
using FlatOut = nanobind::ndarray<nanobind::c_contig, nanobind::device::cpu>;

template <typename T>
std::span<const T> items(const Flat& array) {
  return {static_cast<const T*>(array.data()), array.size()};
}
template <typename T>
std::span<T> items(const FlatOut& array) {
  return {static_cast<T*>(array.data()), array.size()};
}

inline bh::Bytes bytes_of(const nanobind::bytes& data) {
  return {static_cast<const std::byte*>(data.data()), data.size()};
}

// Flat data of any accepted dtype: floats, or keys with the table of what they stand for.
inline quantization::Values as_values(const Flat& data, const std::optional<Array<float>>& table) {
  using Kind = quantization::Values::Kind;
  const auto make = [&](Kind kind) {
    return quantization::Values{kind, data.data(), table ? table->data() : nullptr, data.size()};
  };
  const auto type = data.dtype();
  if (!table && type == nanobind::dtype<float>()) return make(Kind::float32);
  if (!table && type == nanobind::dtype<double>()) return make(Kind::float64);
  if (table && table->size() == 256 && type == nanobind::dtype<std::uint8_t>()) return make(Kind::key8);
  if (table && table->size() == 65536 && type == nanobind::dtype<std::uint16_t>()) return make(Kind::key16);
  throw bh::InvalidInput("data must be float32 or float64, or uint8 or uint16 keys with a table of all their values");
}
