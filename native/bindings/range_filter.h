// What every range filter offers to Python, whatever its core (ranges/stored.h). Keys and bounds cross as codes:
// numbers, or byte strings one after the other as their data and the offsets at which they begin and end.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "ranges/codes.h"
#include "ranges/keys.h"
#include "ranges/stored.h"
#include "support/errors.h"

namespace range_filters {

namespace nb = nanobind;
namespace ranges = bh::ranges;
using nb::literals::operator""_a;

using Codes = Array<std::uint64_t>;
using Text = Array<std::uint8_t>;
// Exact part, its bits, bucket width, approximate part, its bits, max_probes: as beforehand.ranges.design has them.
using Parts = std::tuple<int, std::uint32_t, std::uint64_t, int, std::uint32_t, std::optional<std::uint64_t>>;

inline ranges::Design design_of(const Parts& parts) {
  const auto& [exact, exact_bits, width, approx, approx_bits, probes] = parts;
  if (exact < 0 || exact > 2 || approx < 0 || approx > 3) throw bh::InvalidInput("a design has no such parts");
  return {ranges::Exact(exact), exact_bits, width, ranges::Approx(approx), approx_bits, probes};
}

inline Parts parts_of(const ranges::Design& design) {
  return {static_cast<int>(design.exact),  design.exact_bits,  design.bucket_width,
          static_cast<int>(design.approx), design.approx_bits, design.max_probes};
}

// Strings of at most `width` bytes.
inline ranges::ByteKeys strings(const Codes& offsets, const Text& data, std::size_t width) {
  const auto places = span(offsets);
  if (width < 1 || width > ranges::kLongestKey) throw bh::InvalidInput("codes have 1 to 4,096 bytes");
  if (places.empty() || places[0] != 0 || places.back() > data.size()) throw bh::InvalidInput("offsets leave the data");
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i] < places[i - 1] || places[i] - places[i - 1] > width) throw bh::InvalidInput("a string is too long");
  return {places, data.data(), width};
}

inline std::span<const std::uint64_t> key_codes(const Codes& codes) {
  if (!ranges::strictly_ascend(span(codes))) throw bh::InvalidInput("codes must ascend");
  return span(codes);
}
inline ranges::ByteKeys key_strings(const Codes& offsets, const Text& data, std::size_t width) {
  const ranges::ByteKeys keys = strings(offsets, data, width);
  if (!ranges::strictly_ascend(keys)) throw bh::InvalidInput("codes must ascend");
  return keys;
}

template <typename Core>
struct Filter {
  ranges::Stored<Core> stored;
  std::size_t width;  // bytes of a code

  bool textual() const { return ranges::is_textual(stored.header.keys); }
  void check(bool text) const {
    if (text != textual()) throw bh::InvalidInput("these bounds are not of the keys' kind");
  }
};

// What a core says about itself becomes the header of its bytes; the key type comes from Python.
template <typename Core>
Filter<Core> made(Core core, ranges::Design design, std::uint64_t count, std::uint64_t seed, std::size_t width,
                  int keys, int unit) {
  ranges::Header header;
  header.filter = Core::kKind;
  header.keys = ranges::KeyKind(keys);
  header.unit = static_cast<std::uint8_t>(unit);
  header.design = design;
  header.count = count;
  header.seed = seed;
  return {{header, std::move(core)}, width};
}

// Without keys every answer is False.
template <typename Core, typename Ask>
auto answers(const Filter<Core>& self, std::size_t count, const Ask& ask) {
  auto* const found = new bool[count]();
  const nb::capsule owner(found, [](void* it) noexcept { delete[] static_cast<bool*>(it); });
  {
    const Unlocked unlocked(count);
    if (self.stored.header.count > 0) ask(std::span(found, count));
  }
  return nb::ndarray<nb::numpy, bool>(found, {count}, owner);
}

template <typename Core>
auto intersect_codes(const Filter<Core>& self, const Codes& lo, const Codes& hi) {
  self.check(false);
  if (lo.size() != hi.size()) throw bh::InvalidInput("each range has two ends");
  return answers(self, lo.size(), [&](std::span<bool> found) {
    const auto first = span(lo), last = span(hi);
    if constexpr (requires { self.stored.core.may_intersect(first, last, found); }) {
      self.stored.core.may_intersect(first, last, found);
    } else {
      for (std::size_t i = 0; i < found.size(); ++i) found[i] = self.stored.core.may_intersect(first[i], last[i]);
    }
  });
}

// `before`: of which ranges the last code is the one before that of hi.
template <typename Core>
auto intersect_strings(const Filter<Core>& self, const Codes& lo, const Text& lo_data, const Codes& hi,
                       const Text& hi_data, const Array<bool>& before) {
  self.check(true);
  const ranges::ByteKeys first = strings(lo, lo_data, self.width), last = strings(hi, hi_data, self.width);
  if (first.count() != last.count() || first.count() != before.size())
    throw bh::InvalidInput("each range has two ends");
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before.data()[i] && (last[i].empty() || last[i].back() == 0))
      throw bh::InvalidInput("no code comes before a bound that is empty or ends with a zero");
  return answers(self, first.count(), [&](std::span<bool> found) {
    std::vector<std::uint8_t> room(self.width);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ranges::ByteCode end = last[i];
      if (before.data()[i]) {
        ranges::before(end, room);
        end = room;
      }
      found[i] = self.stored.core.may_intersect(first[i], end);
    }
  });
}

template <typename Core>
auto contain_codes(const Filter<Core>& self, const Codes& keys) {
  self.check(false);
  return answers(self, keys.size(), [&](std::span<bool> found) {
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = self.stored.core.may_contain(span(keys)[i]);
  });
}

template <typename Core>
auto contain_strings(const Filter<Core>& self, const Codes& offsets, const Text& data) {
  self.check(true);
  const ranges::ByteKeys keys = strings(offsets, data, self.width);
  return answers(self, keys.count(), [&](std::span<bool> found) {
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = self.stored.core.may_contain(keys[i]);
  });
}

// Keeps a buffer of Python's, or a copy of it, for as long as a filter reads it.
template <typename Core>
Filter<Core> from_bytes(const Text& data, bool copy) {
  std::shared_ptr<const void> owner;
  bh::Bytes bytes = std::as_bytes(span(data));
  if (copy) {
    const auto kept = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    bytes = *kept;
    owner = kept;
  } else {
    owner = std::make_shared<Text>(data);
  }
  std::optional<ranges::Stored<Core>> stored;
  {
    const Unlocked unlocked(bytes.size());
    stored = ranges::Stored<Core>::read(bytes, std::move(owner));
  }
  ranges::FilterReader reader(bytes);
  const std::size_t width = ranges::read_bounds(reader).width / 8;
  return {std::move(*stored), width};
}

template <typename Core>
nb::bytes to_bytes(const Filter<Core>& self) {
  std::vector<std::uint8_t> written;
  {
    const Unlocked unlocked(self.stored.bytes());
    written = self.stored.write();
  }
  return nb::bytes(written.data(), written.size());
}

using Interval = std::tuple<double, double, std::uint64_t, std::uint64_t>;

template <typename Core>
nb::class_<Filter<Core>> bind_filter(nb::module_& m, const char* name) {
  using Self = Filter<Core>;
  auto bound = nb::class_<Self>(m, name);
  bound.def("may_intersect", &intersect_codes<Core>, "lo"_a.noconvert(), "hi"_a.noconvert())
      .def(
          "meets",
          [](const Self& self, std::uint64_t lo, std::uint64_t hi) {
            self.check(false);
            return self.stored.header.count > 0 && self.stored.core.may_intersect(lo, hi);
          },
          "lo"_a, "hi"_a)
      .def_static("from_bytes", &from_bytes<Core>, "data"_a.noconvert(), "copy"_a)
      .def("to_bytes", &to_bytes<Core>)
      .def(
          "expect",  // once, right after it was built
          [](Self& self, double rate, std::optional<Interval> interval) {
            self.stored.header.expected = rate;
            if (interval) {
              const auto& [low, high, empty, asked] = *interval;
              self.stored.interval = {low, high, empty, asked};
            }
          },
          "rate"_a, "interval"_a.none())
      .def_prop_ro("parts",
                   [](const Self& self) {
                     std::vector<std::pair<std::string, std::uint64_t>> parts;
                     for (const ranges::Size& part : self.stored.parts()) parts.emplace_back(part.name, part.bytes);
                     return parts;
                   })
      .def_prop_ro("count", [](const Self& self) { return self.stored.header.count; })
      .def_prop_ro("nbytes", [](const Self& self) { return self.stored.bytes(); })
      .def_prop_ro("width", [](const Self& self) { return self.width; })
      .def_prop_ro("seed", [](const Self& self) { return self.stored.header.seed; })
      .def_prop_ro("keys", [](const Self& self) { return static_cast<int>(self.stored.header.keys); })
      .def_prop_ro("unit", [](const Self& self) { return static_cast<int>(self.stored.header.unit); })
      .def_prop_ro("expected", [](const Self& self) { return self.stored.header.expected; })
      .def_prop_ro("design",
                   [](const Self& self) {
                     if constexpr (requires { self.stored.core.parts().design; })
                       return parts_of(self.stored.core.parts().design);  // with its bucket width
                     else
                       return parts_of(self.stored.header.design);
                   })
      .def_prop_ro("interval", [](const Self& self) -> std::optional<Interval> {
        if (!self.stored.interval) return std::nullopt;
        const ranges::Interval& interval = *self.stored.interval;
        return Interval{interval.low, interval.high, interval.empty, interval.asked};
      });
  if constexpr (requires(const Core& core) { core.bound(std::uint64_t{1}); })
    bound.def(
        "bound", [](const Self& self, std::uint64_t length) { return self.stored.core.bound(length); }, "length"_a);
  if constexpr (requires(const Core& core) { core.may_intersect(ranges::ByteCode(), ranges::ByteCode()); })
    bound.def("may_intersect", &intersect_strings<Core>, "lo"_a.noconvert(), "lo_data"_a.noconvert(),
              "hi"_a.noconvert(), "hi_data"_a.noconvert(), "before"_a.noconvert());
  if constexpr (requires(const Core& core) { core.may_contain(std::uint64_t{0}); })
    bound.def("may_contain", &contain_codes<Core>, "keys"_a.noconvert());
  if constexpr (requires(const Core& core) { core.may_contain(ranges::ByteCode()); })
    bound.def("may_contain", &contain_strings<Core>, "keys"_a.noconvert(), "data"_a.noconvert());
  return bound;
}

}  // namespace range_filters
