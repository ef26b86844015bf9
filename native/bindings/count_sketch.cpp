#include "streams/count_sketch.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::CountSketch;
using Sketch = summaries::Summary<CountSketch>;

void bind_count_sketch(nb::module_& m) {
  auto bound = summaries::bind_summary<CountSketch>(m, "CountSketch");
  bound
      .def(
          "__init__",
          [](Sketch* self, std::uint32_t depth, std::uint64_t width, std::uint64_t seed, const std::string& key) {
            new (self) Sketch({depth, width, seed}, summaries::kind_named(key), false);
          },
          "depth"_a, "width"_a, "seed"_a, "key"_a)
      .def("remove", &summaries::remove<CountSketch>, "keys"_a.none(), "weights"_a.noconvert().none())
      .def_prop_ro("depth", [](const Sketch& self) { return self.kernel.rows().depth(); })
      .def_prop_ro("width", [](const Sketch& self) { return self.kernel.rows().width(); });
  summaries::bind_estimate(bound);
  summaries::bind_merge(bound);
}
