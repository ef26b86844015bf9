// How arrays cross the border: contiguous, on the CPU, and of exactly the dtype that the kernel reads.
#pragma once
#include <nanobind/ndarray.h>

#include <cstddef>
#include <optional>
#include <span>

#include "support/bytes.h"

template <typename T>
using Array = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <typename T>
using Out = nanobind::ndarray<T, nanobind::c_contig, nanobind::device::cpu>;
template <typename T>
using Filled = nanobind::ndarray<T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;

template <typename T>
std::span<T> filled(const Filled<T>& array) {
  return {array.data(), array.size()};
}
template <typename T>
std::span<const T> span(const Array<T>& array) {
  return {array.data(), array.size()};
}
template <typename T>
std::span<const T> span(const std::optional<Array<T>>& array) {
  return array ? span(*array) : std::span<const T>{};
}

// Arrays whose dtype depends on another argument.
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
