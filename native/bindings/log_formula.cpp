#include "scheduling/log_formula.h"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"
#include "support/sort.h"

namespace scheduling = bh::scheduling;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Column = Array<double>;
using scheduling::Phase, scheduling::Sums, scheduling::Moments, scheduling::Classes;

void check_length(std::size_t length, std::size_t expected) {
  if (length != expected) throw bh::InvalidInput("columns differ in length; pass columns of the same rows");
}

// Keeps the arrays that scheduling::Rows only looks at.
struct Rows {
  Column key, size, weight, gate;
  Array<std::int64_t> position;

  scheduling::Rows view() const { return {span(key), span(size), span(weight), span(gate), span(position)}; }
};

void make_rows(Rows* self, const Column& key, const Column& size, const Column& weight, const Column& gate,
               const Array<std::int64_t>& position) {
  for (const std::size_t length : {size.size(), weight.size(), gate.size(), position.size()})
    check_length(length, key.size());
  new (self) Rows{key, size, weight, gate, position};
}

void make_phase(Phase* self, double rate, double base, double others, double before, double least, double attained) {
  new (self) Phase{rate, base, others, before, least, attained};
}

// One for each row of the log, or none.
std::span<double> times_of(const std::optional<Filled<double>>& times) {
  return times ? filled(*times) : std::span<double>{};
}

void sorted_positions(const Column& x, const Filled<std::int64_t>& out) {
  if (x.size() > std::numeric_limits<std::uint32_t>::max())
    throw bh::CapacityExceeded("a log may have at most 2**32 - 1 rows; take a sample of it");
  check_length(out.size(), x.size());
  const Unlocked unlocked(x.size());
  std::vector<std::uint32_t> sorted(x.size());
  bh::sort_positions(span(x), sorted);
  std::copy(sorted.begin(), sorted.end(), out.data());
}

Sums sweep_remaining(const Rows& keys, const Rows& starts, const Phase& phase, double fraction,
                     const std::optional<Filled<double>>& times) {
  check_length(starts.key.size(), keys.key.size());
  const Unlocked unlocked(keys.key.size());
  return scheduling::sweep_remaining(keys.view(), starts.view(), phase, fraction, times_of(times));
}

Sums sweep_size(const Rows& keys, const Phase& phase, bool preemptive, const std::optional<Filled<double>>& times) {
  const Unlocked unlocked(keys.key.size());
  return scheduling::sweep_size(keys.view(), phase, preemptive, times_of(times));
}

double sweep_attained(const Rows& sizes, double rate, const std::optional<Filled<double>>& times) {
  const Unlocked unlocked(sizes.key.size());
  return scheduling::sweep_attained(sizes.view(), rate, times_of(times));
}

Classes split_at(const Column& size, const Column& weight, const Column& gate, double least) {
  check_length(weight.size(), size.size());
  check_length(gate.size(), size.size());
  const Unlocked unlocked(size.size());
  return scheduling::split_at(span(size), span(weight), span(gate), least);
}

}  // namespace

void bind_log_formula(nb::module_& m) {
  nb::class_<Rows>(m, "Rows").def("__init__", &make_rows, nb::kw_only(), "key"_a.noconvert(), "size"_a.noconvert(),
                                  "weight"_a.noconvert(), "gate"_a.noconvert(), "position"_a.noconvert());
  nb::class_<Phase>(m, "Phase")
      .def("__init__", &make_phase, nb::kw_only(), "rate"_a, "base"_a, "others"_a, "before"_a, "least"_a, "attained"_a);
  nb::class_<Sums>(m, "Sums")
      .def_ro("time", &Sums::time)
      .def_ro("memory", &Sums::memory)
      .def_ro("interruptions", &Sums::interruptions);
  nb::class_<Moments>(m, "Moments")
      .def_ro("weight", &Moments::weight)
      .def_ro("work", &Moments::work)
      .def_ro("squares", &Moments::squares);
  nb::class_<Classes>(m, "Classes").def_ro("below", &Classes::below).def_ro("others", &Classes::others);
  m.def("sorted_positions", &sorted_positions, "x"_a.noconvert(), "out"_a.noconvert());
  m.def("sweep_remaining", &sweep_remaining, "keys"_a, "starts"_a, "phase"_a, "fraction"_a,
        "times"_a.noconvert().none());
  m.def("sweep_size", &sweep_size, "keys"_a, "phase"_a, "preemptive"_a, "times"_a.noconvert().none());
  m.def("sweep_attained", &sweep_attained, "sizes"_a, "rate"_a, "times"_a.noconvert().none());
  m.def("split_at", &split_at, "size"_a.noconvert(), "weight"_a.noconvert(), "gate"_a.noconvert(), "least"_a);
}
