#include "bindings/values.h"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bindings/bindings.h"
#include "quantization/format.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

void bind_values(nb::module_& m) {
  using quantization::Dtype, quantization::Grouping, quantization::Method, quantization::Objective, quantization::Scale;
  nb::enum_<Objective>(m, "Objective").value("unbiased", Objective::unbiased).value("mse", Objective::mse);
  nb::enum_<Method>(m, "Method")
      .value("uniform", Method::uniform)
      .value("histogram", Method::histogram)
      .value("exact", Method::exact)
      .value("given", Method::given)
      .value("rotation", Method::rotation)
      .value("scaled", Method::scaled);
  nb::enum_<Scale>(m, "Scale")
      .value("none", Scale::none)
      .value("float16", Scale::float16)
      .value("bfloat16", Scale::bfloat16)
      .value("e8m0", Scale::e8m0);
  nb::enum_<Dtype> dtypes(m, "Dtype");
  for (std::size_t i = 0; i < quantization::kDtypeNames.size(); ++i)
    dtypes.value(quantization::kDtypeNames[i], static_cast<Dtype>(i));
  nb::class_<Grouping>(m, "Grouping")
      .def(nb::init<std::size_t, std::size_t, std::size_t, std::size_t>(), "outer"_a, "groups"_a, "inner"_a,
           "block"_a = 0)
      .def_ro("outer", &Grouping::outer)
      .def_ro("groups", &Grouping::groups)
      .def_ro("inner", &Grouping::inner)
      .def_ro("block", &Grouping::block)
      .def_prop_ro("count", &Grouping::count)
      .def_prop_ro("largest", &Grouping::largest);
  nb::class_<HeldValues>(m, "Values")
      .def(nb::init<Flat, std::optional<Array<float>>>(), "data"_a.noconvert(),
           "lookup"_a.noconvert().none() = nb::none());
}
