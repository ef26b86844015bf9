// How arrays cross the border: contiguous, on the CPU, and of exactly the dtype that the kernel reads.
#pragma once
#include <nanobind/ndarray.h>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

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

// Items as a numpy array that owns them; as a property it needs rv_policy::automatic.
template <typename T>
nanobind::ndarray<nanobind::numpy, T> as_numpy(std::vector<T> items, std::initializer_list<std::size_t> shape) {
  auto* kept = new std::vector<T>(std::move(items));
  const nanobind::capsule owner(kept, [](void* it) noexcept { delete static_cast<std::vector<T>*>(it); });
  return {kept->data(), shape, owner};
}

inline bh::Bytes bytes_of(const nanobind::bytes& data) {
  return {static_cast<const std::byte*>(data.data()), data.size()};
}
