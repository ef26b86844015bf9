#include "quantization/codes.h"

#include <nanobind/stl/optional.h>
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

namespace quantization = bh::quantization;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Header = quantization::CodesHeader;

bh::Bytes payload_of(const Header& header, const nb::bytes& data) {
  return bytes_of(data).subspan(header.payload_at(), header.payload_bytes());
}

void make_header(Header* self, std::uint8_t method, std::uint8_t objective, std::uint8_t dtype, bool single,
                 std::uint8_t grouped, std::uint8_t axis, std::uint32_t s, std::uint64_t block, std::uint8_t rounds,
                 std::uint64_t seed, std::uint64_t stream, std::vector<std::uint64_t> shape) {
  new (self) Header{method,
                    quantization::Objective{objective},
                    dtype,
                    single,
                    quantization::Grouped{grouped},
                    axis,
                    s,
                    block,
                    rounds,
                    seed,
                    stream,
                    std::move(shape),
                    0};
}

nb::bytes encode(const Header& header, const Flat& data, const std::optional<Array<float>>& table, const Flat& levels,
                 const Array<std::int64_t>& counts, bool clip, std::size_t threads) {
  const quantization::Values values = as_values(data, table);
  const nb::bytes made(nullptr, header.total_bytes());  // filled before anybody else sees it
  const std::span<std::byte> bytes(static_cast<std::byte*>(const_cast<void*>(made.data())), made.size());
  const Unlocked unlocked(values.size);
  if (header.single)
    quantization::encode(header, values, items<float>(levels), span(counts), {clip, threads}, bytes);
  else
    quantization::encode(header, values, items<double>(levels), span(counts), {clip, threads}, bytes);
  return made;
}

Header open_header(const nb::bytes& data) { return quantization::read_codes_header(bytes_of(data)); }

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
      .def("__init__", &make_header, nb::kw_only(), "method"_a, "objective"_a, "dtype"_a, "single"_a, "grouped"_a,
           "axis"_a, "s"_a, "block"_a, "rounds"_a, "seed"_a, "stream"_a, "shape"_a)
      .def_ro("method", &Header::method)
      .def_prop_ro("objective", [](const Header& self) { return static_cast<int>(self.objective); })
      .def_ro("dtype", &Header::dtype)
      .def_ro("single", &Header::single)
      .def_ro("axis", &Header::axis)
      .def_ro("s", &Header::s)
      .def_ro("block", &Header::block)
      .def_ro("seed", &Header::seed)
      .def_ro("stream", &Header::stream)
      .def_ro("shape", &Header::shape)
      .def_ro("clipped", &Header::clipped)
      .def_prop_ro("bits", &Header::bits)
      .def_prop_ro("tables", &Header::tables)
      .def_prop_ro("levels_at", &Header::levels_at);
  m.def("encode_codes", &encode, "header"_a, "data"_a.noconvert(), "table"_a.noconvert().none(), "levels"_a.noconvert(),
        "counts"_a.noconvert(), "clip"_a, "threads"_a);
  m.def("open_codes_header", &open_header, "data"_a);
  m.def("open_codes", &open, "data"_a);
  m.def("decode_codes", &decode, "header"_a, "data"_a, "levels"_a.noconvert(), "first"_a, "rows"_a.noconvert().none(),
        "row"_a, "threads"_a, "out"_a.noconvert());
  m.def("code_indices", &indices, "header"_a, "data"_a, "out"_a.noconvert());
}
