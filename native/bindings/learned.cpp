// The kernels that ask a predictor.
#include "streams/learned.h"

#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/asking.h"
#include "bindings/bindings.h"
#include "bindings/summaries.h"
#include "streams/lss.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace streams = bh::streams;
using streams::Classes, streams::Estimator, streams::Kind, streams::Learned, streams::Lss;
using summaries::Summary;

namespace {

// The predictor sorts the keys that are not tracked, where a bin makes a difference.
nb::object estimate(Summary<Learned>& self, nb::handle keys, Estimator estimator, const nb::callable& predict) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  std::vector<std::uint64_t> ids(held.size());
  summaries::query(self, held, [&](std::size_t i, std::uint64_t id) { ids[i] = id; });
  streams::Chunk chunk(ids, self.kernel.seed(), [&](std::uint64_t id, std::size_t) {
    return estimator == Estimator::mid ? self.kernel.known(id) : 0;
  });
  const std::vector<std::size_t> asked(chunk.asked().begin(), chunk.asked().end());
  const std::vector<float> said = summaries::ask(predict, held, asked);
  const auto marks =
      chunk.marks([&](std::uint32_t question, std::uint32_t) { return self.kernel.mark(said[question]); });
  std::vector<double> estimates(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) estimates[i] = self.kernel.estimate(ids[i], estimator, marks[i]);
  return summaries::answer(held, std::move(estimates));
}

nb::tuple as_tuple(const Classes& classes) { return nb::make_tuple(classes.light, classes.heavy, classes.reserve); }

// A property: what tell(kernel) says while nobody else uses the summary.
template <typename Kernel, typename Tell>
auto told(Tell tell) {
  return [tell](Summary<Kernel>& self) {
    const streams::Using held_here(self.busy);
    return tell(self.kernel);
  };
}

nb::object classes(const Learned& kernel) {
  return kernel.classes() ? nb::object(as_tuple(*kernel.classes())) : nb::none();
}

nb::tuple sizes(const Learned& kernel) {
  const streams::GatedSizes sizes = kernel.sizes();
  return nb::make_tuple(sizes.capacity, sizes.cells, sizes.gate_cells, sizes.registers);
}

// Weight and number of distinct keys of each.
nb::list bins(const Learned& kernel) {
  nb::list all;
  for (std::uint32_t bin = 0; bin < kernel.bins().bins(); ++bin)
    all.append(nb::make_tuple(kernel.bins().weight(bin), kernel.bins().distinct(bin)));
  return all;
}

using ClassesTuple = std::tuple<double, double, double>;

void bind_gated_kernel(nb::module_& m) {
  auto bound = summaries::bind_summary<Learned>(m, "Learned");
  bound.def(
      "__init__",
      [](Summary<Learned>* self, std::uint32_t capacity, std::uint64_t cells, std::uint64_t gate_cells,
         std::uint32_t registers, double gate_slack, const std::optional<ClassesTuple>& given, std::uint64_t seed,
         const std::string& key, bool labels) {
        std::optional<Classes> classes;
        if (given) classes = std::make_from_tuple<Classes>(*given);
        const Kind kind = given ? Kind::lss_plus : Kind::calibrated;
        new (self) Summary<Learned>({kind, {capacity, cells, gate_cells, registers}, gate_slack, seed, classes},
                                    summaries::kind_named(key), labels);
      },
      "capacity"_a, "cells"_a, "gate_cells"_a, "registers"_a, "gate_slack"_a, "classes"_a.none(), "seed"_a, "key"_a,
      "labels"_a);
  summaries::bind_asking(bound);
  summaries::bind_slots(bound);
  summaries::bind_merge(bound);
  bound.def("estimate", &estimate, "keys"_a.none(), "estimator"_a, "predict"_a)
      .def_prop_ro("sizes", told<Learned>(&sizes))
      .def_prop_ro("classes", told<Learned>(&classes))
      .def_prop_ro("bins", told<Learned>(&bins))
      .def_prop_ro("gate_slack", told<Learned>([](const Learned& kernel) { return kernel.gate_slack(); }))
      .def_prop_ro("unit", told<Learned>([](const Learned& kernel) { return kernel.unit(); }))
      .def_prop_ro("epochs", told<Learned>([](const Learned& kernel) { return kernel.epochs(); }))
      .def_prop_ro("pins", told<Learned>([](const Learned& kernel) { return kernel.pins(); }))
      .def_prop_ro("pinned", told<Learned>([](const Learned& kernel) { return kernel.pinned(); }));
}

void bind_lss_kernel(nb::module_& m) {
  auto bound = summaries::bind_summary<Lss>(m, "Lss");
  bound.def(
      "__init__",
      [](Summary<Lss>* self, std::uint32_t capacity, std::uint64_t filter_cells, const ClassesTuple& classes,
         std::uint64_t seed, const std::string& key, bool labels) {
        new (self) Summary<Lss>({capacity, filter_cells, std::make_from_tuple<Classes>(classes), seed},
                                summaries::kind_named(key), labels);
      },
      "capacity"_a, "filter_cells"_a, "classes"_a, "seed"_a, "key"_a, "labels"_a);
  summaries::bind_asking(bound);
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
  bound.def_prop_ro("classes", told<Lss>([](const Lss& kernel) { return as_tuple(kernel.classes()); }))
      .def_prop_ro("filter_cells", told<Lss>([](const Lss& kernel) { return kernel.filter_cells(); }))
      .def_prop_ro("pins", told<Lss>([](const Lss& kernel) { return kernel.classes().pins(kernel.capacity()); }))
      .def_prop_ro("pinned", told<Lss>([](const Lss& kernel) { return kernel.pinned(); }));
}

}  // namespace

void bind_learned(nb::module_& m) {
  bind_gated_kernel(m);
  bind_lss_kernel(m);
}
