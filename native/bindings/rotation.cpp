#include "quantization/rotation.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "quantization/hadamard.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// Calls work(x, length of its last axis, a power of two) for an array of float32 or float64.
template <typename Work>
void each_row(const FlatOut& x, const Work& work) {
  const std::size_t length = x.ndim() == 0 ? 1 : x.shape(x.ndim() - 1);
  if (!std::has_single_bit(length))
    throw bh::InvalidInput("x has a last axis of " + std::to_string(length) +
                           ", but it must be a power of two; pad it");
  const bool single = x.dtype() == nb::dtype<float>();
  if (!single && x.dtype() != nb::dtype<double>()) throw bh::InvalidInput("x must be float32 or float64");
  const Unlocked unlocked(x.size());
  if (single)
    work(std::span(static_cast<float*>(x.data()), x.size()), length);
  else
    work(std::span(static_cast<double*>(x.data()), x.size()), length);
}

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

void rotate(const FlatOut& x, std::uint64_t seed, std::uint64_t stream, int rounds, bool inverse) {
  each_row(x, [&](auto rows, std::size_t length) {
    quantization::Signs signs(seed, stream);
    for (std::size_t i = 0; i < rows.size(); i += length)
      quantization::rotate(rows.subspan(i, length), signs, 0, rounds, inverse);
  });
}

nb::bytes encode(const quantization::CodesHeader& header, const Flat& data, const std::optional<Array<float>>& table,
                 const Flat& levels, std::size_t threads) {
  const quantization::Values values = as_values(data, table);
  const nb::bytes made(nullptr, header.total_bytes());  // filled before anybody else sees it
  const std::span<std::byte> bytes(static_cast<std::byte*>(const_cast<void*>(made.data())), made.size());
  const Unlocked unlocked(values.size);
  if (header.single)
    quantization::encode_rotated(header, values, items<float>(levels), threads, bytes);
  else
    quantization::encode_rotated(header, values, items<double>(levels), threads, bytes);
  return made;
}

void decode(const quantization::CodesHeader& header, const nb::bytes& data,
            const std::optional<Array<std::int64_t>>& rows, std::uint64_t row, std::size_t threads,
            const FlatOut& out) {
  const bh::Bytes bytes = bytes_of(data);
  const Unlocked unlocked(out.size());
  if (header.single)
    quantization::decode_rotated(header, bytes, span(rows), row, threads, items<float>(out));
  else
    quantization::decode_rotated(header, bytes, span(rows), row, threads, items<double>(out));
}

}  // namespace

void bind_rotation(nb::module_& m) {
  m.def("hadamard_stages", &hadamard_stages, "x"_a.noconvert(), nb::kw_only(), "lo"_a, "hi"_a, "seed"_a, "stream"_a,
        "signs"_a.none(), "threads"_a);
  m.def("rotate", &rotate, "x"_a.noconvert(), "seed"_a, "stream"_a, "rounds"_a, "inverse"_a);
  m.def("encode_rotated", &encode, "header"_a, "data"_a.noconvert(), "table"_a.noconvert().none(),
        "levels"_a.noconvert(), "threads"_a);
  m.def("decode_rotated", &decode, "header"_a, "data"_a, "rows"_a.noconvert().none(), "row"_a, "threads"_a,
        "out"_a.noconvert());
}
