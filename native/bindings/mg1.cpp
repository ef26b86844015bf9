#include "scheduling/mg1.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <tuple>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace scheduling = bh::scheduling;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Rows = std::vector<std::tuple<int, int, double, double, bool>>;  // the fields of scheduling::Row

std::vector<scheduling::Row> as_rows(const Rows& told) {
  std::vector<scheduling::Row> rows;
  for (const auto& [band, order, fixed, per_key, prediction] : told)
    rows.push_back({band, static_cast<scheduling::Order>(order), fixed, per_key, prediction});
  return rows;
}

void arrive(scheduling::Mg1& self, const Array<double>& arrival, const Array<double>& size,
            const std::optional<Array<double>>& expensive, const std::optional<Array<double>>& cheap,
            const Filled<double>& start, const Filled<double>& completion) {
  const nb::gil_scoped_release unlocked;
  self.arrive(span(arrival), span(size), span(expensive), span(cheap), filled(start), filled(completion));
}

void finish(scheduling::Mg1& self, const Filled<double>& start, const Filled<double>& completion) {
  const nb::gil_scoped_release unlocked;
  self.finish(filled(start), filled(completion));
}

// One row for each tally, its figures in the order of their declaration.
void tallies(const scheduling::Mg1& self, const Filled<double>& out) {
  static_assert(sizeof(scheduling::Tally) == 14 * sizeof(double));
  const auto* figures = reinterpret_cast<const double*>(self.tallies().data());
  if (out.size() != 14 * self.tallies().size()) throw bh::InvalidInput("out does not fit the tallies");
  std::copy_n(figures, out.size(), out.data());
}

}  // namespace

void bind_mg1(nb::module_& m) {
  nb::class_<scheduling::Mg1>(m, "Mg1")
      .def(
          "__init__",
          [](scheduling::Mg1* self, double threshold, bool by_cheap, bool start_pins, const Rows& shorts,
             const Rows& longs, std::uint32_t servers, double switch_fixed, double switch_per_age, std::uint64_t jobs,
             std::uint64_t warmup, std::uint64_t batches) {
            new (self) scheduling::Mg1({threshold, by_cheap, start_pins, as_rows(shorts), as_rows(longs)}, servers,
                                       switch_fixed, switch_per_age, jobs, warmup, batches);
          },
          "threshold"_a, "by_cheap"_a, "start_pins"_a, "shorts"_a, "longs"_a, "servers"_a, "switch_fixed"_a,
          "switch_per_age"_a, "jobs"_a, "warmup"_a, "batches"_a)
      .def("arrive", &arrive, "arrival"_a.noconvert(), "size"_a.noconvert(), "expensive"_a.noconvert().none(),
           "cheap"_a.noconvert().none(), "start"_a.noconvert(), "completion"_a.noconvert())
      .def("finish", &finish, "start"_a.noconvert(), "completion"_a.noconvert())
      .def("tallies", &tallies, "out"_a.noconvert())
      .def("quantile", &scheduling::Mg1::quantile, "share"_a)
      .def_prop_ro("slowest", &scheduling::Mg1::slowest)
      .def_prop_ro("peak_memory", &scheduling::Mg1::peak_memory);
}
