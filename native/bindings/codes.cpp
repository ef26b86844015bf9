#include "quantization/codes.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/values.h"
#include "quantization/rotation.h"
#include "quantization/scaled.h"

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Header = quantization::CodesHeader;

bh::Bytes payload_of(const Header& header, const nb::bytes& data) {
  return bytes_of(data).subspan(header.payload_at(), header.payload_bytes());
}

void make_header(Header* self, quantization::Method method, quantization::Objective objective,
                 quantization::Dtype dtype, std::uint32_t n_levels, std::optional<std::uint8_t> axis,
                 std::optional<std::uint64_t> block, std::uint8_t rounds, std::uint64_t seed, std::uint64_t stream,
                 std::vector<std::uint64_t> shape, quantization::Scale scale) {
  using quantization::Grouped;
  const Grouped grouped = axis ? Grouped::axis : block && rounds == 0 ? Grouped::block : Grouped::whole;
  new (self) Header{method,
                    objective,
                    dtype,
                    grouped,
                    axis.value_or(Header::kNoAxis),
                    n_levels,
                    block.value_or(0),
                    rounds,
                    seed,
                    stream,
                    std::move(shape),
                    0,
                    scale};
}

std::optional<std::uint8_t> axis_of(const Header& header) {
  return header.axis == Header::kNoAxis ? std::nullopt : std::optional(header.axis);
}

// The bytes, and the header with what only encoding could tell.
std::pair<nb::bytes, Header> encode(const Header& header, const HeldValues& values, const Flat& levels,
                                    const Array<std::int64_t>& counts, bool clip, std::size_t threads) {
  const nb::bytes made(nullptr, header.total_bytes());  // filled before anybody else sees it
  const std::span<std::byte> bytes(static_cast<std::byte*>(const_cast<void*>(made.data())), made.size());
  const auto encoded = [&]<typename Real>(Real) {
    const Unlocked unlocked(values.view.size);
    if (header.scaled())
      return quantization::encode_scaled(header, values.view, items<Real>(levels), {clip, threads}, bytes);
    if (!header.rotated())
      return quantization::encode(header, values.view, items<Real>(levels), span(counts), {clip, threads}, bytes);
    quantization::encode_rotated(header, values.view, items<Real>(levels), threads, bytes);
    return header;
  };
  Header written = header.single() ? encoded(float{}) : encoded(double{});
  return {made, std::move(written)};
}

Header open(const nb::bytes& data) {
  const bh::Bytes bytes = bytes_of(data);
  const Unlocked unlocked(bytes.size());
  Header header = quantization::read_codes_header(bytes);
  quantization::check_codes(header, bytes);
  return header;
}

void decode(const Header& header, const nb::bytes& data, const Flat& levels, std::uint64_t first,
            const std::optional<Array<std::int64_t>>& rows, std::uint64_t row, std::size_t threads,
            const FlatOut& out) {
  const bh::Bytes payload = payload_of(header, data);
  const quantization::Selection selection{first, span(rows), row};
  const auto move = [&]<typename Item>(Item) {
    quantization::decode(header, payload, items<Item>(levels), selection, threads, items<Item>(out));
  };
  const Unlocked unlocked(out.size());
  switch (out.itemsize()) {
    case 2: return move(std::uint16_t{});
    case 4: return move(std::uint32_t{});
    default: return move(std::uint64_t{});
  }
}

void indices(const Header& header, const nb::bytes& data, const FlatOut& out) {
  const bh::Bytes payload = payload_of(header, data);
  const Unlocked unlocked(out.size());
  if (out.itemsize() == 1)
    quantization::read_codes(header, payload, items<std::uint8_t>(out));
  else
    quantization::read_codes(header, payload, items<std::uint16_t>(out));
}

}  // namespace

void bind_codes(nb::module_& m) {
  nb::class_<Header>(m, "CodesHeader")
      .def("__init__", &make_header, nb::kw_only(), "method"_a, "objective"_a, "dtype"_a, "n_levels"_a, "axis"_a.none(),
           "block"_a.none(), "rounds"_a, "seed"_a, "stream"_a, "shape"_a, "scale"_a)
      .def_ro("method", &Header::method)
      .def_ro("objective", &Header::objective)
      .def_ro("dtype", &Header::dtype)
      .def_ro("n_levels", &Header::n_levels)
      .def_prop_ro("axis", &axis_of)
      .def_ro("block", &Header::block)
      .def_ro("scale", &Header::scale)
      .def_prop_ro("groups", &Header::groups)
      .def_ro("seed", &Header::seed)
      .def_ro("stream", &Header::stream)
      .def_ro("shape", &Header::shape)
      .def_ro("clipped", &Header::clipped)
      .def_prop_ro("bits", &Header::bits)
      .def_prop_ro("tables", &Header::tables)
      .def_prop_ro("levels_at", &Header::levels_at);
  m.def("encode_codes", &encode, "header"_a, "values"_a, "levels"_a.noconvert(), "counts"_a.noconvert(), nb::kw_only(),
        "clip"_a, "threads"_a);
  m.def("open_codes", &open, "data"_a);
  m.def("decode_codes", &decode, "header"_a, "data"_a, "levels"_a.noconvert(), nb::kw_only(), "first"_a,
        "rows"_a.noconvert().none(), "row"_a, "threads"_a, "out"_a.noconvert());
  m.def("code_indices", &indices, "header"_a, "data"_a, "out"_a.noconvert());
}
