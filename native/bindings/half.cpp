#include "gradients/half.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void check(bool fits) {
  if (!fits) throw bh::InvalidInput("x and halves do not fit one another; pass arrays of one length");
}

void narrow(const Array<float>& x, gradients::Half kind, float divisor, const Filled<std::uint16_t>& halves) {
  check(x.size() == halves.size());
  const Unlocked unlocked(x.size());
  gradients::narrow(span(x), kind, divisor, filled(halves));
}

void widen(const Array<std::uint16_t>& halves, gradients::Half kind, float factor, const Filled<float>& x) {
  check(x.size() == halves.size());
  const Unlocked unlocked(x.size());
  gradients::widen(span(halves), kind, factor, filled(x));
}

}  // namespace

void bind_half(nb::module_& m) {
  nb::enum_<gradients::Half>(m, "Half")
      .value("float16", gradients::Half::float16)
      .value("bfloat16", gradients::Half::bfloat16);
  m.def("narrow", &narrow, "x"_a.noconvert(), "kind"_a, "divisor"_a, "halves"_a.noconvert());
  m.def("widen", &widen, "halves"_a.noconvert(), "kind"_a, "factor"_a, "x"_a.noconvert());
}
