#include "quantization/histogram.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"
#include "quantization/buckets.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using quantization::BucketLevels, quantization::Histogram;

// Calls take(values, range) on the data as floats or doubles, and refuses what is not finite.
template <typename Take>
void with_values(const quantization::Values& values, const Take& take) {
  const auto run = [&]<typename T>(const quantization::Stretches<T>& x) {
    const quantization::Range<T> range = quantization::range(x);
    if (!range.finite) quantization::refuse_non_finite(values);
    take(x, range);
  };
  const quantization::Grouping whole{1, 1, values.size};
  values.wide() ? run(quantization::Stretches<double>(values, whole, 0))
                : run(quantization::Stretches<float>(values, whole, 0));
}

// A histogram that some threads may read while another one updates it. Who has to wait lets go of the interpreter's
// lock, which the one who is waited for may need.
class Shared {
 public:
  explicit Shared(Histogram histogram) : histogram_(std::move(histogram)) {}

  template <typename Use>
  auto with(const Use& use) {
    if (!mutex_.try_lock()) {
      const nb::gil_scoped_release unlocked;
      mutex_.lock();
    }
    const std::lock_guard held(mutex_, std::adopt_lock);
    return use(histogram_);
  }
  Histogram copy() {
    return with([](const Histogram& histogram) { return histogram; });
  }

 private:
  std::mutex mutex_;
  Histogram histogram_;
};

std::unique_ptr<Shared> like(const HeldValues& values, std::uint32_t bins) {
  std::unique_ptr<Shared> made;
  with_values(values.view,
              [&](const auto& x, auto range) { made = std::make_unique<Shared>(Histogram::like(x, range, bins)); });
  return made;
}

void update(Shared& self, const HeldValues& values, const std::optional<Array<double>>& weights) {
  self.with([&](Histogram& histogram) {
    const Unlocked unlocked(values.view.size);
    with_values(values.view, [&](const auto& x, auto range) { histogram.update(x, span(weights), range); });
  });
}

BucketLevels levels(Shared& self, std::size_t n_levels, quantization::Objective objective, bool certify) {
  const Histogram histogram = self.copy();
  const auto when = certify ? quantization::Certify::always : quantization::Certify::where_coarse;
  return bucket_levels({histogram, objective}, n_levels, objective, when);
}

nb::bytes to_bytes(Shared& self) {
  const std::vector<std::byte> bytes = self.copy().to_bytes();
  return nb::bytes(bytes.data(), bytes.size());
}

// Reads what a histogram tells of itself.
template <auto Tell>
auto tell(Shared& self) {
  return self.with([](const Histogram& histogram) { return std::invoke(Tell, histogram); });
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
  nb::class_<Shared>(m, "Histogram")
      .def(
          "__init__",
          [](Shared* self, double center, double scale, std::uint32_t bins) {
            new (self) Shared(Histogram(center, scale, bins));
          },
          "center"_a, "scale"_a, "bins"_a)
      .def_static("like", &like, "values"_a, "bins"_a)
      .def("copy", [](Shared& self) { return std::make_unique<Shared>(self.copy()); })
      .def("update", &update, "values"_a, "weights"_a.noconvert().none())
      .def(
          "merge",
          [](Shared& self, Shared& other) {
            const Histogram more = other.copy();  // first, as both may be the same
            self.with([&](Histogram& histogram) { histogram.merge(more); });
          },
          "other"_a)
      .def("levels", &levels, "n_levels"_a, "objective"_a, "certify"_a)
      .def("norm", &tell<&quantization::histogram_norm>)
      .def("to_bytes", &to_bytes)
      .def_static(
          "from_bytes",
          [](const nb::bytes& data) { return std::make_unique<Shared>(Histogram::from_bytes(bytes_of(data))); },
          "data"_a)
      .def("check_invariants", &tell<&Histogram::check_invariants>)
      .def_prop_ro("settled", &tell<&Histogram::settled>)
      .def_prop_ro("center", &tell<&Histogram::center>)
      .def_prop_ro("scale", &tell<&Histogram::scale>)
      .def_prop_ro("bins", &tell<&Histogram::bins>)
      .def_prop_ro("count", &tell<&Histogram::count>)
      .def_prop_ro("total_weight", &tell<&Histogram::total_weight>)
      .def_prop_ro("minimum", &tell<&Histogram::minimum>)
      .def_prop_ro("maximum", &tell<&Histogram::maximum>)
      .def_prop_ro("buckets", &tell<&Histogram::buckets>);
}
