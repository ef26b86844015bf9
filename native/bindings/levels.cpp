#include "quantization/levels.h"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"
#include "quantization/distinct.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using quantization::Cost, quantization::Method, quantization::Objective;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Tables as numpy arrays whose rows end with the longest table.
class LevelTables {
 public:
  LevelTables(quantization::Tables tables, bool single)
      : tables_(std::move(tables)),
        columns_(static_cast<std::size_t>(*std::max_element(tables_.counts.begin(), tables_.counts.end()))),
        single_(single) {}

  nb::ndarray<nb::numpy> levels() const {
    if (single_) return nb::ndarray<nb::numpy>(rows<float>(tables_.levels));
    return nb::ndarray<nb::numpy>(rows<double>(tables_.levels));
  }
  auto counts() const { return as_numpy(tables_.counts, {tables_.counts.size()}); }
  std::optional<nb::ndarray<nb::numpy, std::int64_t>> grid_index() const {
    if (tables_.grid_index.empty()) return std::nullopt;
    return rows<std::int64_t>(tables_.grid_index);
  }
  const Cost& cost() const { return tables_.cost; }

 private:
  template <typename Item, typename From>
  nb::ndarray<nb::numpy, Item> rows(const std::vector<From>& from) const {
    const std::size_t groups = tables_.counts.size();
    std::vector<Item> items(groups * columns_);
    for (std::size_t group = 0; group < groups; ++group)
      std::transform(&from[group * tables_.columns], &from[group * tables_.columns] + columns_,
                     &items[group * columns_], [](From item) { return static_cast<Item>(item); });
    return as_numpy(std::move(items), {groups, columns_});
  }

  quantization::Tables tables_;
  std::size_t columns_;
  bool single_;
};

LevelTables levels(const HeldValues& values, const quantization::Grouping& grouping, Method method, Objective objective,
                   std::size_t n_levels, std::uint32_t bins, const std::optional<Array<double>>& weights,
                   double weight_unit, const std::optional<FlatOut>& ascending,
                   const std::optional<Array<double>>& grid, bool certify, bool score, std::size_t threads) {
  const auto levels_dtype = values.view.wide() ? nb::dtype<double>() : nb::dtype<float>();
  if (ascending && (ascending->size() != values.view.size || ascending->dtype() != levels_dtype))
    throw bh::InvalidInput("ascending must have as many values as the data, and the dtype of their levels");
  void* const sorted = ascending ? ascending->data() : nullptr;
  const quantization::Data data{values.view, grouping, span(weights), weight_unit, sorted};
  const quantization::Request request{method, objective, n_levels, bins, span(grid), certify, score};
  const Unlocked unlocked(values.view.size);
  return {quantization::solve_groups(data, request, threads), !values.view.wide()};
}

Cost score_levels(const HeldValues& values, const quantization::Grouping& grouping, const Matrix& levels,
                  const Array<std::int64_t>& counts, Objective objective, const std::optional<Array<double>>& weights,
                  double weight_unit) {
  const quantization::Data data{values.view, grouping, span(weights), weight_unit};
  const Unlocked unlocked(values.view.size);
  return quantization::score_groups(data, {levels.data(), levels.size()}, span(counts), objective);
}

template <typename T>
nb::ndarray<nb::numpy> sorted(const Flat& x) {
  std::vector<T> values(x.size());
  quantization::sort(items<T>(x), std::span(values));
  return nb::ndarray<nb::numpy>(as_numpy(std::move(values), {x.size()}));
}

// Floats in order by our own means: what numpy's sort is compared with.
nb::ndarray<nb::numpy> sort(const HeldValues& x) {
  using Kind = quantization::Values::Kind;
  if (x.view.kind == Kind::float32) return sorted<float>(x.data);
  if (x.view.kind == Kind::float64) return sorted<double>(x.data);
  throw bh::InvalidInput("only float32 and float64 are sorted");
}

nb::ndarray<nb::numpy, double> ranges(const HeldValues& values, const quantization::Grouping& grouping) {
  std::vector<double> ends;
  {
    const Unlocked unlocked(values.view.size);
    ends = quantization::group_ranges({values.view, grouping});
  }
  return as_numpy(std::move(ends), {grouping.count(), 2});
}

}  // namespace

void bind_levels(nb::module_& m) {
  constexpr auto owned = nb::rv_policy::automatic;
  const auto each = [](const Cost& self) {
    return as_numpy(self.group_squared_error, {self.group_squared_error.size()});
  };
  nb::class_<Cost>(m, "Cost")
      .def_prop_ro("group_squared_error", each, owned)
      .def_ro("squared_error", &Cost::squared_error)
      .def_ro("vnmse", &Cost::vnmse)
      .def_ro("gap", &Cost::gap);
  nb::class_<LevelTables>(m, "LevelTables")
      .def_prop_ro("levels", &LevelTables::levels, owned)
      .def_prop_ro("counts", &LevelTables::counts, owned)
      .def_prop_ro("grid_index", &LevelTables::grid_index, owned)
      .def_prop_ro("cost", &LevelTables::cost);
  m.def("levels", &levels, "values"_a, "grouping"_a, nb::kw_only(), "method"_a, "objective"_a, "n_levels"_a,
        "bins"_a = 4096, "weights"_a.noconvert().none() = nb::none(), "weight_unit"_a = 1.0,
        "ascending"_a.noconvert().none() = nb::none(), "grid"_a.noconvert().none() = nb::none(), "certify"_a = false,
        "score"_a = true, "threads"_a = 1);
  m.def("sort", &sort, "x"_a);
  m.def("score_levels", &score_levels, "values"_a, "grouping"_a, "levels"_a.noconvert(), "counts"_a.noconvert(),
        "objective"_a, "weights"_a.noconvert().none() = nb::none(), "weight_unit"_a = 1.0);
  m.def("ranges", &ranges, "values"_a, "grouping"_a);
}
