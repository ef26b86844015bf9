#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <vector>

#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Bits = nb::ndarray<nb::numpy, const std::uint16_t>;

// numpy has no bfloat16: such a tensor comes in as its bit patterns, any other as nothing. No copy is made.
std::optional<Bits> bfloat16_bits(const nb::ndarray<nb::ro, nb::device::cpu>& tensor) {
  constexpr nb::dlpack::dtype bfloat16{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1};
  if (tensor.dtype() != bfloat16) return std::nullopt;
  std::vector<std::size_t> shape(tensor.ndim());
  std::vector<std::int64_t> strides(tensor.ndim());
  for (std::size_t i = 0; i < tensor.ndim(); ++i) {
    shape[i] = tensor.shape(i);
    strides[i] = tensor.stride(i);
  }
  return Bits(tensor.data(), tensor.ndim(), shape.data(), nb::find(tensor), strides.data());
}

}  // namespace

void bind_dlpack(nb::module_& m) { m.def("bfloat16_bits", &bfloat16_bits, "tensor"_a); }
