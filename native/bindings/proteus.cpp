#include "ranges/proteus.h"

#include <cstdint>
#include <utility>

#include "bindings/range_filter.h"
#include "ranges/composed.h"
#include "ranges/prefix_model.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace range_filters;

// The extended space knows the smallest and the largest key; the paper's, and the filters of one part, do not.
template <ranges::FilterKind kind>
bool bounded(const ranges::Design& design, bool text) {
  return kind == ranges::FilterKind::proteus && ranges::space_of(design, text) == ranges::Space::extended;
}

template <ranges::FilterKind kind>
Filter<ranges::Composed<kind>> build(const Codes& keys, const Parts& parts, std::uint64_t budget, std::uint64_t seed,
                                     int type, int unit) {
  const ranges::Design design = design_of(parts);
  const auto codes = key_codes(keys);
  const nb::gil_scoped_release unlocked;
  ranges::Composed<kind> core(ranges::Proteus::build(codes, design, budget, seed, bounded<kind>(design, false)));
  const ranges::Design found = core.parts().design;
  return made(std::move(core), found, codes.size(), seed, 8, type, unit);
}

template <ranges::FilterKind kind>
Filter<ranges::Composed<kind>> build_strings(const Codes& offsets, const Text& data, std::size_t width,
                                             const Parts& parts, std::uint64_t budget, std::uint64_t seed, int type,
                                             int unit) {
  const ranges::Design design = design_of(parts);
  const ranges::ByteKeys keys = key_strings(offsets, data, width);
  const nb::gil_scoped_release unlocked;
  ranges::Composed<kind> core(ranges::ByteProteus::build(keys, design, budget, seed, bounded<kind>(design, true)));
  const ranges::Design found = core.parts().design;
  return made(std::move(core), found, keys.count(), seed, width, type, unit);
}

template <ranges::FilterKind kind>
void bind(nb::module_& m, const char* name) {
  using Self = Filter<ranges::Composed<kind>>;
  bind_filter<ranges::Composed<kind>>(m, name)
      .def_static("build", &build<kind>, "keys"_a.noconvert(), "design"_a, "budget"_a, "seed"_a, "type"_a, "unit"_a)
      .def_static("build", &build_strings<kind>, "keys"_a.noconvert(), "data"_a.noconvert(), "width"_a, "design"_a,
                  "budget"_a, "seed"_a, "type"_a, "unit"_a)
      .def_prop_ro("fell_back", [](const Self& self) { return self.stored.core.parts().fell_back; });
}

}  // namespace

void bind_proteus(nb::module_& m) {
  bind<ranges::FilterKind::proteus>(m, "Proteus");
  bind<ranges::FilterKind::prefix_bloom>(m, "PrefixBloom");
  bind<ranges::FilterKind::locality_hash>(m, "LocalityHash");
}
