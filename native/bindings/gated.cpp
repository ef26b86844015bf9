#include "streams/gated.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::Gated, bh::streams::Kind;
using summaries::Summary;

void bind_gated(nb::module_& m) {
  auto bound = summaries::bind_summary<Gated>(m, "Gated");
  bound.def(
      "__init__",
      [](Summary<Gated>* self, std::uint32_t capacity, std::uint64_t seed, const std::string& key, bool labels,
         std::uint64_t cells, std::uint64_t gate_cells, std::uint32_t registers, double gate_slack) {
        new (self) Summary<Gated>({Kind::gated, {capacity, cells, gate_cells, registers}, gate_slack, seed},
                                  summaries::kind_named(key), labels);
      },
      "capacity"_a, "seed"_a, "key"_a, "labels"_a, "cells"_a, "gate_cells"_a, "registers"_a, "gate_slack"_a);
  bound.def_prop_ro("cells", [](const Summary<Gated>& self) { return self.kernel.sizes().cells; })
      .def_prop_ro("gate_cells", [](const Summary<Gated>& self) { return self.kernel.sizes().gate_cells; })
      .def_prop_ro("registers", [](const Summary<Gated>& self) { return self.kernel.sizes().registers; })
      .def_prop_ro("gate_slack", [](const Summary<Gated>& self) { return self.kernel.gate_slack(); })
      .def_prop_ro("unit", [](const Summary<Gated>& self) { return self.kernel.unit(); })
      .def_prop_ro("epochs", [](const Summary<Gated>& self) { return self.kernel.epochs(); });
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
  summaries::bind_merge(bound);
}
