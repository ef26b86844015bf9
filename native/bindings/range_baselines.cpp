// The range filters that Proteus is measured against.
#include <nanobind/stl/pair.h>

#include <optional>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/range_filter.h"
#include "ranges/rosetta.h"
#include "ranges/surf.h"
#include "ranges/two_prefix_bloom.h"

namespace nb = nanobind;
using namespace nb::literals;
using namespace range_filters;

namespace {

using ranges::Rosetta;
using ranges::Surf;
using ranges::TwoPrefixBloom;

using Probes = std::optional<std::uint64_t>;
using Lengths = std::optional<std::pair<std::uint32_t, std::uint32_t>>;

ranges::SurfOptions surf_options(int suffix, std::optional<std::uint32_t> bits, std::uint64_t parts,
                                 std::uint64_t seed) {
  if (suffix < 0 || suffix > 2 || bits.value_or(0) > Surf::kMostBits) throw bh::InvalidInput("there is no such suffix");
  return {ranges::Suffix(suffix), bits, parts, seed};
}

void bind_surf(nb::module_& m) {
  bind_filter<Surf>(m, "Surf")
      .def_static(
          "build",
          [](const Codes& keys, int suffix, std::optional<std::uint32_t> bits, std::uint64_t budget, std::uint64_t seed,
             int kind, int unit) {
            const auto codes = key_codes(keys);
            const auto options = surf_options(suffix, bits, ranges::parts_budget(budget), seed);
            const nb::gil_scoped_release unlocked;
            return made(Surf::build(codes, options), {}, codes.size(), seed, 8, kind, unit);
          },
          "keys"_a.noconvert(), "suffix"_a, "suffix_bits"_a.none(), "budget"_a, "seed"_a, "kind"_a, "unit"_a)
      .def_static(
          "build",
          [](const Codes& offsets, const Text& data, std::size_t width, int suffix, std::optional<std::uint32_t> bits,
             std::uint64_t budget, std::uint64_t seed, int kind, int unit) {
            const ranges::ByteKeys keys = key_strings(offsets, data, width);
            const auto options = surf_options(suffix, bits, ranges::parts_budget(budget, width), seed);
            const nb::gil_scoped_release unlocked;
            return made(Surf::build(keys, options), {}, keys.count(), seed, width, kind, unit);
          },
          "keys"_a.noconvert(), "data"_a.noconvert(), "width"_a, "suffix"_a, "suffix_bits"_a.none(), "budget"_a,
          "seed"_a, "kind"_a, "unit"_a)
      .def_prop_ro("suffix", [](const Filter<Surf>& self) { return static_cast<int>(self.stored.core.suffix()); })
      .def_prop_ro("suffix_bits", [](const Filter<Surf>& self) { return self.stored.core.suffix_bits(); });
}

Filter<Rosetta> build_rosetta(const Codes& keys, const Codes& lo, const Codes& hi, std::uint64_t budget,
                              std::uint64_t max_range, Probes max_probes, std::uint64_t seed, int kind, int unit) {
  const auto codes = key_codes(keys);
  if (lo.size() != hi.size() || max_range < 1) throw bh::InvalidInput("each range has two ends");
  const ranges::EmptyRanges sample{span(lo), span(hi)};
  for (std::size_t i = 0; i < lo.size(); ++i)
    if (sample.lo[i] > sample.hi[i]) throw bh::InvalidInput("a range ends before it begins");
  const nb::gil_scoped_release unlocked;
  Rosetta core = Rosetta::build(codes, sample, {ranges::parts_budget(budget), max_range, max_probes, seed});
  const auto expected = core.expected(codes, sample);
  ranges::Design design;
  design.max_probes = max_probes;
  auto filter = made(std::move(core), design, codes.size(), seed, 8, kind, unit);
  if (expected) filter.stored.header.expected = *expected;
  return filter;
}

void bind_rosetta(nb::module_& m) {
  bind_filter<Rosetta>(m, "Rosetta")
      .def_static("build", &build_rosetta, "keys"_a.noconvert(), "lo"_a.noconvert(), "hi"_a.noconvert(), "budget"_a,
                  "max_range"_a, "max_probes"_a.none(), "seed"_a, "kind"_a, "unit"_a)
      .def_prop_ro(
          "level_bits",
          [](const Filter<Rosetta>& self) {
            std::vector<std::uint64_t> bits;
            for (const auto& level : self.stored.core.filters()) bits.push_back(level.bits());
            const std::size_t count = bits.size();
            return as_numpy(std::move(bits), {count});
          },
          nb::rv_policy::automatic)
      .def_prop_ro("code_rate", [](const Filter<Rosetta>& self) {
        return self.stored.core.filters()[0].shape().rate(self.stored.header.count);
      });
}

template <typename Keys>
Filter<TwoPrefixBloom> build_two_prefixes(const Keys& keys, std::size_t count, const ranges::Sample& sample,
                                          std::uint64_t parts, const Lengths& lengths, Probes max_probes,
                                          std::uint64_t seed, std::size_t width, int kind, int unit) {
  if (lengths && (lengths->first < 1 || lengths->first >= lengths->second || lengths->second > 8 * width))
    throw bh::InvalidInput("there are no such prefixes");
  const nb::gil_scoped_release unlocked;
  const ranges::TwoPrefixModel model(sample, parts, max_probes);
  const ranges::TwoPrefixes best = model.best(lengths);
  const auto expected = model.expected(best);
  const ranges::Design design{
      .approx = ranges::Approx::bloom, .approx_bits = best.second_bits, .max_probes = max_probes};
  auto filter =
      made(TwoPrefixBloom::build(keys, best, parts, max_probes, seed), design, count, seed, width, kind, unit);
  filter.stored.header.design.exact_bits = best.first_bits;
  if (expected) filter.stored.header.expected = *expected;
  return filter;
}

void bind_two_prefix_bloom(nb::module_& m) {
  bind_filter<TwoPrefixBloom>(m, "TwoPrefixBloom")
      .def_static(
          "build",
          [](const Codes& keys, const Codes& lo, const Codes& hi, std::uint64_t budget, const Lengths& lengths,
             Probes max_probes, std::uint64_t seed, int kind, int unit) {
            const auto codes = key_codes(keys);
            if (lo.size() != hi.size()) throw bh::InvalidInput("each range has two ends");
            const ranges::CodeSample sample{codes, span(lo), span(hi)};
            return build_two_prefixes(codes, codes.size(), sample, ranges::parts_budget(budget), lengths, max_probes,
                                      seed, 8, kind, unit);
          },
          "keys"_a.noconvert(), "lo"_a.noconvert(), "hi"_a.noconvert(), "budget"_a, "lengths"_a.none(),
          "max_probes"_a.none(), "seed"_a, "kind"_a, "unit"_a)
      .def_static(
          "build",
          [](const Codes& offsets, const Text& data, std::size_t width, const Codes& lo, const Text& lo_data,
             const Codes& hi, const Text& hi_data, std::uint64_t budget, const Lengths& lengths, Probes max_probes,
             std::uint64_t seed, int kind, int unit) {
            const ranges::ByteKeys keys = key_strings(offsets, data, width);
            const ranges::ByteSample sample{keys, strings(lo, lo_data, width), strings(hi, hi_data, width)};
            if (sample.lo.count() != sample.hi.count()) throw bh::InvalidInput("each range has two ends");
            return build_two_prefixes(keys, keys.count(), sample, ranges::parts_budget(budget, width), lengths,
                                      max_probes, seed, width, kind, unit);
          },
          "keys"_a.noconvert(), "data"_a.noconvert(), "width"_a, "lo"_a.noconvert(), "lo_data"_a.noconvert(),
          "hi"_a.noconvert(), "hi_data"_a.noconvert(), "budget"_a, "lengths"_a.none(), "max_probes"_a.none(), "seed"_a,
          "kind"_a, "unit"_a)
      .def_prop_ro("prefix_bits",
                   [](const Filter<TwoPrefixBloom>& self) {
                     const auto& design = self.stored.header.design;
                     return nb::make_tuple(design.exact_bits, design.approx_bits);
                   })
      .def_prop_ro("second_rate", [](const Filter<TwoPrefixBloom>& self) {  // of whole codes, if these are the second
        return self.stored.core.second().shape().rate(self.stored.header.count);
      });
}

}  // namespace

void bind_range_baselines(nb::module_& m) {
  bind_surf(m);
  bind_rosetta(m);
  bind_two_prefix_bloom(m);
}
