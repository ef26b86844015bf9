#include "quantization/histogram.h"

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

// Calls take(values, range) on the data as floats or doubles, and refuses what is not finite.
template <typename Take>
void with_values(const Flat& data, const std::optional<Array<float>>& table, const Take& take) {
  const quantization::Values values = as_values(data, table);
  const quantization::Grouping whole{1, 1, values.size};
  const auto run = [&]<typename T>(bh::Storage<T> scratch) {
    const std::span<const T> x = quantization::gather(values, whole, 0, scratch);
    const quantization::Range<T> range = quantization::range(x);
    if (!range.finite) quantization::refuse_non_finite(values);
    take(x, range);
  };
  values.wide() ? run(bh::Storage<double>{}) : run(bh::Storage<float>{});
}

quantization::Histogram like(const Flat& data, const std::optional<Array<float>>& table, std::uint32_t bins) {
  std::optional<quantization::Histogram> made;
  with_values(data, table, [&](auto x, auto range) { made = quantization::Histogram::like(x, range, bins); });
  return *made;
}

void update(quantization::Histogram& self, const Flat& data, const std::optional<Array<float>>& table,
            const std::optional<Array<double>>& weights) {
  const Unlocked unlocked(data.size());
  const std::span<const double> w = span(weights);
  with_values(data, table, [&](auto x, auto range) { self.update(x, w, range); });
}

// The levels, their squared error and its gap.
std::tuple<nb::ndarray<nb::numpy, double>, double, double> levels(const quantization::Histogram& self, std::size_t s,
                                                                  int objective, bool certify) {
  auto* found = new quantization::BucketLevels(
      quantization::histogram_levels(self, s, static_cast<quantization::Objective>(objective), certify));
  const nb::capsule owner(found, [](void* it) noexcept { delete static_cast<quantization::BucketLevels*>(it); });
  const std::size_t shape[] = {found->levels.size()};
  return {nb::ndarray<nb::numpy, double>(found->levels.data(), 1, shape, owner), found->squared_error, found->gap};
}

}  // namespace

void bind_histogram(nb::module_& m) {
  nb::class_<quantization::Histogram>(m, "Histogram")
      .def(nb::init<double, double, std::uint32_t>(), "center"_a, "scale"_a, "bins"_a)
      .def_static("like", &like, "data"_a.noconvert(), "table"_a.noconvert().none(), "bins"_a)
      .def("update", &update, "data"_a.noconvert(), "table"_a.noconvert().none(), "weights"_a.noconvert().none())
      .def("merge", &quantization::Histogram::merge, "other"_a)
      .def("levels", &levels, "s"_a, "objective"_a, "certify"_a)
      .def("norm", &quantization::histogram_norm)
      .def("to_bytes",
           [](const quantization::Histogram& self) {
             const std::vector<std::byte> bytes = self.to_bytes();
             return nb::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
           })
      .def_static(
          "from_bytes",
          [](const nb::bytes& data) {
            return quantization::Histogram::from_bytes({static_cast<const std::byte*>(data.data()), data.size()});
          },
          "data"_a)
      .def("check_invariants", &quantization::Histogram::check_invariants)
      .def_prop_ro("center", &quantization::Histogram::center)
      .def_prop_ro("scale", &quantization::Histogram::scale)
      .def_prop_ro("bins", &quantization::Histogram::bins)
      .def_prop_ro("count", &quantization::Histogram::count)
      .def_prop_ro("total_weight", &quantization::Histogram::total_weight)
      .def_prop_ro("minimum", &quantization::Histogram::minimum)
      .def_prop_ro("maximum", &quantization::Histogram::maximum)
      .def_prop_ro("buckets", &quantization::Histogram::buckets);
}
