#include "streams/assoc.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::Assoc;

void bind_assoc(nb::module_& m) {
  auto bound = summaries::bind_summary<Assoc>(m, "Assoc");
  bound.def(
      "__init__",
      [](summaries::Summary<Assoc>* self, std::uint32_t capacity, std::uint64_t seed, const std::string& key,
         bool labels) { new (self) summaries::Summary<Assoc>({capacity, seed}, summaries::kind_named(key), labels); },
      "capacity"_a, "seed"_a, "key"_a, "labels"_a);
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
  summaries::bind_merge(bound);
}
