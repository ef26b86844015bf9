#include "gradients/lanes.h"

#include <cstddef>
#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace gradients = bh::gradients;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

void check(bool fits) {
  if (!fits)
    throw bh::InvalidInput("these arrays do not fit one another; pass values, lanes and containers as planned");
}

// Calls work(items of bytes or words, items of a container) for whatever the two arrays hold.
template <typename Values, typename Containers, typename Work>
void with_both(const Values& values, const Containers& containers, int width, const Work& work) {
  const bool bytes = values.dtype() == nb::dtype<std::uint8_t>(),
             ints = containers.dtype() == nb::dtype<std::int32_t>();
  check(bytes || values.dtype() == nb::dtype<std::uint16_t>());
  check(ints || containers.dtype() == nb::dtype<std::int64_t>());
  const int most = bytes ? 8 : 16, lanes = width > 0 ? (ints ? 32 : 64) / width : 0;
  check(width > 0 && width <= most && containers.size() == (values.size() + lanes - 1) / lanes);
  const Unlocked unlocked(values.size());
  const auto either = [&](auto held) {
    if (ints)
      work(held, items<std::int32_t>(containers));
    else
      work(held, items<std::int64_t>(containers));
  };
  if (bytes)
    either(items<std::uint8_t>(values));
  else
    either(items<std::uint16_t>(values));
}

void pack(const Flat& values, int width, const FlatOut& out) {
  with_both(values, out, width,
            [width]<typename Value, typename Container>(std::span<const Value> from, std::span<Container> to) {
              gradients::pack_lanes<Value, Container>(from, width, to);
            });
}

void unpack(const Flat& containers, int width, const FlatOut& out) {
  with_both(out, containers, width,
            [width]<typename Value, typename Container>(std::span<Value> to, std::span<const Container> from) {
              gradients::unpack_lanes<Value, Container>(from, width, to);
            });
}

void decode(const Flat& values, float factor, float offset, const Filled<float>& out) {
  const bool bytes = values.dtype() == nb::dtype<std::uint8_t>();
  check((bytes || values.dtype() == nb::dtype<std::uint16_t>()) && values.size() == out.size());
  const Unlocked unlocked(out.size());
  if (bytes)
    gradients::decode_lanes<std::uint8_t>(items<std::uint8_t>(values), factor, offset, filled(out));
  else
    gradients::decode_lanes<std::uint16_t>(items<std::uint16_t>(values), factor, offset, filled(out));
}

double sum_of_squares(const Array<float>& x) {
  const Unlocked unlocked(x.size());
  return gradients::sum_of_squares(span(x));
}

}  // namespace

void bind_lanes(nb::module_& m) {
  m.def("pack_lanes", &pack, "values"_a.noconvert(), "width"_a, "out"_a.noconvert());
  m.def("unpack_lanes", &unpack, "containers"_a.noconvert(), "width"_a, "out"_a.noconvert());
  m.def("decode_lanes", &decode, "values"_a.noconvert(), "factor"_a, "offset"_a, "out"_a.noconvert());
  m.def("sum_of_squares", &sum_of_squares, "x"_a.noconvert());
}
