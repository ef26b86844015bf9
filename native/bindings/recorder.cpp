#include "bindings/recorder.h"

#include <nanobind/nanobind.h>

#include <string_view>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using bh::ranges::QueryRecorder;

std::string_view row(const Array<std::uint64_t>& offsets, const Array<std::uint8_t>& data, std::size_t i) {
  const std::uint64_t first = offsets.data()[i], last = offsets.data()[i + 1];
  if (first > last || last > data.size()) throw bh::InvalidInput("offsets must ascend and end within the data");
  return {reinterpret_cast<const char*>(data.data()) + first, last - first};
}

nb::object codes(const HeldRecorder& self) {
  const auto kept = self.ring->codes();
  std::vector<std::uint64_t> lo, hi;
  for (const auto& query : kept) {
    lo.push_back(query.lo);
    hi.push_back(query.hi);
  }
  return nb::make_tuple(as_numpy(std::move(lo), {kept.size()}), as_numpy(std::move(hi), {kept.size()}));
}

nb::object strings(const HeldRecorder& self) {
  nb::list lo, hi;
  for (const auto& query : self.ring->strings()) {
    lo.append(nb::bytes(query.lo.data(), query.lo.size()));
    hi.append(nb::bytes(query.hi.data(), query.hi.size()));
  }
  return nb::make_tuple(lo, hi);
}

}  // namespace

void bind_recorder(nb::module_& m) {
  nb::class_<HeldRecorder>(m, "QueryRecorder")
      .def(
          "__init__",
          [](HeldRecorder* self, std::uint64_t capacity, std::uint64_t every, std::uint64_t seed) {
            new (self) HeldRecorder{std::make_shared<QueryRecorder>(capacity, every, seed)};
          },
          "capacity"_a, "every"_a, "seed"_a)
      .def(
          "settle", [](HeldRecorder& self, std::uint16_t kind) { return self.ring->settle(kind); }, "kind"_a)
      .def(
          "record",
          [](HeldRecorder& self, const Array<std::uint64_t>& lo, const Array<std::uint64_t>& hi) {
            if (lo.size() != hi.size()) throw bh::InvalidInput("lo and hi must be equally long");
            const Unlocked unlocked(lo.size());
            for (std::size_t i = 0; i < lo.size(); ++i) self.ring->record(lo.data()[i], hi.data()[i]);
          },
          "lo"_a.noconvert(), "hi"_a.noconvert())
      .def(
          "record_strings",
          [](HeldRecorder& self, const Array<std::uint64_t>& lo, const Array<std::uint8_t>& lo_data,
             const Array<std::uint64_t>& hi, const Array<std::uint8_t>& hi_data) {
            if (lo.size() != hi.size() || lo.size() == 0) throw bh::InvalidInput("lo and hi must be equally long");
            const Unlocked unlocked(lo.size());
            for (std::size_t i = 0; i + 1 < lo.size(); ++i) {
              self.ring->record(row(lo, lo_data, i), row(hi, hi_data, i));
            }
          },
          "lo"_a.noconvert(), "lo_data"_a.noconvert(), "hi"_a.noconvert(), "hi_data"_a.noconvert())
      .def("codes", &codes)
      .def("strings", &strings)
      .def("clear", [](HeldRecorder& self) { self.ring->clear(); })
      .def_prop_ro("kind", [](const HeldRecorder& self) { return self.ring->kind(); })
      .def_prop_ro("seen", [](const HeldRecorder& self) { return self.ring->seen(); });
}
