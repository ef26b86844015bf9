#include "streams/space_saving.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::Estimator, bh::streams::SpaceSaving;
using summaries::Summary;

void bind_space_saving(nb::module_& m) {
  nb::enum_<Estimator>(m, "Estimator")
      .value("count", Estimator::count)
      .value("upper", Estimator::upper)
      .value("lower", Estimator::lower)
      .value("mid", Estimator::mid);
  auto bound = summaries::bind_summary<SpaceSaving>(m, "SpaceSaving");
  bound.def(
      "__init__",
      [](Summary<SpaceSaving>* self, std::uint32_t capacity, std::uint64_t seed, const std::string& key, bool labels,
         bool deletions) {
        new (self) Summary<SpaceSaving>({capacity, seed, deletions}, summaries::kind_named(key), labels);
      },
      "capacity"_a, "seed"_a, "key"_a, "labels"_a, "deletions"_a);
  bound.def("remove", &summaries::remove<SpaceSaving>, "keys"_a.none(), "weights"_a.noconvert().none())
      .def_prop_ro("deletions", [](const Summary<SpaceSaving>& self) { return self.kernel.deletions(); });
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
  summaries::bind_merge(bound);
}
