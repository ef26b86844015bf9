#include "quantization/levels_format.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Record = bh::quantization::LevelsRecord;
using bh::quantization::Method, bh::quantization::Objective, bh::quantization::Scale;

template <typename T>
std::vector<T> copied(const Array<T>& array) {
  return {array.data(), array.data() + array.size()};
}
template <typename T>
std::vector<T> copied(const std::optional<Array<T>>& array) {
  return array ? copied(*array) : std::vector<T>();
}

template <typename T>
std::optional<nb::ndarray<nb::numpy, T>> known(const std::vector<T>& items) {
  if (items.empty()) return std::nullopt;
  return as_numpy(std::vector<T>(items), {items.size()});
}

nb::bytes written(Method method, Objective objective, bool single, Scale scale, std::optional<std::int8_t> axis,
                  std::uint32_t n_levels, std::uint64_t block, double squared_error, double vnmse,
                  std::optional<double> gap, std::vector<std::uint64_t> shape, const Array<double>& values,
                  const std::optional<Array<std::int64_t>>& counts,
                  const std::optional<Array<double>>& group_squared_error,
                  const std::optional<Array<std::int64_t>>& grid_index, std::vector<double> losses) {
  const Record record{method,
                      objective,
                      single,
                      scale,
                      axis,
                      n_levels,
                      block,
                      squared_error,
                      vnmse,
                      gap,
                      std::move(shape),
                      copied(values),
                      copied(counts),
                      copied(group_squared_error),
                      copied(grid_index),
                      std::move(losses)};
  const std::vector<std::byte> bytes = bh::quantization::write_levels(record);
  return nb::bytes(bytes.data(), bytes.size());
}

}  // namespace

void bind_levels_format(nb::module_& m) {
  constexpr auto owned = nb::rv_policy::automatic;
  nb::class_<Record>(m, "LevelsRecord")
      .def_ro("method", &Record::method)
      .def_ro("objective", &Record::objective)
      .def_ro("single", &Record::single)
      .def_ro("scale", &Record::scale)
      .def_ro("axis", &Record::axis)
      .def_ro("n_levels", &Record::n_levels)
      .def_ro("block", &Record::block)
      .def_ro("squared_error", &Record::squared_error)
      .def_ro("vnmse", &Record::vnmse)
      .def_ro("gap", &Record::gap)
      .def_ro("shape", &Record::shape)
      .def_ro("losses", &Record::losses)
      .def_prop_ro(
          "values", [](const Record& self) { return as_numpy(std::vector(self.values), {self.values.size()}); }, owned)
      .def_prop_ro(
          "counts", [](const Record& self) { return known(self.counts); }, owned)
      .def_prop_ro(
          "group_squared_error", [](const Record& self) { return known(self.group_squared_error); }, owned)
      .def_prop_ro("grid_index", [](const Record& self) { return known(self.grid_index); }, owned);
  m.def("read_levels", [](const nb::bytes& data) { return bh::quantization::read_levels(bytes_of(data)); }, "data"_a);
  m.def("write_levels", &written, nb::kw_only(), "method"_a, "objective"_a, "single"_a, "scale"_a, "axis"_a.none(),
        "n_levels"_a, "block"_a, "squared_error"_a, "vnmse"_a, "gap"_a.none(), "shape"_a, "values"_a.noconvert(),
        "counts"_a.noconvert().none(), "group_squared_error"_a.noconvert().none(), "grid_index"_a.noconvert().none(),
        "losses"_a);
}
