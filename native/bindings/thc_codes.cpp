#include "gradients/thc_codes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Points = Array<std::uint16_t>;

void check(bool fits) {
  if (!fits) throw bh::InvalidInput("these arrays do not fit one another; pass whole groups of 512 coordinates");
}

// A copy of the table, which another thread may change meanwhile.
std::vector<std::uint16_t> table(const Points& points) {
  const std::vector<std::uint16_t> found(points.data(), points.data() + points.size());
  const bool ascends = std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()) == found.end();
  if (found.size() < 2 || found.front() != 0 || !ascends || found.back() > 1023 ||
      (found.size() > 16 && found.size() <= found.back()))
    throw bh::InvalidInput("points ascend from 0 to at most 1023, and are at most 16 of them, or all");
  return found;
}

// Sums and points are bytes or words.
template <typename Work>
auto with_values(const FlatOut& values, const Work& work) {
  const bool bytes = values.dtype() == nb::dtype<std::uint8_t>();
  check(bytes || values.dtype() == nb::dtype<std::uint16_t>());
  return bytes ? work(items<std::uint8_t>(values)) : work(items<std::uint16_t>(values));
}

std::size_t encode(const Array<float>& h, float scale, const Points& points, int bits, std::uint64_t seed,
                   std::uint64_t stream, std::size_t threads, const Filled<std::uint8_t>& out) {
  check(bits >= 2 && bits <= 4 && points.size() == std::size_t{1} << bits && h.size() % gradients::kGroup == 0 &&
        out.size() == gradients::packed_bytes(h.size(), bits));
  const std::vector<std::uint16_t> held = table(points);
  const Unlocked unlocked(h.size());
  return gradients::encode(span(h), scale, held, bits, {seed, stream}, threads, filled(out), bh::isa());
}

std::size_t round_to_points(const Array<float>& h, float scale, const Points& points, std::uint64_t seed,
                            std::uint64_t stream, std::size_t threads, const FlatOut& out) {
  check(h.size() % gradients::kGroup == 0 && out.size() == h.size());
  const std::vector<std::uint16_t> held = table(points);
  return with_values(out, [&]<typename Value>(std::span<Value> values) {
    const Unlocked unlocked(h.size());
    return gradients::round_to_points<Value>(span(h), scale, held, {seed, stream}, threads, values, bh::isa());
  });
}

void accumulate(const Array<std::uint8_t>& packed, const Points& points, int bits, bool first, const FlatOut& sums) {
  check(bits >= 2 && bits <= 4 && points.size() == std::size_t{1} << bits && sums.size() % gradients::kGroup == 0 &&
        packed.size() == gradients::packed_bytes(sums.size(), bits));
  with_values(sums, [&]<typename Sum>(std::span<Sum> values) {
    const Unlocked unlocked(values.size());
    gradients::accumulate<Sum>(span(packed), span(points), bits, first, values);
  });
}

}  // namespace

void bind_thc_codes(nb::module_& m) {
  m.def("thc_encode", &encode, "h"_a.noconvert(), "scale"_a, "points"_a.noconvert(), nb::kw_only(), "bits"_a, "seed"_a,
        "stream"_a, "threads"_a, "out"_a.noconvert());
  m.def("thc_points", &round_to_points, "h"_a.noconvert(), "scale"_a, "points"_a.noconvert(), nb::kw_only(), "seed"_a,
        "stream"_a, "threads"_a, "out"_a.noconvert());
  m.def("thc_accumulate", &accumulate, "packed"_a.noconvert(), "points"_a.noconvert(), nb::kw_only(), "bits"_a,
        "first"_a, "sums"_a.noconvert());
}
