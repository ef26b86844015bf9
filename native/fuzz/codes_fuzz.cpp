// Bytes of Codes: what is read can be decoded, and is written back as it was.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "quantization/codes.h"
#include "quantization/rotation.h"
#include "quantization/scaled.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bh::Bytes bytes = std::as_bytes(std::span(data, size));
  quantization::CodesHeader header;
  try {
    header = quantization::read_codes_header(bytes);
    quantization::check_codes(header, bytes);
  } catch (const bh::CorruptData&) {
    return 0;
  }
  std::vector<std::byte> written(bytes.begin(), bytes.end());
  quantization::write_codes(header, bytes.subspan(header.levels_at(), header.levels_bytes()), written);
  if (!std::equal(bytes.begin(), bytes.end(), written.begin())) __builtin_trap();

  if (header.size() > 1 << 16) return 0;  // without bits, a few bytes may stand for any number of values
  if (header.rotated()) {
    std::vector<float> single(header.single() ? header.size() : 0);
    std::vector<double> wide(header.single() ? 0 : header.size());
    quantization::decode_rotated(header, bytes, {}, 0, 1, std::span(single));
    quantization::decode_rotated(header, bytes, {}, 0, 1, std::span(wide));
    for (const double value : wide)
      if (!std::isfinite(value)) __builtin_trap();
    for (const float value : single)
      if (!std::isfinite(value)) __builtin_trap();
    return 0;
  }
  if (header.scaled()) {
    std::vector<double> scales(header.groups());
    quantization::read_scales(header, bytes, std::span(scales));
    for (const double scale : scales)
      if (!std::isfinite(scale)) __builtin_trap();
    if (header.single()) {
      std::vector<float> values(header.size());
      quantization::decode_scaled(header, bytes, {}, 1, std::span(values));
      for (const float value : values)
        if (!std::isfinite(value)) __builtin_trap();
    } else {
      std::vector<double> values(header.size());
      quantization::decode_scaled(header, bytes, {}, 1, std::span(values));
      for (const double value : values)
        if (!std::isfinite(value)) __builtin_trap();
    }
  }
  const bh::Bytes payload = bytes.subspan(header.payload_at(), header.payload_bytes());
  std::vector<std::uint16_t> codes(header.size());
  quantization::read_codes(header, payload, std::span(codes));
  for (const std::uint16_t code : codes)
    if (code >= header.n_levels) __builtin_trap();
  if (header.scaled()) return 0;
  const std::vector<std::uint16_t> levels(header.groups() * header.n_levels);
  quantization::decode(header, payload, std::span(levels), {}, 1, std::span(codes));
  return 0;
}
