#include "quantization/hadamard.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/rows.h"
#include "quantization/rotation.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// By default all stages of every row. Single stages, and signs before or after them, are for the area `gradients`,
// whose THC rotates in part; quantization calls `rotate` for its rotations.
void hadamard_stages(const FlatOut& x, int lo, std::optional<int> hi, std::uint64_t seed, std::uint64_t stream,
                     const std::optional<std::string>& signs, std::size_t threads) {
  if (signs && *signs != "before" && *signs != "after")
    throw bh::InvalidInput("signs is '" + *signs + "', but must be 'before', 'after' or None");
  each_row(x, [&](auto rows, std::size_t length) {
    const int all = std::countr_zero(length), last = hi.value_or(all);
    if (lo < 0 || last < lo || last > all)
      throw bh::InvalidInput("stages are " + std::to_string(lo) + " to " + std::to_string(last) +
                             ", but must lie in 0 to " + std::to_string(all) + " for a last axis of " +
                             std::to_string(length));
    if (signs == "before") quantization::flip_rows(rows, length, seed, stream, threads);
    quantization::hadamard(rows, {lo, last}, threads);
    if (signs == "after") quantization::flip_rows(rows, length, seed, stream, threads);
  });
}

}  // namespace

void bind_hadamard(nb::module_& m) {
  m.def("hadamard_stages", &hadamard_stages, "x"_a.noconvert(), nb::kw_only(), "lo"_a = 0, "hi"_a = nb::none(),
        "seed"_a = 0, "stream"_a = 0, "signs"_a = nb::none(), "threads"_a = 1);
}
