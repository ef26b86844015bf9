#include "ranges/prefix_model.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/range_filter.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace range_filters;
using Probes = std::optional<std::uint64_t>;

// A model with the arrays that it borrows.
class Model {
 public:
  Model(Codes keys, Codes lo, Codes hi, Probes max_probes)
      : held_{keys, lo, hi}, model_(codes(span(keys), span(lo), span(hi)), max_probes) {}
  Model(Codes keys, Text key_data, std::uint64_t width, Codes lo, Text lo_data, Codes hi, Text hi_data,
        Probes max_probes)
      : held_{keys, lo, hi},
        data_{key_data, lo_data, hi_data},
        model_(texts(strings(keys, key_data, width), strings(lo, lo_data, width), strings(hi, hi_data, width)),
               max_probes) {}

  const ranges::PrefixModel& operator*() const { return model_; }
  const ranges::PrefixModel* operator->() const { return &model_; }
  // Designs of other codes, such as one of more bits than there are, would be looked up beyond the end.
  ranges::Design checked(const Parts& parts) const {
    const ranges::Design design = design_of(parts);
    if (design.exact_bits > model_.bits() || design.approx_bits > model_.bits()) {
      throw bh::InvalidInput("a design has prefixes of " +
                             std::to_string(std::max(design.exact_bits, design.approx_bits)) +
                             " bits, but the codes of these keys have " + std::to_string(model_.bits()));
    }
    return design;
  }

 private:
  static ranges::Sample codes(std::span<const std::uint64_t> keys, std::span<const std::uint64_t> lo,
                              std::span<const std::uint64_t> hi) {
    check(lo.size(), hi.size(), [&](std::size_t i) { return lo[i] <= hi[i]; });
    return ranges::CodeSample{keys, lo, hi};
  }
  static ranges::Sample texts(const ranges::ByteKeys& keys, const ranges::ByteKeys& lo, const ranges::ByteKeys& hi) {
    if (!ranges::strictly_ascend(keys)) throw bh::InvalidInput("codes must ascend");
    check(lo.count(), hi.count(), [&](std::size_t i) { return ranges::compare(lo[i], hi[i]) <= 0; });
    return ranges::ByteSample{keys, lo, hi};
  }
  template <typename InOrder>
  static void check(std::size_t firsts, std::size_t lasts, const InOrder& in_order) {
    if (firsts != lasts || firsts > UINT32_MAX) throw bh::InvalidInput("each of at most 2**32 - 1 ranges has two ends");
    for (std::size_t i = 0; i < firsts; ++i) {
      if (!in_order(i)) throw bh::InvalidInput("a range ends before it begins");
    }
  }

  std::vector<Codes> held_;
  std::vector<Text> data_;
  ranges::PrefixModel model_;
};

// Designs with their rates, the best first.
std::vector<std::pair<Parts, double>> ranked(const Model& self, std::uint64_t budget, bool paper,
                                             std::optional<std::pair<std::uint64_t, double>> worst) {
  std::optional<ranges::WorstCase> worst_case;
  if (worst) worst_case = {worst->first, worst->second};
  const nb::gil_scoped_release unlocked;
  std::vector<std::pair<Parts, double>> all;
  for (const auto& [found, rate] :
       self->ranked(budget, paper ? ranges::Space::paper : ranges::Space::extended, worst_case))
    all.emplace_back(parts_of(found), rate);
  return all;
}

auto classes(const Model& self, const Parts& parts, std::uint64_t budget) {
  std::vector<double> rows;
  for (const auto& each : self->classes(self.checked(parts), budget)) {
    rows.push_back(each.queries);
    rows.push_back(each.rate);
  }
  const std::size_t count = rows.size() / 2;
  return as_numpy(std::move(rows), {count, 2});
}

auto grid(const Model& self, std::uint64_t budget, int exact, int approx) {
  const ranges::Design design = design_of({exact, 0, 0, approx, 0, std::nullopt});
  const std::size_t side = self->bits() + std::size_t{1};
  std::vector<double> rates;
  {
    const nb::gil_scoped_release unlocked;
    rates = self->grid(budget, design.exact, design.approx);
  }
  return as_numpy(std::move(rates), {side, side});
}

}  // namespace

void bind_prefix_model(nb::module_& m) {
  nb::class_<Model>(m, "PrefixModel")
      .def(nb::init<Codes, Codes, Codes, Probes>(), "keys"_a.noconvert(), "lo"_a.noconvert(), "hi"_a.noconvert(),
           "max_probes"_a.none())
      .def(nb::init<Codes, Text, std::uint64_t, Codes, Text, Codes, Text, Probes>(), "keys"_a.noconvert(),
           "key_data"_a.noconvert(), "width"_a, "lo"_a.noconvert(), "lo_data"_a.noconvert(), "hi"_a.noconvert(),
           "hi_data"_a.noconvert(), "max_probes"_a.none())
      .def_prop_ro("bits", [](const Model& self) { return self->bits(); })
      .def_prop_ro("asked", [](const Model& self) { return self->asked(); })
      .def_prop_ro("empty", [](const Model& self) { return self->empty(); })
      .def_prop_ro(
          "prefix_counts",
          [](const Model& self) {
            return as_numpy(std::vector(self->prefix_counts()), {self->prefix_counts().size()});
          },
          nb::rv_policy::automatic)
      .def("ranked", &ranked, "budget"_a, "paper"_a, "worst_case"_a.none())
      .def(
          "expected",
          [](const Model& self, const Parts& parts, std::uint64_t budget) {
            return self->expected(self.checked(parts), budget);
          },
          "design"_a, "budget"_a)
      .def(
          "fits",
          [](const Model& self, const Parts& parts, std::uint64_t budget) {
            return self->fits(self.checked(parts), budget);
          },
          "design"_a, "budget"_a)
      .def("classes", &classes, "design"_a, "budget"_a)
      .def(
          "bound",
          [](const Model& self, const Parts& parts, std::uint64_t budget, std::uint64_t length) {
            return self->bound(self.checked(parts), budget, length);
          },
          "design"_a, "budget"_a, "length"_a)
      .def("grid", &grid, "budget"_a, "exact"_a, "approx"_a);
}
