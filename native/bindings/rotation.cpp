#include "quantization/rotation.h"

#include <nanobind/stl/optional.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/rows.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void rotate(const FlatOut& x, std::uint64_t seed, std::uint64_t stream, int rounds, bool inverse) {
  each_row(x, [&](auto rows, std::size_t length) {
    quantization::Signs signs(seed, stream);
    for (std::size_t i = 0; i < rows.size(); i += length)
      quantization::rotate(rows.subspan(i, length), signs, 0, rounds, inverse);
  });
}

void decode(const quantization::CodesHeader& header, const nb::bytes& data,
            const std::optional<Array<std::int64_t>>& rows, std::uint64_t row, std::size_t threads,
            const FlatOut& out) {
  const bh::Bytes bytes = bytes_of(data);
  const Unlocked unlocked(out.size());
  if (header.single())
    quantization::decode_rotated(header, bytes, span(rows), row, threads, items<float>(out));
  else
    quantization::decode_rotated(header, bytes, span(rows), row, threads, items<double>(out));
}

}  // namespace

void bind_rotation(nb::module_& m) {
  m.def("rotate", &rotate, "x"_a.noconvert(), "seed"_a, "stream"_a, "rounds"_a, "inverse"_a);
  m.def("decode_rotated", &decode, "header"_a, "data"_a, nb::kw_only(), "rows"_a.noconvert().none(), "row"_a,
        "threads"_a, "out"_a.noconvert());
}
