#include "quantization/levels_format.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace bh::quantization {
namespace {

constexpr Format kFormat{{'V', 'L'}, 1, "Levels"};
constexpr unsigned kMethods = 6, kObjectives = 2, kLevelDtypes = 2, kScales = 4;  // how many there are
constexpr std::int8_t kNoAxis = -128;
constexpr unsigned kMostAxes = 64;
constexpr std::uint32_t kMostLevels = 65536;
constexpr std::uint64_t kMostValues = 1ull << 60;
enum Flag : std::uint16_t { kCounts = 1, kGap = 2, kGridIndex = 4, kFlags = 7 };

std::uint8_t take_below(Reader& reader, const char* field, unsigned count) {
  const auto number = reader.take<std::uint8_t>(field);
  if (number >= count)
    reader.fail(field, "is " + std::to_string(number) + ", but must be below " + std::to_string(count));
  return number;
}

template <typename T, typename Item>
void put_all(Writer& writer, const std::vector<Item>& items) {
  const std::vector<T> narrowed(items.begin(), items.end());
  writer.put(std::as_bytes(std::span(narrowed)));
}

// `count` items of type T; their bytes are looked for before there is memory for them.
template <typename T, typename Item>
void take_all(Reader& reader, std::uint64_t count, const char* field, std::vector<Item>& items) {
  const Bytes bytes = reader.take_bytes(reader.product(count, sizeof(T), field), field);
  std::vector<T> taken(count);
  std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(taken)).begin());
  items.assign(taken.begin(), taken.end());
}

double take_error(Reader& reader, const char* field) {
  const auto error = reader.take<double>(field);
  if (error < 0) reader.fail(field, "is negative");
  return error;
}

void check_tables(const Reader& reader, const LevelsRecord& record) {
  for (std::size_t at = 0; at < record.values.size(); ++at) {
    if (!std::isfinite(record.values[at]))
      reader.fail("levels", "contain NaN or infinity at index " + std::to_string(at));
    if (at % record.n_levels != 0 && record.values[at] < record.values[at - 1])
      reader.fail("levels", "descend at index " + std::to_string(at));
  }
  for (const std::int64_t count : record.counts)
    if (count < 1 || count > record.n_levels)
      reader.fail("counts", "contain " + std::to_string(count) + ", but a table has 1 to " +
                                std::to_string(record.n_levels) + " levels");
}

}  // namespace

std::vector<std::byte> write_levels(const LevelsRecord& record) {
  Writer writer(kFormat);
  writer.put(static_cast<std::uint8_t>(record.method));
  writer.put(static_cast<std::uint8_t>(record.objective));
  writer.put(static_cast<std::uint8_t>(record.single));
  writer.put(static_cast<std::uint8_t>(record.scale));
  writer.put(record.axis.value_or(kNoAxis));
  writer.put(static_cast<std::uint8_t>(record.shape.size()));
  writer.put(static_cast<std::uint16_t>((record.counts.empty() ? 0 : kCounts) | (record.gap ? kGap : 0) |
                                        (record.grid_index.empty() ? 0 : kGridIndex)));
  writer.put(std::uint16_t{0});
  writer.put(record.n_levels);
  writer.put(std::uint64_t{record.values.size() / record.n_levels});
  writer.put(record.block);
  writer.put(record.squared_error);
  writer.put(record.vnmse);
  writer.put(record.gap.value_or(0));
  writer.put(std::uint64_t{record.group_squared_error.size()});
  writer.put(std::uint64_t{record.losses.size()});
  put_all<std::uint64_t>(writer, record.shape);
  record.single ? put_all<float>(writer, record.values) : put_all<double>(writer, record.values);
  put_all<std::uint32_t>(writer, record.counts);
  put_all<double>(writer, record.group_squared_error);
  put_all<std::int64_t>(writer, record.grid_index);
  put_all<double>(writer, record.losses);
  writer.put(crc32c(writer.bytes()));
  return writer.bytes();
}

LevelsRecord read_levels(Bytes bytes) {
  Reader reader(bytes, kFormat);
  LevelsRecord record;
  record.method = static_cast<Method>(take_below(reader, "method", kMethods));
  record.objective = static_cast<Objective>(take_below(reader, "objective", kObjectives));
  record.single = take_below(reader, "level dtype", kLevelDtypes) == 1;
  record.scale = static_cast<Scale>(take_below(reader, "scale", kScales));
  if (const auto axis = reader.take<std::int8_t>("axis"); axis != kNoAxis) record.axis = axis;
  const unsigned axes = take_below(reader, "ndim", kMostAxes + 1);
  const auto flags = reader.take<std::uint16_t>("flags");
  if (flags > kFlags) reader.fail("flags", "are " + std::to_string(flags) + ", but there are only three");
  if (reader.take<std::uint16_t>("reserved") != 0) reader.fail("reserved", "is not 0");
  record.n_levels = reader.take<std::uint32_t>("n_levels");
  if (record.n_levels < 1 || record.n_levels > kMostLevels) reader.fail("n_levels", "is not from 1 to 65536");
  const auto tables = reader.take<std::uint64_t>("tables");
  if (tables < 1) reader.fail("tables", "is 0, but there must be one");
  if (tables > 1 && !(flags & kCounts)) reader.fail("tables", "has several, but no counts");
  record.block = reader.take<std::uint64_t>("block");
  if (record.block > kMostValues) reader.fail("block", "exceeds 2**60");
  record.squared_error = take_error(reader, "squared error");
  record.vnmse = take_error(reader, "vnmse");
  const double gap = take_error(reader, "gap");
  if (flags & kGap && std::isnan(gap)) reader.fail("gap", "is not a number");
  if (flags & kGap)
    record.gap = gap;
  else if (std::bit_cast<std::uint64_t>(gap) != 0)
    reader.fail("gap", "is not 0, but not known");
  const auto groups = reader.take<std::uint64_t>("groups");
  if (flags & kCounts && groups != 0 && groups != tables) reader.fail("groups", "is not the number of tables");
  const auto losses = reader.take<std::uint64_t>("losses");
  take_all<std::uint64_t>(reader, axes, "shape", record.shape);
  std::uint64_t size = 1;
  for (const std::uint64_t axis : record.shape) size = reader.product(size, std::max<std::uint64_t>(axis, 1), "shape");
  if (size > kMostValues) reader.fail("shape", "has more values than any array can have");

  const std::uint64_t levels = reader.product(tables, record.n_levels, "levels");
  record.single ? take_all<float>(reader, levels, "levels", record.values)
                : take_all<double>(reader, levels, "levels", record.values);
  if (flags & kCounts) take_all<std::uint32_t>(reader, tables, "counts", record.counts);
  take_all<double>(reader, groups, "errors of groups", record.group_squared_error);
  if (flags & kGridIndex) take_all<std::int64_t>(reader, levels, "grid index", record.grid_index);
  take_all<double>(reader, losses, "losses", record.losses);
  const std::uint32_t crc = crc32c(bytes.first(reader.position()));
  if (reader.take<std::uint32_t>("CRC") != crc) reader.fail("CRC", "does not match the bytes before it");
  if (reader.position() != bytes.size())
    reader.fail("length",
                "is " + std::to_string(bytes.size()) + ", but the fields take " + std::to_string(reader.position()));
  check_tables(reader, record);
  return record;
}

}  // namespace bh::quantization
