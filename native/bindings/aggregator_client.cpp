#include "gradients/aggregator_client.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "gradients/thc_codes.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void check(bool fits) {
  if (!fits) throw bh::InvalidInput("these arrays do not fit what the aggregator and its client agreed on");
}

// What to do now and then while a call waits without the lock: on the main thread let Python's signal handlers run, on
// others nothing, as these may still wait when the interpreter ends, and must not ask for its lock then.
gradients::AggregatorClient::Pause pause_of(bool on_main_thread) {
  if (!on_main_thread) return [] {};
  return [] {
    const nb::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  };
}

void connect(gradients::AggregatorClient* self, const std::string& host, std::uint16_t port, std::uint16_t rank,
             std::uint64_t job, double timeout, std::uint16_t workers, int bits,
             std::vector<std::vector<std::uint16_t>> tables, const nb::bytes& token, bool on_main_thread) {
  gradients::Hello hello{workers, {}, bits, std::move(tables)};
  const bh::Bytes hash = bytes_of(token);
  check(hash.size() == hello.token.size() && bits >= 2 && bits <= 4 && !hello.tables.empty() &&
        hello.tables.size() <= gradients::kMostTables);
  for (const auto& points : hello.tables) check(points.size() == std::size_t{1} << bits);
  std::copy(hash.begin(), hash.end(), hello.token.begin());
  const nb::gil_scoped_release unlocked;
  new (self) gradients::AggregatorClient(host, port, hello, {rank, job, timeout}, pause_of(on_main_thread));
}

void gather(gradients::AggregatorClient& self, const Array<std::uint8_t>& payload, const Filled<std::uint8_t>& rows,
            bool on_main_thread) {
  check(rows.size() == self.welcome().workers * (payload.size() + 1));
  const nb::gil_scoped_release unlocked;
  self.gather(span(payload), filled(rows), pause_of(on_main_thread));
}

void combine(gradients::AggregatorClient& self, std::uint8_t table, const Array<std::uint8_t>& packed,
             const FlatOut& sums, const Filled<std::uint16_t>& counts, bool on_main_thread) {
  const bool bytes = sums.dtype() == nb::dtype<std::uint8_t>();
  check(bytes ? self.lanes() == 8 : sums.dtype() == nb::dtype<std::uint16_t>() && self.lanes() == 16);
  check(sums.size() % gradients::kGroup == 0 && packed.size() == gradients::packed_bytes(sums.size(), self.bits()) &&
        counts.size() == (sums.size() + self.welcome().chunk - 1) / self.welcome().chunk);
  const nb::gil_scoped_release unlocked;
  if (bytes)
    self.combine<std::uint8_t>(table, span(packed), items<std::uint8_t>(sums), filled(counts),
                               pause_of(on_main_thread));
  else
    self.combine<std::uint16_t>(table, span(packed), items<std::uint16_t>(sums), filled(counts),
                                pause_of(on_main_thread));
}

}  // namespace

void bind_aggregator_client(nb::module_& m) {
  nb::class_<gradients::AggregatorClient>(m, "AggregatorClient")
      .def("__init__", &connect, "host"_a, "port"_a, nb::kw_only(), "rank"_a, "job"_a, "timeout"_a, "workers"_a,
           "bits"_a, "tables"_a, "token"_a, "on_main_thread"_a = false)
      .def("gather", &gather, "payload"_a.noconvert(), "rows"_a.noconvert(), "on_main_thread"_a = false)
      .def("combine", &combine, "table"_a, "packed"_a.noconvert(), "sums"_a.noconvert(), "counts"_a.noconvert(),
           "on_main_thread"_a = false)
      .def("close", &gradients::AggregatorClient::close)
      .def_prop_ro("chunk", [](const gradients::AggregatorClient& self) { return self.welcome().chunk; })
      .def_prop_ro("needed", [](const gradients::AggregatorClient& self) { return self.welcome().needed; })
      .def_prop_ro("lanes", &gradients::AggregatorClient::lanes);
}
