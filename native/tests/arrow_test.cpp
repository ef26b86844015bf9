#include "streams/arrow.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "streams/columns.h"
#include "support/errors.h"
#include "support/hash.h"

namespace streams = bh::streams;
using streams::Column, streams::KeyKind;

namespace {

int released = 0;  // structures, so far

ArrowSchema schema_of(const char* format) {
  ArrowSchema schema{};
  schema.format = format;
  return schema;
}

// Counts its release, and overwrites its buffers then, so that a late reader shows.
struct Memory {
  std::vector<std::vector<std::byte>> buffers;
  std::vector<const void*> pointers;
};

streams::SharedArray array_of(std::int64_t length, std::int64_t offset, std::vector<std::vector<std::byte>> buffers) {
  auto* memory = new Memory{std::move(buffers), {}};
  for (const auto& buffer : memory->buffers) memory->pointers.push_back(buffer.empty() ? nullptr : buffer.data());
  ArrowArray array{};
  array.length = length;
  array.null_count = -1;
  array.offset = offset;
  array.n_buffers = static_cast<std::int64_t>(memory->pointers.size());
  array.buffers = memory->pointers.data();
  array.private_data = memory;
  array.release = [](ArrowArray* it) {
    delete static_cast<Memory*>(it->private_data);
    it->release = nullptr;
    ++released;
  };
  auto shared = std::make_shared<streams::Released<ArrowArray>>();
  shared->take(array);
  return shared;
}

template <typename T>
std::vector<std::byte> bytes(const std::vector<T>& values) {
  std::vector<std::byte> made(values.size() * sizeof(T));
  if (!made.empty()) std::memcpy(made.data(), values.data(), made.size());
  return made;
}

std::vector<std::byte> text(std::string_view characters) {
  return bytes(std::vector<char>(characters.begin(), characters.end()));
}

std::vector<std::string> texts(const Column& column) {
  std::vector<std::string> found;
  std::string scratch;
  for (std::size_t row = 0; row < column.rows; ++row)
    if (!column.null(row)) found.emplace_back(column.text(row, scratch));
  return found;
}

// Ids agree with texts, whichever rows they are asked for.
std::vector<std::string> checked(const Column& column) {
  const std::vector<std::string> found = texts(column);
  std::vector<std::uint64_t> ids(column.rows);
  std::vector<std::uint32_t> rows(column.rows);
  CHECK(column.ids(0, column.rows, 7, ids.data(), rows.data()) == found.size());
  CHECK(column.nulls() == column.rows - found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(ids[i] == bh::hash64(std::as_bytes(std::span(found[i])), 7));
    std::uint64_t id;
    std::uint32_t none;
    CHECK(column.ids(rows[i], rows[i] + 1, 7, &id, &none) == 1 && id == ids[i]);
  }
  return found;
}

void strings_of_both_widths_are_read_where_they_lie() {
  const std::vector<std::string> expected{"bc", "def"};
  const auto valid = bytes(std::vector<std::uint8_t>{0b10110});  // row 3 is null, and row 0 is before the offset
  const auto data = text("abc!def");
  for (const char* format : {"u", "z"}) {
    const auto array = array_of(4, 1, {valid, bytes(std::vector<std::int32_t>{0, 1, 3, 3, 4, 7}), data});
    const Column column = import_arrow(schema_of(format), array, 7);
    CHECK(column.kind == (*format == 'u' ? KeyKind::str : KeyKind::bytes));
    CHECK((checked(column) == std::vector<std::string>{"bc", "", "def"}));
  }
  const auto array = array_of(2, 0, {{}, bytes(std::vector<std::int64_t>{1, 3, 6}), text("abcdef")});
  CHECK(checked(import_arrow(schema_of("U"), array, 7)) == expected);
}

void offsets_that_lead_nowhere_read_nothing() {
  constexpr std::int32_t kMost = 0x7FFFFFFF;
  const auto array = array_of(5, 0, {{}, bytes(std::vector<std::int32_t>{-5, kMost, 2, 1, -kMost, 4}), text("abcd")});
  CHECK((checked(import_arrow(schema_of("u"), array, 7)) == std::vector<std::string>{"abcd", "", "", "", "abcd"}));
}

void views_hold_short_strings_and_point_to_long_ones() {
  struct View {
    std::int32_t length;
    char start[4];
    std::int32_t buffer, offset;
  };
  std::vector<View> views(6);
  views[0] = {3, {'a', 'b', 'c'}, 0, 0};
  views[1] = {14, {}, 1, 2};
  views[2] = {14, {}, 1, 5};           // beyond the end of the buffer
  views[3] = {14, {}, 9, 0};           // no such buffer
  views[4] = {-1, {}, -1, -1};         // no length at all
  views[5] = {0x7FFFFFFF, {}, 0, -7};  // longer than its buffer, from before its start
  const auto array = array_of(
      6, 0,
      {{}, bytes(views), text("0123456789abcdef"), text("..fourteen chars"), bytes(std::vector<std::int64_t>{16, 16})});
  const std::vector<std::string> expected{"abc", "fourteen chars", "rteen chars", "", "", "0123456789abcdef"};
  CHECK(checked(import_arrow(schema_of("vu"), array, 7)) == expected);
}

// Codes beyond the dictionary, and those of its nulls, are null.
void dictionaries_are_followed() {
  for (const std::size_t rows : {2u, 6u}) {  // fewer than values, which then are hashed row by row, and more
    const auto values = array_of(
        3, 1, {bytes(std::vector<std::uint8_t>{0b1011}), bytes(std::vector<std::int32_t>{0, 0, 1, 2, 3}), text("xyz")});
    const auto array =
        array_of(static_cast<std::int64_t>(rows), 0, {{}, bytes(std::vector<std::int8_t>{2, 0, 1, 3, -1, 2})});
    (*array)->dictionary = &**values;
    ArrowSchema of_values = schema_of("u"), schema = schema_of("c");
    schema.dictionary = &of_values;
    const std::vector<std::string> expected{"z", "x", "z"};
    const std::size_t present = rows == 2 ? 2 : 3;
    CHECK(checked(import_arrow(schema, array, 7)) ==
          std::vector<std::string>(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(present)));
  }
}

void tables_of_one_column_are_that_column() {
  const auto field = array_of(4, 1, {{}, bytes(std::vector<std::int16_t>{9, 1, -2, 3, 4})});
  const auto table = array_of(2, 1, {{}});
  ArrowArray* children = &**field;
  (*table)->children = &children;
  (*table)->n_children = 1;
  ArrowSchema of_field = schema_of("s"), schema = schema_of("+s");
  ArrowSchema* fields = &of_field;
  schema.children = &fields;
  schema.n_children = 1;
  const Column column = import_arrow(schema, table, 0);
  std::array<std::uint64_t, 2> ids{};
  std::array<std::uint32_t, 2> rows{};
  CHECK(column.kind == KeyKind::i64 && column.ids(0, 2, 0, ids.data(), rows.data()) == 2);
  CHECK(ids[0] == ~std::uint64_t{1} && ids[1] == 3 && column.wide());
}

void columns_keep_the_array_alive_and_release_it_once() {
  released = 0;
  {
    Column column{};
    {
      const auto array = array_of(1, 0, {{}, bytes(std::vector<std::int32_t>{0, 3}), text("abc")});
      column = import_arrow(schema_of("u"), array, 0);
    }
    CHECK(released == 0 && texts(column) == std::vector<std::string>{"abc"});
  }
  CHECK(released == 1);
  try {
    import_arrow(schema_of("g"), array_of(1, 0, {{}, bytes(std::vector<double>{1})}), 0);
    CHECK(false);
  } catch (const bh::InvalidInput&) {
  }
  CHECK(released == 2);
}

// Gives `left` arrays, then ends or fails.
struct Source {
  int left;
  bool fails;
};

ArrowArrayStream stream_of(Source& source) {
  ArrowArrayStream stream{};
  stream.private_data = &source;
  stream.get_schema = [](ArrowArrayStream*, ArrowSchema* schema) {
    *schema = schema_of("u");
    schema->release = [](ArrowSchema* it) {
      it->release = nullptr;
      ++released;
    };
    return 0;
  };
  stream.get_next = [](ArrowArrayStream* it, ArrowArray* array) {
    auto& source = *static_cast<Source*>(it->private_data);
    *array = {};
    if (source.left-- > 0) {
      const auto made = array_of(1, 0, {{}, bytes(std::vector<std::int32_t>{0, 1}), text("a")});
      *array = **made;
      (*made)->release = nullptr;
      return 0;
    }
    return source.fails ? 5 : 0;
  };
  stream.get_last_error = [](ArrowArrayStream*) -> const char* { return nullptr; };
  return stream;
}

void streams_end_or_fail_without_a_leak() {
  released = 0;
  Source two{2, false};
  ArrowArrayStream stream = stream_of(two);
  CHECK(streams::import_arrow(stream, 0).size() == 2);
  CHECK(released == 3);
  released = 0;
  Source broken{2, true};
  stream = stream_of(broken);
  std::string message;
  try {
    streams::import_arrow(stream, 0);
  } catch (const bh::InvalidInput& error) {
    message = error.what();
  }
  CHECK(message == "keys cannot be read from their Arrow stream: it does not say why" && released == 3);
}

}  // namespace

int main() {
  strings_of_both_widths_are_read_where_they_lie();
  offsets_that_lead_nowhere_read_nothing();
  views_hold_short_strings_and_point_to_long_ones();
  dictionaries_are_followed();
  tables_of_one_column_are_that_column();
  columns_keep_the_array_alive_and_release_it_once();
  streams_end_or_fail_without_a_leak();
}
