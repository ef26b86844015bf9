#include "streams/filtered.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::Filtered;
using summaries::Summary;

void bind_filtered(nb::module_& m) {
  auto bound = summaries::bind_summary<Filtered>(m, "Filtered");
  bound.def(
      "__init__",
      [](Summary<Filtered>* self, std::uint32_t capacity, std::uint64_t seed, const std::string& key, bool labels,
         std::uint64_t cells) {
        new (self) Summary<Filtered>({capacity, cells, seed}, summaries::kind_named(key), labels);
      },
      "capacity"_a, "seed"_a, "key"_a, "labels"_a, "cells"_a);
  bound.def_prop_ro("cells", [](const Summary<Filtered>& self) { return self.kernel.cells(); });
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
  summaries::bind_merge(bound);
}
