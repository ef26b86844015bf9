#include "gradients/chunks.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void chunk_energies(const Array<float>& x, const Filled<float>& energies) {
  if (energies.size() == 0 || x.size() % (16 * energies.size()) != 0)
    throw bh::InvalidInput("x does not divide into so many chunks of a multiple of 16; pad it with zeros");
  const Unlocked unlocked(x.size());
  bh::gradients::chunk_energies(span(x), filled(energies));
}

}  // namespace

void bind_chunks(nb::module_& m) {
  m.def("chunk_energies", &chunk_energies, "x"_a.noconvert(), "energies"_a.noconvert());
}
