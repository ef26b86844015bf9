#include "gradients/low_rank.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void start_matrix(std::uint64_t seed, std::uint64_t stream, const Filled<float>& out) {
  const Unlocked unlocked(out.size());
  bh::gradients::start_matrix(seed, stream, filled(out));
}

}  // namespace

void bind_low_rank(nb::module_& m) { m.def("start_matrix", &start_matrix, "seed"_a, "stream"_a, "out"_a.noconvert()); }
