#include "quantization/histogram.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Flat = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

// Calls take(values, range) on the data as floats or doubles, and refuses what is not finite.
template <typename Take>
void with_values(const Flat& data, const std::optional<Array<float>>& table, const Take& take) {
  const bh::Values values = as_values(data, table);
  const bh::Grouping whole{1, 1, values.size};
  const auto run = [&]<typename T>(std::vector<T> scratch) {
    const std::span<const T> x = bh::gather(values, whole, 0, scratch);
    const bh::Range<T> range = bh::range(x);
    if (!range.finite) bh::refuse_non_finite(values);
    take(x, range);
  };
  values.wide() ? run(std::vector<double>{}) : run(std::vector<float>{});
}

bh::Histogram like(const Flat& data, const std::optional<Array<float>>& table, std::uint32_t bins) {
  std::optional<bh::Histogram> made;
  with_values(data, table, [&](auto x, auto range) { made = bh::Histogram::like(x, range, bins); });
  return *made;
}

void update(bh::Histogram& self, const Flat& data, const std::optional<Array<float>>& table,
            const std::optional<Array<double>>& weights) {
  const Unlocked unlocked(data.size());
  const std::span<const double> w = span(weights);
  with_values(data, table, [&](auto x, auto range) { self.update(x, w, range); });
}

// The levels, their squared error and its gap.
std::tuple<nb::ndarray<nb::numpy, double>, double, double> levels(const bh::Histogram& self, std::size_t s, int objective,
                                                                  bool certify) {
  auto* found = new bh::BucketLevels(bh::histogram_levels(self, s, static_cast<bh::Objective>(objective), certify));
  const nb::capsule owner(found, [](void* it) noexcept { delete static_cast<bh::BucketLevels*>(it); });
  const std::size_t shape[] = {found->levels.size()};
  return {nb::ndarray<nb::numpy, double>(found->levels.data(), 1, shape, owner), found->squared_error, found->gap};
}

}  // namespace

void bind_histogram(nb::module_& m) {
  nb::class_<bh::Histogram>(m, "Histogram")
      .def(nb::init<double, double, std::uint32_t>(), "center"_a, "scale"_a, "bins"_a)
      .def_static("like", &like, "data"_a.noconvert(), "table"_a.noconvert().none(), "bins"_a)
      .def("update", &update, "data"_a.noconvert(), "table"_a.noconvert().none(), "weights"_a.noconvert().none())
      .def("merge", &bh::Histogram::merge, "other"_a)
      .def("levels", &levels, "s"_a, "objective"_a, "certify"_a)
      .def("norm", &bh::histogram_norm)
      .def("to_bytes",
           [](const bh::Histogram& self) {
             const std::vector<std::byte> bytes = self.to_bytes();
             return nb::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
           })
      .def_static(
          "from_bytes",
          [](const nb::bytes& data) {
            return bh::Histogram::from_bytes({static_cast<const std::byte*>(data.data()), data.size()});
          },
          "data"_a)
      .def("check_invariants", &bh::Histogram::check_invariants)
      .def_prop_ro("center", &bh::Histogram::centre)
      .def_prop_ro("scale", &bh::Histogram::scale)
      .def_prop_ro("bins", &bh::Histogram::bins)
      .def_prop_ro("count", &bh::Histogram::count)
      .def_prop_ro("total_weight", &bh::Histogram::total_weight)
      .def_prop_ro("minimum", &bh::Histogram::minimum)
      .def_prop_ro("maximum", &bh::Histogram::maximum)
      .def_prop_ro("buckets", &bh::Histogram::buckets);
}
