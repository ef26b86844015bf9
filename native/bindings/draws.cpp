#include "scheduling/draws.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace scheduling = bh::scheduling;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <auto Draw>
void draw(std::uint64_t seed, scheduling::Stream stream, std::uint64_t first, const Filled<double>& out) {
  const Unlocked unlocked(out.size());
  Draw(seed, stream, first, filled(out));
}

}  // namespace

void bind_draws(nb::module_& m) {
  using scheduling::Stream;
  nb::enum_<Stream>(m, "Stream")
      .value("gap", Stream::gap)
      .value("size", Stream::size)
      .value("expensive", Stream::expensive)
      .value("cheap", Stream::cheap);
  m.def("uniforms", &draw<scheduling::uniforms>, "seed"_a, "stream"_a, "first"_a, "out"_a.noconvert());
  m.def("exponentials", &draw<scheduling::exponentials>, "seed"_a, "stream"_a, "first"_a, "out"_a.noconvert());
}
