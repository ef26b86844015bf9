#include "gradients/ternary.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void encode(const Array<float>& x, float scale, std::uint64_t seed, std::uint64_t stream,
            const Filled<std::uint8_t>& packed) {
  if (x.size() % gradients::kTernaryGroup != 0 || packed.size() != x.size() / 4)
    throw bh::InvalidInput("x and packed do not fit one another; pass whole groups of 512 coordinates");
  const Unlocked unlocked(x.size());
  gradients::ternary_encode(span(x), scale, {seed, stream, 0}, filled(packed));
}

}  // namespace

void bind_ternary(nb::module_& m) {
  m.def("ternary_encode", &encode, "x"_a.noconvert(), "scale"_a, nb::kw_only(), "seed"_a, "stream"_a,
        "packed"_a.noconvert());
}
