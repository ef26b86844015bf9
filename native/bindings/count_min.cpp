#include "streams/count_min.h"

#include <cstdint>
#include <string>

#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::CountMin;
using Sketch = summaries::Summary<CountMin>;

void bind_count_min(nb::module_& m) {
  auto bound = summaries::bind_summary<CountMin>(m, "CountMin");
  bound
      .def(
          "__init__",
          [](Sketch* self, std::uint32_t depth, std::uint64_t width, bool conservative, std::uint64_t seed,
             const std::string& key) {
            new (self) Sketch({depth, width, conservative, seed}, summaries::kind_named(key), false);
          },
          "depth"_a, "width"_a, "conservative"_a, "seed"_a, "key"_a)
      .def("remove", &summaries::remove<CountMin>, "keys"_a.none(), "weights"_a.noconvert().none())
      .def_prop_ro("depth", [](const Sketch& self) { return self.kernel.rows().depth(); })
      .def_prop_ro("width", [](const Sketch& self) { return self.kernel.rows().width(); })
      .def_prop_ro("conservative", [](const Sketch& self) { return self.kernel.conservative(); });
  summaries::bind_estimate(bound);
  summaries::bind_merge(bound);
}
