#include "support/random.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// One number for each counter, for workloads.
void uniforms_at(const Array<std::uint64_t>& counters, std::uint64_t seed, std::uint64_t stream,
                 const Filled<double>& out) {
  const Unlocked unlocked(out.size());
  bh::uniforms_at(span(counters), seed, stream, bh::Domain::workloads, filled(out));
}

}  // namespace

void bind_random(nb::module_& m) {
  m.def("uniforms_at", &uniforms_at, "counters"_a.noconvert(), "seed"_a, "stream"_a, "out"_a.noconvert());
}
