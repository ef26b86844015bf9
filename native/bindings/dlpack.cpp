#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <vector>

#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

constexpr nb::dlpack::dtype kBfloat16{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1};

// The same memory, as numpy sees it.
template <typename View, typename Tensor>
View view(const Tensor& tensor, nb::dlpack::dtype dtype) {
  std::vector<std::size_t> shape(tensor.ndim());
  std::vector<std::int64_t> strides(tensor.ndim());
  for (std::size_t i = 0; i < tensor.ndim(); ++i) {
    shape[i] = tensor.shape(i);
    strides[i] = tensor.stride(i);
  }
  return View(tensor.data(), tensor.ndim(), shape.data(), nb::find(tensor), strides.data(), dtype);
}

// numpy has no bfloat16: such a tensor comes in as its bit patterns, any other as nothing. No copy is made.
using Bits = nb::ndarray<nb::numpy, const std::uint16_t>;
std::optional<Bits> bfloat16_bits(const nb::ndarray<nb::ro, nb::device::cpu>& tensor) {
  if (tensor.dtype() != kBfloat16) return std::nullopt;
  return view<Bits>(tensor, nb::dtype<std::uint16_t>());
}

// A tensor to write to, as a numpy array (np.from_dlpack makes one that only reads); bfloat16 as bit patterns.
using Writable = nb::ndarray<nb::numpy>;
Writable writable(const nb::ndarray<nb::device::cpu>& tensor) {
  return view<Writable>(tensor, tensor.dtype() == kBfloat16 ? nb::dtype<std::uint16_t>() : tensor.dtype());
}

}  // namespace

void bind_dlpack(nb::module_& m) {
  m.def("bfloat16_bits", &bfloat16_bits, "tensor"_a);
  m.def("writable", &writable, "tensor"_a.noconvert());
}
