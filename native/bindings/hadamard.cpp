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

void hadamard_stages(const FlatOut& x, int lo, int hi, std::uint64_t seed, std::uint64_t stream,
                     const std::optional<std::string>& signs, std::size_t threads) {
  if (signs && *signs != "before" && *signs != "after")
    throw bh::InvalidInput("signs is '" + *signs + "', but must be 'before', 'after' or None");
  each_row(x, [&](auto row, std::size_t length) {
    const int most = std::countr_zero(length);
    if (lo < 0 || hi < lo || hi > most)
      throw bh::InvalidInput("stages are " + std::to_string(lo) + " to " + std::to_string(hi) +
                             ", but must lie in 0 to " + std::to_string(most) + " for a last axis of " +
                             std::to_string(length));
    if (signs && *signs == "before") quantization::flip_rows(row, length, seed, stream, threads);
    quantization::hadamard(row, {lo, hi}, threads);
    if (signs && *signs == "after") quantization::flip_rows(row, length, seed, stream, threads);
  });
}

}  // namespace

void bind_hadamard(nb::module_& m) {
  m.def("hadamard_stages", &hadamard_stages, "x"_a.noconvert(), nb::kw_only(), "lo"_a, "hi"_a, "seed"_a, "stream"_a,
        "signs"_a.none(), "threads"_a);
}
