#include "quantization/levels.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Shape = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;  // outer, groups, inner, block

quantization::Data as_data(const Flat& data, const std::optional<Array<float>>& table,
                           const std::optional<Array<double>>& weights, const Shape& shape) {
  const auto [outer, groups, inner, block] = shape;
  return {as_values(data, table), span(weights), {outer, groups, inner, block}};
}

// One row for each group: its errors and norm, the binary exponent that they lack, and the solver's gap.
void write_figures(const quantization::Table& table, double* row) {
  row[0] = table.squared_error;
  row[1] = table.plain_error;
  row[2] = table.squared_norm;
  row[3] = -2.0 * std::ilogb(table.unit);
  row[4] = table.gap;
}

void levels(const Flat& data, const std::optional<Array<float>>& table, const std::optional<Array<double>>& weights,
            const Shape& shape, int method, int objective, std::size_t s, std::uint32_t bins,
            const std::optional<Array<double>>& grid, bool certify, std::size_t threads, const Out<double>& values,
            const Out<std::int64_t>& counts, const Out<std::int64_t>& index, const Out<double>& figures) {
  const quantization::Data all = as_data(data, table, weights, shape);
  const quantization::Request request{static_cast<quantization::Method>(method),
                                      static_cast<quantization::Objective>(objective),
                                      s,
                                      bins,
                                      span(grid),
                                      certify};
  const std::size_t columns = values.shape(1);
  const Unlocked unlocked(all.values.size);
  quantization::solve_groups(all, request, threads, [&](std::size_t group, const quantization::Table& found) {
    double* row = values.data() + group * columns;
    std::fill(std::copy(found.levels.begin(), found.levels.end(), row), row + columns, found.levels.back());
    if (grid) {
      std::int64_t* at = index.data() + group * columns;
      std::fill(std::copy(found.grid_index.begin(), found.grid_index.end(), at), at + columns, found.grid_index.back());
    }
    counts.data()[group] = static_cast<std::int64_t>(found.levels.size());
    write_figures(found, figures.data() + group * 5);
  });
}

void score_levels(const Flat& data, const std::optional<Array<float>>& table, const Shape& shape, int objective,
                  const nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>& values,
                  const Array<std::int64_t>& counts, const Out<double>& figures) {
  const quantization::Data all = as_data(data, table, std::nullopt, shape);
  const std::size_t columns = values.shape(1);
  const Unlocked unlocked(all.values.size);
  for (std::size_t group = 0; group < counts.size(); ++group) {
    const std::span<const double> row(values.data() + group * columns, static_cast<std::size_t>(counts.data()[group]));
    write_figures(quantization::score_group(all, group, row, static_cast<quantization::Objective>(objective)),
                  figures.data() + group * 5);
  }
}

void ranges(const Flat& data, const std::optional<Array<float>>& table, const Shape& shape, const Out<double>& out) {
  const quantization::Data all = as_data(data, table, std::nullopt, shape);
  const Unlocked unlocked(all.values.size);
  for (std::size_t group = 0; group < all.grouping.count(); ++group) {
    const quantization::Range<double> range = quantization::group_range(all, group);
    out.data()[2 * group] = range.low;
    out.data()[2 * group + 1] = range.high;
  }
}

}  // namespace

void bind_levels(nb::module_& m) {
  m.def("levels", &levels, "data"_a.noconvert(), "table"_a.noconvert().none(), "weights"_a.noconvert().none(),
        "shape"_a, "method"_a, "objective"_a, "s"_a, "bins"_a, "grid"_a.noconvert().none(), "certify"_a, "threads"_a,
        "values"_a.noconvert(), "counts"_a.noconvert(), "index"_a.noconvert(), "figures"_a.noconvert());
  m.def("score_levels", &score_levels, "data"_a.noconvert(), "table"_a.noconvert().none(), "shape"_a, "objective"_a,
        "values"_a.noconvert(), "counts"_a.noconvert(), "figures"_a.noconvert());
  m.def("ranges", &ranges, "data"_a.noconvert(), "table"_a.noconvert().none(), "shape"_a, "out"_a.noconvert());
}
