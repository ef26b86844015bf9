#include "quantization/scaled.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using quantization::Grouping, quantization::Objective, quantization::Scale, quantization::ScaledTable;

ScaledTable scaled_levels(const HeldValues& values, const Grouping& blocks, Objective objective, std::size_t n_levels,
                          Scale scale, bool zero, std::size_t threads) {
  const Unlocked unlocked(values.view.size);
  return quantization::scaled_levels(values.view, blocks, {objective, n_levels, scale, zero}, threads);
}

ScaledTable score_scaled(const HeldValues& values, const Grouping& blocks, const Array<double>& levels,
                         Objective objective, Scale scale, std::size_t threads) {
  const Unlocked unlocked(values.view.size);
  return quantization::score_scaled(values.view, blocks, span(levels), objective, scale, threads);
}

void decode(const quantization::CodesHeader& header, const nb::bytes& data, std::uint64_t first,
            const std::optional<Array<std::int64_t>>& rows, std::uint64_t row, std::size_t threads,
            const FlatOut& out) {
  const bh::Bytes bytes = bytes_of(data);
  const quantization::Selection selection{first, span(rows), row};
  const Unlocked unlocked(out.size());
  if (header.single())
    quantization::decode_scaled(header, bytes, selection, threads, items<float>(out));
  else
    quantization::decode_scaled(header, bytes, selection, threads, items<double>(out));
}

nb::ndarray<nb::numpy, double> scales(const quantization::CodesHeader& header, const nb::bytes& data) {
  std::vector<double> found(header.groups());
  quantization::read_scales(header, bytes_of(data), found);
  return as_numpy(std::move(found), {header.groups()});
}

}  // namespace

void bind_scaled(nb::module_& m) {
  nb::class_<ScaledTable>(m, "ScaledTable")
      .def_ro("levels", &ScaledTable::levels)
      .def_ro("losses", &ScaledTable::losses)
      .def_ro("squared_error", &ScaledTable::squared_error)
      .def_ro("vnmse", &ScaledTable::vnmse)
      .def_ro("exact", &ScaledTable::exact);
  m.def("scaled_levels", &scaled_levels, "values"_a, "blocks"_a, nb::kw_only(), "objective"_a, "n_levels"_a, "scale"_a,
        "zero"_a, "threads"_a);
  m.def("score_scaled", &score_scaled, "values"_a, "blocks"_a, "levels"_a.noconvert(), nb::kw_only(), "objective"_a,
        "scale"_a, "threads"_a);
  m.def("decode_scaled", &decode, "header"_a, "data"_a, nb::kw_only(), "first"_a, "rows"_a.noconvert().none(), "row"_a,
        "threads"_a, "out"_a.noconvert());
  m.def("block_scales", &scales, "header"_a, "data"_a);
}
