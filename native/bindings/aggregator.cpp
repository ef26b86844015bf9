#include "gradients/aggregator.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void start(gradients::Aggregator* self, const std::string& host, std::uint16_t port, std::size_t workers,
           std::size_t needed, std::size_t slots, std::size_t chunk, int lanes, std::uint64_t max_bytes, double timeout,
           const nb::bytes& token) {
  gradients::ServiceOptions options{workers, needed, slots, chunk, lanes, timeout, {}};
  const bh::Bytes hash = bytes_of(token);
  if (hash.size() != options.token.size()) throw bh::InvalidInput("a token's hash has 32 bytes");
  std::copy(hash.begin(), hash.end(), options.token.begin());
  const std::size_t bytes = gradients::service_bytes(options);
  if (bytes > max_bytes)
    throw bh::CapacityExceeded("slots of these chunks need " + std::to_string(bytes) + " bytes, but max_bytes is " +
                               std::to_string(max_bytes) + "; take fewer slots, or raise it");
  const nb::gil_scoped_release unlocked;
  new (self) gradients::Aggregator(host, port, options);
}

nb::dict stats(const gradients::Aggregator& self) {
  const gradients::ServiceStats now = self.stats();
  nb::dict found;
  found["workers"] = now.workers;
  found["connections"] = now.connections;
  found["frames"] = now.counts.frames;
  found["results"] = now.counts.results;
  found["late"] = now.counts.late;
  found["gone"] = now.counts.gone;
  found["refused"] = now.counts.refused;
  found["lost"] = now.counts.lost;
  found["received_bytes"] = now.received_bytes;
  found["sent_bytes"] = now.sent_bytes;
  return found;
}

}  // namespace

void bind_aggregator(nb::module_& m) {
  nb::class_<gradients::Aggregator>(m, "Aggregator")
      .def("__init__", &start, "host"_a, "port"_a, nb::kw_only(), "workers"_a, "needed"_a, "slots"_a, "chunk"_a,
           "lanes"_a, "max_bytes"_a, "timeout"_a, "token"_a)
      .def("stats", &stats)
      .def("stop", &gradients::Aggregator::stop, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("port", &gradients::Aggregator::port);
}
