#include "support/bytes.h"

#include <cstdint>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

std::uint32_t crc32c(const Array<std::uint8_t>& data, std::uint32_t before) {
  const Unlocked unlocked(data.size());
  return bh::crc32c(std::as_bytes(span(data)), before);
}

}  // namespace

void bind_bytes(nb::module_& m) { m.def("crc32c", &crc32c, "data"_a.noconvert(), "before"_a = 0); }
