#include "scheduling/log_formula.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
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
using Columns = std::tuple<Column, Column, Column, Column, Array<std::int64_t>>;  // key, size, weight, gate, position
using PhaseFields = std::tuple<double, double, double, double, double, double>;
using SumFields = std::tuple<double, double, double>;

void check_length(std::size_t length, std::size_t expected) {
  if (length != expected) throw bh::InvalidInput("columns differ in length; pass columns of the same rows");
}

scheduling::Rows rows_of(const Columns& columns) {
  const auto& [key, size, weight, gate, position] = columns;
  for (const std::size_t length : {size.size(), weight.size(), gate.size(), position.size()})
    check_length(length, key.size());
  return {span(key), span(size), span(weight), span(gate), span(position)};
}

std::span<double> items_of(const std::optional<Out<double>>& out) {
  return out ? std::span<double>(out->data(), out->size()) : std::span<double>{};
}

scheduling::Phase phase_of(const PhaseFields& fields) {
  const auto [rate, base, others, before, least, attained] = fields;
  return {rate, base, others, before, least, attained};
}

SumFields fields_of(const scheduling::Sums& sums) { return {sums.time, sums.memory, sums.interruptions}; }

void sorted_positions(const Column& x, const Out<std::int64_t>& out) {
  if (x.size() > std::numeric_limits<std::uint32_t>::max())
    throw bh::CapacityExceeded("a log may have at most 2**32 - 1 rows; take a sample of it");
  check_length(out.size(), x.size());
  const Unlocked unlocked(x.size());
  std::vector<std::uint32_t> sorted(x.size());
  bh::sort_positions(span(x), sorted);
  std::copy(sorted.begin(), sorted.end(), out.data());
}

SumFields sweep_remaining(const Columns& keys, const Columns& starts, const PhaseFields& phase, double fraction,
                          const std::optional<Out<double>>& times) {
  const scheduling::Rows by_key = rows_of(keys), by_start = rows_of(starts);
  check_length(by_start.key.size(), by_key.key.size());
  const Unlocked unlocked(by_key.key.size());
  return fields_of(scheduling::sweep_remaining(by_key, by_start, phase_of(phase), fraction, items_of(times)));
}

SumFields sweep_size(const Columns& keys, const PhaseFields& phase, bool preemptive,
                     const std::optional<Out<double>>& times) {
  const scheduling::Rows by_key = rows_of(keys);
  const Unlocked unlocked(by_key.key.size());
  return fields_of(scheduling::sweep_size(by_key, phase_of(phase), preemptive, items_of(times)));
}

double sweep_attained(const Columns& sizes, double rate, const std::optional<Out<double>>& times) {
  const scheduling::Rows by_size = rows_of(sizes);
  const Unlocked unlocked(by_size.key.size());
  return scheduling::sweep_attained(by_size, rate, items_of(times));
}

std::tuple<SumFields, SumFields> split_at(const Column& size, const Column& weight, const Column& gate, double least) {
  check_length(weight.size(), size.size());
  check_length(gate.size(), size.size());
  const Unlocked unlocked(size.size());
  const scheduling::Classes classes = scheduling::split_at(span(size), span(weight), span(gate), least);
  const auto fields = [](const scheduling::Moments& moments) {
    return SumFields{moments.weight, moments.work, moments.squares};
  };
  return {fields(classes.below), fields(classes.others)};
}

}  // namespace

void bind_log_formula(nb::module_& m) {
  m.def("sorted_positions", &sorted_positions, "x"_a.noconvert(), "out"_a.noconvert());
  m.def("sweep_remaining", &sweep_remaining, "keys"_a.noconvert(), "starts"_a.noconvert(), "phase"_a, "fraction"_a,
        "times"_a.noconvert().none());
  m.def("sweep_size", &sweep_size, "keys"_a.noconvert(), "phase"_a, "preemptive"_a, "times"_a.noconvert().none());
  m.def("sweep_attained", &sweep_attained, "sizes"_a.noconvert(), "rate"_a, "times"_a.noconvert().none());
  m.def("split_at", &split_at, "size"_a.noconvert(), "weight"_a.noconvert(), "gate"_a.noconvert(), "least"_a);
}
