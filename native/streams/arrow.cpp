#include "streams/arrow.h"

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "support/errors.h"

namespace bh::streams {
namespace {

// Which rows of an array: those of a struct's field lie where the struct says, beyond the field's own offset.
struct Slice {
  std::size_t offset, rows;
};

std::optional<Integers> integers_of(std::string_view format) {
  constexpr std::string_view kFormats = "cCsSiIlL";  // of 1, 2, 4 and 8 bytes, with sign and without
  const std::size_t place = format.size() == 1 ? kFormats.find(format[0]) : kFormats.npos;
  if (place == kFormats.npos) return std::nullopt;
  return Integers{nullptr, std::size_t{1} << place / 2, place % 2 == 0};
}

const std::byte* buffer(const ArrowArray& array, std::size_t i) {
  return static_cast<const std::byte*>(array.buffers[i]);
}

template <typename Offset>
Packed<Offset> packed(const ArrowArray& array, const Slice& slice) {
  const std::byte* offsets = buffer(array, 1) + slice.offset * sizeof(Offset);
  Offset end;
  std::memcpy(&end, offsets + slice.rows * sizeof end, sizeof end);
  return {offsets, buffer(array, 2), end};
}

Views views(const ArrowArray& array, const Slice& slice) {
  Views views{buffer(array, 1) + slice.offset * 16, {}};
  const auto last = static_cast<std::size_t>(array.n_buffers) - 1;  // the lengths of those between
  for (std::size_t i = 2; i < last; ++i) {
    std::int64_t length;
    std::memcpy(&length, buffer(array, last) + (i - 2) * sizeof length, sizeof length);
    views.buffers.emplace_back(buffer(array, i), static_cast<std::size_t>(length));
  }
  return views;
}

Column import_slice(const ArrowSchema& schema, const ArrowArray& array, const Slice& slice, std::uint64_t seed,
                    const std::shared_ptr<const void>& owner);

Dictionary dictionary(const ArrowSchema& schema, const ArrowArray& array, const Integers& codes, std::size_t rows,
                      std::uint64_t seed, const std::shared_ptr<const void>& owner) {
  const ArrowArray& values = *array.dictionary;
  const Slice whole{static_cast<std::size_t>(values.offset), static_cast<std::size_t>(values.length)};
  Dictionary made{codes, {}, {}};
  made.values = std::make_shared<const Column>(import_slice(*schema.dictionary, values, whole, seed, owner));
  if (whole.rows <= rows) {
    std::uint32_t none;
    made.ids.resize(whole.rows);
    for (std::size_t value = 0; value < whole.rows; ++value)
      made.values->ids(value, value + 1, seed, &made.ids[value], &none);
  }
  return made;
}

// A column of nulls, which has no memory of its own.
Column nulls(std::size_t rows) {
  const auto valid = std::make_shared<std::vector<std::uint8_t>>(rows / 8 + 1);
  Column column{KeyKind::none, rows, Fixed{nullptr, 0, false}};
  column.valid = valid->data();
  column.owner = valid;
  return column;
}

Column import_slice(const ArrowSchema& schema, const ArrowArray& array, const Slice& slice, std::uint64_t seed,
                    const std::shared_ptr<const void>& owner) {
  const std::string_view format = schema.format;
  if (format == "+s") {
    if (schema.n_children != 1)
      throw InvalidInput("keys are a table of " + std::to_string(schema.n_children) +
                         " columns, but must be one column; select it");
    if (array.null_count != 0 && array.buffers[0])
      throw InvalidInput("keys are structs of which some are null; take their field out first");
    const ArrowArray& field = *array.children[0];
    return import_slice(*schema.children[0], field, {slice.offset + static_cast<std::size_t>(field.offset), slice.rows},
                        seed, owner);
  }
  if (format == "n" || slice.rows == 0) return nulls(slice.rows);
  Column column{KeyKind::none, slice.rows, Integers{}};
  column.owner = owner;
  if (array.null_count != 0) column.valid = static_cast<const std::uint8_t*>(array.buffers[0]);
  column.valid_offset = slice.offset;
  if (auto integers = integers_of(format)) {
    integers->data = buffer(array, 1) + slice.offset * integers->width;
    column.kind = integers->with_sign ? KeyKind::i64 : KeyKind::u64;
    column.layout = *integers;
    if (schema.dictionary) {
      Dictionary made = dictionary(schema, array, *integers, slice.rows, seed, owner);
      column.kind = made.values->kind;
      column.layout = std::move(made);
    }
    return column;
  }
  column.kind = format.find('u') != format.npos || format == "U" ? KeyKind::str : KeyKind::bytes;
  if (format == "u" || format == "z") {
    column.layout = packed<std::int32_t>(array, slice);
  } else if (format == "U" || format == "Z") {
    column.layout = packed<std::int64_t>(array, slice);
  } else if (format == "vu" || format == "vz") {
    column.layout = views(array, slice);
  } else if (format.starts_with("w:")) {
    const auto width = static_cast<std::size_t>(std::stoull(std::string(format.substr(2))));
    column.layout = Fixed{buffer(array, 1) + slice.offset * width, width, false};
  } else {
    throw InvalidInput("keys are Arrow data of format \"" + std::string(format) +
                       "\", but must be integers, strings or binary; cast them to one of these");
  }
  return column;
}

[[noreturn]] void fail(ArrowArrayStream& stream) {
  const char* why = stream.get_last_error(&stream);
  const std::string_view all = why ? why : "it does not say why";
  throw InvalidInput("keys cannot be read from their Arrow stream: " +
                     std::string(all.substr(0, all.find('\n'))));  // a traceback may follow
}

}  // namespace

Column import_arrow(const ArrowSchema& schema, const SharedArray& array, std::uint64_t seed) {
  const ArrowArray& whole = **array;
  return import_slice(schema, whole, {static_cast<std::size_t>(whole.offset), static_cast<std::size_t>(whole.length)},
                      seed, array);
}

std::vector<Column> import_arrow(ArrowArrayStream& stream, std::uint64_t seed) {
  Released<ArrowSchema> schema;
  if (stream.get_schema(&stream, &*schema) != 0) fail(stream);
  std::vector<Column> columns;
  while (true) {
    const auto array = std::make_shared<Released<ArrowArray>>();
    if (stream.get_next(&stream, &**array) != 0) fail(stream);
    if (!(*array)->release) return columns;
    columns.push_back(import_arrow(*schema, array, seed));
  }
}

}  // namespace bh::streams
