#include "gradients/block_codes.h"

#include <cstdint>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void check(const gradients::BlockFormat& format, std::size_t coordinates, std::size_t bytes) {
  if (format.block == 0 || format.block % 16 != 0 || coordinates % format.block != 0 ||
      bytes != format.message_bytes(coordinates))
    throw bh::InvalidInput("the message and the coordinates do not fit one another; pass whole blocks");
}

void encode(const Array<float>& x, const gradients::BlockFormat& format, bool stochastic, std::uint64_t seed,
            std::uint64_t stream, std::uint64_t first, std::size_t threads, const Filled<std::uint8_t>& message) {
  check(format, x.size(), message.size());
  const Unlocked unlocked(x.size());
  const auto dither = stochastic ? std::optional(gradients::Dither{seed, stream, first}) : std::nullopt;
  gradients::block_encode(span(x), format, dither, threads, filled(message));
}

void accumulate(const Array<std::uint8_t>& message, const gradients::BlockFormat& format, bool first,
                std::size_t threads, const Filled<float>& total) {
  check(format, total.size(), message.size());
  const Unlocked unlocked(total.size());
  gradients::block_accumulate(span(message), format, first, threads, filled(total));
}

}  // namespace

void bind_block_codes(nb::module_& m) {
  using gradients::BlockCode;
  using gradients::BlockFormat;
  using gradients::BlockNorm;
  nb::enum_<BlockCode>(m, "BlockCode")
      .value("int4", BlockCode::int4)
      .value("int8", BlockCode::int8)
      .value("e4m3", BlockCode::e4m3)
      .value("e5m2", BlockCode::e5m2);
  nb::enum_<BlockNorm>(m, "BlockNorm").value("largest", BlockNorm::largest).value("euclidean", BlockNorm::euclidean);
  nb::class_<BlockFormat>(m, "BlockFormat")
      .def(
          "__init__",
          [](BlockFormat* self, BlockCode code, std::size_t block, BlockNorm norm, bool short_scale) {
            new (self) BlockFormat{code, norm, short_scale, block};
          },
          "code"_a, "block"_a, nb::kw_only(), "norm"_a = BlockNorm::largest, "short_scale"_a = false)
      .def_ro("block", &BlockFormat::block)
      .def("message_bytes", &BlockFormat::message_bytes, "coordinates"_a);
  m.def("block_encode", &encode, "x"_a.noconvert(), "format"_a, nb::kw_only(), "stochastic"_a, "seed"_a, "stream"_a,
        "first"_a, "threads"_a = 1, "message"_a.noconvert());
  m.def("block_accumulate", &accumulate, "message"_a.noconvert(), "format"_a, nb::kw_only(), "first"_a, "threads"_a = 1,
        "total"_a.noconvert());
}
