#include "streams/exact.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/keys.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::streams::ExactCounts;

namespace {

using Numbers = std::vector<std::uint64_t>;

// One number of each entry.
nb::ndarray<nb::numpy, std::uint64_t> column(const ExactCounts& self, std::uint64_t ExactCounts::Entry::* member) {
  Numbers numbers;
  numbers.reserve(self.entries().size());
  for (const ExactCounts::Entry& entry : self.entries()) numbers.push_back(entry.*member);
  const std::size_t count = numbers.size();
  return as_numpy(std::move(numbers), {count});
}

}  // namespace

// Ids are those of Keys.ids(), in arrays that nobody else writes to.
void bind_exact(nb::module_& m) {
  nb::class_<ExactCounts>(m, "ExactCounts")
      .def(nb::init<>())
      .def(
          "update",
          [](ExactCounts& self, const Array<std::uint64_t>& ids) {
            const Unlocked unlocked(ids.size());
            self.update(span(ids), {});
          },
          "ids"_a.noconvert())
      .def(
          "count",
          [](const ExactCounts& self, const Array<std::uint64_t>& ids) {
            Numbers counts;
            for (const std::uint64_t id : span(ids)) counts.push_back(self.count(id));
            const std::size_t count = counts.size();
            return as_numpy(std::move(counts), {count});
          },
          "ids"_a.noconvert())
      .def_static(
          "running",
          [](const Array<std::uint64_t>& ids, std::uint64_t window) {
            Numbers counts;
            {
              const Unlocked unlocked(ids.size());
              counts = ExactCounts::running(span(ids), window);
            }
            return as_numpy(std::move(counts), {ids.size()});
          },
          "ids"_a.noconvert(), "window"_a)
      .def_prop_ro(
          "counts", [](const ExactCounts& self) { return column(self, &ExactCounts::Entry::count); },
          nb::rv_policy::automatic)
      .def_prop_ro(
          "firsts", [](const ExactCounts& self) { return column(self, &ExactCounts::Entry::first); },
          nb::rv_policy::automatic);
}
