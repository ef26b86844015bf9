#include "support/special.h"

#include <cstddef>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// Replaces every number of x by what the function makes of it.
template <typename Function>
void replace(const Out<double>& x, const Function& function) {
  const Unlocked unlocked(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = function(x.data()[i]);
}

}  // namespace

void bind_special(nb::module_& m) {
  m.def("normal_tail", [](const Out<double>& x) { replace(x, bh::normal_tail); }, "x"_a.noconvert());
  m.def("normal_quantile", [](const Out<double>& x) { replace(x, bh::normal_quantile); }, "x"_a.noconvert());
  m.def(
      "gamma_tail", [](double a, const Out<double>& x) { replace(x, [a](double z) { return bh::gamma_tail(a, z); }); },
      "a"_a, "x"_a.noconvert());
}
