#include "quantization/histogram.h"

#include <nanobind/stl/optional.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using quantization::BucketLevels, quantization::Histogram;

// Calls take(values, range) on the data as floats or doubles, and refuses what is not finite.
template <typename Take>
void with_values(const quantization::Values& values, const Take& take) {
  const quantization::Grouping whole{1, 1, values.size};
  const auto run = [&]<typename T>(bh::Storage<T> scratch) {
    const std::span<const T> x = quantization::gather(values, whole, 0, scratch);
    const quantization::Range<T> range = quantization::range(x);
    if (!range.finite) quantization::refuse_non_finite(values);
    take(x, range);
  };
  values.wide() ? run(bh::Storage<double>{}) : run(bh::Storage<float>{});
}

Histogram like(const HeldValues& values, std::uint32_t bins) {
  std::optional<Histogram> made;
  with_values(values.view, [&](auto x, auto range) { made = Histogram::like(x, range, bins); });
  return *made;
}

void update(Histogram& self, const HeldValues& values, const std::optional<Array<double>>& weights) {
  const Unlocked unlocked(values.view.size);
  const std::span<const double> w = span(weights);
  with_values(values.view, [&](auto x, auto range) { self.update(x, w, range); });
}

nb::bytes to_bytes(const Histogram& self) {
  const std::vector<std::byte> bytes = self.to_bytes();
  return nb::bytes(bytes.data(), bytes.size());
}

// The gap where one is certified.
std::optional<double> gap_of(const BucketLevels& self) {
  return std::isnan(self.gap) ? std::nullopt : std::optional(self.gap);
}

}  // namespace

void bind_histogram(nb::module_& m) {
  nb::class_<BucketLevels>(m, "BucketLevels")
      .def_prop_ro(
          "levels", [](const BucketLevels& self) { return as_numpy(self.levels, {self.levels.size()}); },
          nb::rv_policy::automatic)
      .def_ro("squared_error", &BucketLevels::squared_error)
      .def_prop_ro("gap", &gap_of);
  nb::class_<Histogram>(m, "Histogram")
      .def(nb::init<double, double, std::uint32_t>(), "center"_a, "scale"_a, "bins"_a)
      .def_static("like", &like, "values"_a, "bins"_a)
      .def("update", &update, "values"_a, "weights"_a.noconvert().none())
      .def("merge", &Histogram::merge, "other"_a)
      .def("levels", &quantization::histogram_levels, "n_levels"_a, "objective"_a, "certify"_a)
      .def("norm", &quantization::histogram_norm)
      .def("to_bytes", &to_bytes)
      .def_static(
          "from_bytes", [](const nb::bytes& data) { return Histogram::from_bytes(bytes_of(data)); }, "data"_a)
      .def("check_invariants", &Histogram::check_invariants)
      .def_prop_ro("center", &Histogram::center)
      .def_prop_ro("scale", &Histogram::scale)
      .def_prop_ro("bins", &Histogram::bins)
      .def_prop_ro("count", &Histogram::count)
      .def_prop_ro("total_weight", &Histogram::total_weight)
      .def_prop_ro("minimum", &Histogram::minimum)
      .def_prop_ro("maximum", &Histogram::maximum)
      .def_prop_ro("buckets", &Histogram::buckets);
}
