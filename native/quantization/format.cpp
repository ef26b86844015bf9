#include "quantization/format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "quantization/pack.h"

namespace bh::quantization {
namespace {

constexpr Format kFormat{{'V', 'C'}, 1, "Codes"};
constexpr unsigned kMethods = 6, kObjectives = 2, kLevelDtypes = 2, kGroupings = 3;  // how many there are
constexpr unsigned kMostAxes = 8;
constexpr unsigned kMostRounds = 2;
constexpr unsigned kScales = 4;
constexpr std::uint32_t kMostRotated = 256;        // levels, of scaled blocks too
constexpr double kFarthestRotated = 16;            // level: sums over a chunk must not overflow
constexpr std::uint64_t kMostValues = 1ull << 60;  // of 8 bytes each: no array has more

std::string is(std::uint64_t value, const std::string& rule) { return "is " + std::to_string(value) + ", but " + rule; }

unsigned take_number(Reader& reader, const char* field, unsigned count) {
  const auto number = reader.take<std::uint8_t>(field);
  if (number >= count) reader.fail(field, is(number, "must be below " + std::to_string(count)));
  return number;
}

template <typename Enum>
Enum take_enum(Reader& reader, const char* field, unsigned count) {
  return static_cast<Enum>(take_number(reader, field, count));
}

// The product of the axes that are not 0 must be a size as well.
void check_shape(const Reader& reader, const std::vector<std::uint64_t>& shape) {
  std::uint64_t product = 1;
  for (const std::uint64_t axis : shape) product = reader.product(product, std::max<std::uint64_t>(axis, 1), "shape");
  if (product > kMostValues) reader.fail("shape", is(product, "no array can have that many values"));
}

template <typename Real>
Real real_at(Bytes bytes, std::uint64_t at) {
  Real value;
  std::memcpy(&value, &bytes[at * sizeof value], sizeof value);
  return value;
}

void check_block_scales(const Reader& reader, const CodesHeader& header, Bytes scales) {
  const ScaleGrid grid(header.scale);
  const std::size_t width = scale_bytes(header.scale);
  for (std::uint64_t at = 0; at < scales.size() / width; ++at) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &scales[at * width], width);
    if (!grid.finite(bits)) reader.fail("scales", "contain NaN or infinity at index " + std::to_string(at));
  }
}

template <typename Real>
void check_levels_and_scales(const Reader& reader, const CodesHeader& header, Bytes levels, Bytes scales) {
  for (std::uint64_t at = 0; at < levels.size() / sizeof(Real); ++at) {
    const Real level = real_at<Real>(levels, at);
    if (!std::isfinite(level)) reader.fail("levels", "contain NaN or infinity at index " + std::to_string(at));
    if (at % header.n_levels != 0 && level < real_at<Real>(levels, at - 1))
      reader.fail("levels", "descend at index " + std::to_string(at));
    if (header.rotated() && std::abs(level) > kFarthestRotated)
      reader.fail("levels", "are too far from 0 for rotated values at index " + std::to_string(at));
  }
  if (header.scaled()) return check_block_scales(reader, header, scales);
  for (std::uint64_t at = 0; at < scales.size() / sizeof(Real); ++at)
    if (!std::isfinite(real_at<Real>(scales, at)))
      reader.fail("scales", "contain NaN or infinity at index " + std::to_string(at));
}

void check_payload(const Reader& reader, const CodesHeader& header, Bytes payload) {
  const Runs runs = header.runs();
  const int bits = header.bits();
  if (payload.empty() || header.rotated()) return;  // chunks fill their bytes, and n_levels is a power of two
  const std::uint64_t run_bytes = packed_bytes(runs.length, bits);
  std::uint16_t codes[1024];
  for (std::uint64_t run = 0; run < runs.count; ++run) {
    const Bytes packed = payload.subspan(run * run_bytes, run_bytes);
    const unsigned used = runs.length % 8 * bits % 8;
    if (used != 0 && static_cast<unsigned>(packed.back()) >> used != 0)
      reader.fail("payload", "has nonzero padding bits");
    if (std::has_single_bit(header.n_levels)) continue;
    for (std::uint64_t j = 0; j < runs.length; j += std::size(codes)) {
      const std::span part(codes, std::min<std::uint64_t>(std::size(codes), runs.length - j));
      unpack(&packed[j / 8 * bits], bits, part);
      std::uint16_t most = 0;
      for (const std::uint16_t code : part) most = std::max(most, code);
      if (most >= header.n_levels)
        reader.fail("payload", is(most, "codes must be below n_levels = " + std::to_string(header.n_levels)));
    }
  }
}

std::uint16_t flags_of(const CodesHeader& header) {
  return static_cast<std::uint16_t>((header.tables() == 1) | header.rounds << 1 |
                                    static_cast<unsigned>(header.scale) << 3);
}

}  // namespace

int CodesHeader::bits() const { return std::bit_width(n_levels - 1); }

Runs CodesHeader::runs() const {
  Runs runs;
  if (shape.empty()) return runs;
  runs.length = shape.back();
  for (std::size_t a = 0; a + 1 < shape.size(); ++a) runs.count *= shape[a];
  return runs;
}

Grouping CodesHeader::grouping() const {
  if (grouped == Grouped::whole) return {1, 1, size()};
  if (grouped == Grouped::block) return {runs().count, 1, runs().length, block};
  Grouping by_axis{1, shape[axis], 1};
  for (std::size_t a = 0; a < shape.size(); ++a)
    if (a != axis) (a < axis ? by_axis.outer : by_axis.inner) *= shape[a];
  return by_axis;
}

std::uint64_t CodesHeader::payload_bytes() const {
  if (rotated()) return groups() * packed_bytes(chunks().padded(), bits());
  return runs().count * packed_bytes(runs().length, bits());
}

void write_codes(const CodesHeader& header, Bytes levels, std::span<std::byte> bytes) {
  Writer writer(kFormat);
  writer.put(static_cast<std::uint8_t>(header.method));
  writer.put(static_cast<std::uint8_t>(header.objective));
  writer.put(static_cast<std::uint8_t>(header.dtype));
  writer.put(static_cast<std::uint8_t>(header.single()));
  writer.put(static_cast<std::uint8_t>(header.bits()));
  writer.put(static_cast<std::uint8_t>(header.shape.size()));
  writer.put(static_cast<std::uint8_t>(header.grouped));
  writer.put(header.axis);
  writer.put(flags_of(header));
  writer.put(header.n_levels);
  writer.put(header.groups());
  writer.put(header.block);
  writer.put(header.seed);
  writer.put(header.stream);
  writer.put(header.payload_bytes());
  for (const std::uint64_t axis : header.shape) writer.put(axis);
  writer.put(header.clipped);
  std::copy(writer.bytes().begin(), writer.bytes().end(), bytes.begin());
  std::copy(levels.begin(), levels.end(), bytes.begin() + header.levels_at());
  const std::uint32_t crc = crc32c(bytes.first(bytes.size() - sizeof crc));
  std::memcpy(&bytes[bytes.size() - sizeof crc], &crc, sizeof crc);
}

CodesHeader read_codes_header(Bytes bytes) {
  Reader reader(bytes, kFormat);
  CodesHeader header;
  header.method = take_enum<Method>(reader, "method", kMethods);
  header.objective = take_enum<Objective>(reader, "objective", kObjectives);
  header.dtype = take_enum<Dtype>(reader, "dtype", kDtypeNames.size());
  const unsigned single = take_number(reader, "level dtype", kLevelDtypes);
  if (single != header.single())
    reader.fail("level dtype", is(single, std::string("does not match dtype ") + name_of(header.dtype)));
  const auto bits = reader.take<std::uint8_t>("bits");
  const unsigned axes = take_number(reader, "number of axes", kMostAxes + 1);
  header.grouped = take_enum<Grouped>(reader, "grouping", kGroupings);
  header.axis = reader.take<std::uint8_t>("axis");
  const auto flags = reader.take<std::uint16_t>("flags");
  header.n_levels = reader.take<std::uint32_t>("n_levels");
  const auto groups = reader.take<std::uint64_t>("groups");
  header.block = reader.take<std::uint64_t>("block");
  header.seed = reader.take<std::uint64_t>("seed");
  header.stream = reader.take<std::uint64_t>("stream");
  const auto payload = reader.take<std::uint64_t>("payload bytes");
  for (unsigned a = 0; a < axes; ++a) header.shape.push_back(reader.take<std::uint64_t>("shape"));
  header.clipped = reader.take<std::uint64_t>("clipped");

  check_shape(reader, header.shape);
  header.rounds = flags >> 1 & 3;
  if (header.rounds > kMostRounds || header.rotated() != (header.method == Method::rotation))
    reader.fail("flags", is(flags, "its number of rounds does not match method " +
                                       std::to_string(static_cast<int>(header.method))));
  header.scale = static_cast<Scale>(flags >> 3 & (kScales - 1));
  if (header.scaled() != (header.method == Method::scaled))
    reader.fail("flags", is(flags, "its type of scale does not match method " +
                                       std::to_string(static_cast<int>(header.method))));
  const bool by_axis = header.grouped == Grouped::axis, by_block = header.grouped == Grouped::block;
  if (header.n_levels < 1 || header.n_levels > 65536)
    reader.fail("n_levels", is(header.n_levels, "must be from 1 to 65536"));
  if (bits != header.bits())
    reader.fail("bits",
                is(bits, "n_levels = " + std::to_string(header.n_levels) + " takes " + std::to_string(header.bits())));
  if (by_axis ? header.axis >= axes : header.axis != CodesHeader::kNoAxis)
    reader.fail("axis", is(header.axis, "does not match grouping and shape"));
  if (header.rotated()) {
    if (!std::has_single_bit(header.n_levels) || header.n_levels < 2 || header.n_levels > kMostRotated)
      reader.fail("n_levels", is(header.n_levels, "must be a power of two from 2 to 256 for rotation"));
    if (by_block) reader.fail("grouping", is(2, "rotation groups by axis or not at all"));
    if (!std::has_single_bit(header.block) || header.block < Chunks::kLeast)
      reader.fail("block", is(header.block, "must be a power of two of at least 64 for rotation"));
  } else if (header.scaled()) {
    if (header.n_levels > kMostRotated)
      reader.fail("n_levels", is(header.n_levels, "must be from 1 to 256 for scaled blocks"));
    if (!by_block) reader.fail("grouping", is(static_cast<unsigned>(header.grouped), "scaled blocks group by block"));
    if (header.block == 0 || header.block % 8 != 0)
      reader.fail("block", is(header.block, "must be a multiple of 8 for scaled blocks"));
  } else if (by_block != (header.block > 0)) {
    reader.fail("block", is(header.block, "does not match the grouping"));
  }
  if (header.block > kMostValues) reader.fail("block", is(header.block, "no array can have that many values"));
  if ((groups == 0 && !header.scaled()) || groups != header.groups())
    reader.fail("groups", is(groups, "does not match grouping and shape"));
  if (flags != flags_of(header))
    reader.fail("flags", is(flags,
                            "must encode only whether there is a single table, the rounds of rotation, and the "
                            "type of scale"));
  if (header.stream >> 56 != 0) reader.fail("stream", is(header.stream, "must be below 2**56"));
  if (!header.random() && header.seed != 0) reader.fail("seed", is(header.seed, "this method uses no randomness"));
  if (!header.random() && header.stream != 0)
    reader.fail("stream", is(header.stream, "this method uses no randomness"));
  if (header.clipped > header.size()) reader.fail("clipped", is(header.clipped, "there are fewer values"));

  const std::uint64_t levels = reader.product(header.tables(), header.n_levels, "levels");
  reader.take_bytes(reader.product(levels, header.real_bytes(), "levels"), "levels");
  Runs runs = header.runs();
  if (header.scaled()) reader.take_bytes(reader.product(groups, scale_bytes(header.scale), "scales"), "scales");
  if (header.rotated()) {
    const Chunks chunks = header.chunks();
    const std::uint64_t scales = reader.product(groups, chunks.count(), "scales");
    reader.take_bytes(reader.product(scales, header.real_bytes(), "scales"), "scales");
    runs = {groups, chunks.padded()};
  }
  if (payload != reader.product(runs.count, packed_bytes(runs.length, bits), "payload bytes"))
    reader.fail("payload bytes", is(payload, "shape and bits give another number"));
  reader.take_bytes(payload, "payload");
  reader.take_bytes(sizeof(std::uint32_t), "CRC");
  if (reader.position() != bytes.size())
    reader.fail("length", is(bytes.size(), "header and shape give " + std::to_string(reader.position())));
  return header;
}

void check_codes(const CodesHeader& header, Bytes bytes) {
  const Reader reader(bytes, kFormat);
  const Bytes levels = bytes.subspan(header.levels_at(), header.levels_bytes());
  const Bytes scales = bytes.subspan(header.scales_at(), header.scales_bytes());
  header.single() ? check_levels_and_scales<float>(reader, header, levels, scales)
                  : check_levels_and_scales<double>(reader, header, levels, scales);
  check_payload(reader, header, bytes.subspan(header.payload_at(), header.payload_bytes()));
  std::uint32_t crc;
  std::memcpy(&crc, &bytes[bytes.size() - sizeof crc], sizeof crc);
  if (crc != crc32c(bytes.first(bytes.size() - sizeof crc))) reader.fail("CRC", "does not match the bytes before it");
}

}  // namespace bh::quantization
