#include "scheduling/engine.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace scheduling = bh::scheduling;

NB_MAKE_OPAQUE(std::vector<scheduling::Tally>)

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Column = Array<double>;
using scheduling::Engine, scheduling::Order, scheduling::Stage, scheduling::Stages, scheduling::Tally;
using Tallies = std::vector<Tally>;

void arrive(Engine& self, const Column& arrival, const Column& size, const std::optional<Column>& expensive,
            const std::optional<Column>& cheap, const Filled<double>& start, const Filled<double>& completion) {
  const nb::gil_scoped_release unlocked;
  self.arrive({span(arrival), span(size), span(expensive), span(cheap)}, {filled(start), filled(completion)});
}

void finish(Engine& self, const Filled<double>& start, const Filled<double>& completion) {
  const nb::gil_scoped_release unlocked;
  self.finish({filled(start), filled(completion)});
}

void bind_stages(nb::module_& m) {
  nb::enum_<Order>(m, "Order")
      .value("fcfs", Order::fcfs)
      .value("remaining", Order::remaining)
      .value("size", Order::size)
      .value("pinned", Order::pinned)
      .value("attained", Order::attained);
  nb::class_<Stage>(m, "Stage")
      .def_ro_static("MOST_BAND", &Stage::kMostBand)
      .def(
          "__init__",
          [](Stage* self, int band, Order order, double fixed, double per_key, bool prediction) {
            new (self) Stage{band, order, fixed, per_key, prediction};
          },
          nb::kw_only(), "band"_a, "order"_a, "fixed"_a, "per_key"_a, "prediction"_a);
  nb::class_<Stages>(m, "Stages")
      .def(
          "__init__",
          [](Stages* self, std::vector<Stage> long_jobs, std::vector<Stage> short_jobs, double threshold, bool by_cheap,
             bool start_pins) {
            new (self) Stages{std::move(long_jobs), std::move(short_jobs), threshold, by_cheap, start_pins};
          },
          nb::kw_only(), "long"_a, "short"_a, "threshold"_a, "by_cheap"_a, "start_pins"_a);
}

// One figure of all tallies, as they lie in memory.
template <double Tally::* Figure>
nb::ndarray<nb::numpy, const double, nb::ndim<1>> column(const Tallies& tallies) {
  const std::size_t shape[] = {tallies.size()};
  const std::int64_t strides[] = {sizeof(Tally) / sizeof(double)};
  return {&(tallies.front().*Figure), 1, shape, nb::find(tallies), strides};
}

}  // namespace

void bind_engine(nb::module_& m) {
  bind_stages(m);
  nb::class_<Tallies>(m, "Tallies")
      .def_prop_ro("jobs", &column<&Tally::jobs>)
      .def_prop_ro("response", &column<&Tally::response>)
      .def_prop_ro("slowdown", &column<&Tally::slowdown>)
      .def_prop_ro("short_jobs", &column<&Tally::short_jobs>)
      .def_prop_ro("short_response", &column<&Tally::short_response>)
      .def_prop_ro("interruptions", &column<&Tally::interruptions>)
      .def_prop_ro("demotions", &column<&Tally::demotions>)
      .def_prop_ro("cheap_calls", &column<&Tally::cheap_calls>)
      .def_prop_ro("expensive_calls", &column<&Tally::expensive_calls>)
      .def_prop_ro("busy", &column<&Tally::busy>)
      .def_prop_ro("found", &column<&Tally::found>)
      .def_prop_ro("work", &column<&Tally::work>)
      .def_prop_ro("gaps", &column<&Tally::gaps>)
      .def_prop_ro("memory", &column<&Tally::memory>);
  nb::class_<Engine>(m, "Engine")
      .def(
          "__init__",
          [](Engine* self, const Stages& stages, std::uint32_t servers, double switch_fixed, double switch_per_age,
             std::uint64_t jobs, std::uint64_t warmup, std::uint64_t batches) {
            new (self) Engine(stages, {servers, switch_fixed, switch_per_age, jobs, warmup, batches});
          },
          "stages"_a, nb::kw_only(), "servers"_a, "switch_fixed"_a, "switch_per_age"_a, "jobs"_a, "warmup"_a,
          "batches"_a)
      .def("arrive", &arrive, nb::kw_only(), "arrival"_a.noconvert(), "size"_a.noconvert(),
           "expensive"_a.noconvert().none(), "cheap"_a.noconvert().none(), "start"_a.noconvert(),
           "completion"_a.noconvert())
      .def("finish", &finish, nb::kw_only(), "start"_a.noconvert(), "completion"_a.noconvert())
      .def_prop_ro("tallies", &Engine::tallies)
      .def("quantile", &Engine::quantile, "share"_a)
      .def_prop_ro("slowest", &Engine::slowest)
      .def_prop_ro("peak_memory", &Engine::peak_memory);
}
