#include <nanobind/stl/optional.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "ranges/policy.h"
#include "support/errors.h"

namespace ranges = bh::ranges;
namespace nb = nanobind;
using namespace nb::literals;

namespace {

ranges::ByteRows rows_of(const nb::list& strings) {
  ranges::ByteRows rows;
  for (const nb::handle item : strings) {
    const auto bytes = nb::cast<nb::bytes>(item);
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) throw bh::InvalidInput("a bound is too long");
    rows.push_back({static_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }
  return rows;
}

// Bounds are arrays of codes, or lists of bytes.
nb::bytes range_policy(int filter, int keys, int unit, std::optional<std::uint64_t> max_probes, std::uint64_t seed,
                       double bits_per_key, std::uint64_t worst_length, double worst_rate, const nb::object& lo,
                       const nb::object& hi) {
  if (filter < 1 || filter > 6 || keys < 0 || keys > 6 || unit < 0 || unit > 13)
    throw bh::InvalidInput("a policy has no such filter or keys");
  ranges::Policy policy;
  policy.filter = ranges::FilterKind(filter);
  policy.keys = ranges::KeyKind(keys);
  policy.unit = static_cast<std::uint8_t>(unit);
  policy.max_probes = max_probes;
  policy.seed = seed;
  policy.bits_per_key = bits_per_key;
  policy.worst_length = worst_length;
  policy.worst_rate = worst_rate;
  if (nb::isinstance<nb::list>(lo)) {
    policy.sample.lo_bytes = rows_of(nb::cast<nb::list>(lo));
    policy.sample.hi_bytes = rows_of(nb::cast<nb::list>(hi));
    if (policy.sample.lo_bytes.count() != policy.sample.hi_bytes.count())
      throw bh::InvalidInput("a range has two ends");
  } else {
    const auto first = nb::cast<Array<std::uint64_t>>(lo), last = nb::cast<Array<std::uint64_t>>(hi);
    if (first.size() != last.size()) throw bh::InvalidInput("a range has two ends");
    policy.sample.lo.assign(first.data(), first.data() + first.size());
    policy.sample.hi.assign(last.data(), last.data() + last.size());
  }
  const std::vector<std::uint8_t> bytes = policy.write();
  return nb::bytes(bytes.data(), bytes.size());
}

}  // namespace

void bind_range_policy(nb::module_& m) {
  m.def("range_policy", &range_policy, "filter"_a, "keys"_a, "unit"_a, "max_probes"_a.none(), "seed"_a,
        "bits_per_key"_a, "worst_length"_a, "worst_rate"_a, "lo"_a, "hi"_a);
}
