#include "gradients/thc_table.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "bindings/bindings.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

std::pair<std::vector<std::uint16_t>, double> solve(int levels, int granularity, double half_range, bool symmetric) {
  const nb::gil_scoped_release unlocked;
  gradients::ThcTable table = gradients::thc_table(levels, granularity, half_range, symmetric);
  return {std::move(table.values), table.rounding_cost};
}

}  // namespace

void bind_thc_table(nb::module_& m) {
  m.def("thc_table", &solve, "levels"_a, "granularity"_a, "half_range"_a, "symmetric"_a);
}
