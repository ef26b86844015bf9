#include "streams/columns.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "support/hash.h"
#include "support/shared.h"

namespace bh::streams {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

template <typename T>
T load(const std::byte* data, std::size_t i) {
  T value;
  std::memcpy(&value, data + i * sizeof(T), sizeof value);
  return value;
}

// Calls use(a value of the integers' type).
template <typename Use>
auto with_type(const Integers& integers, const Use& use) {
  const bool with_sign = integers.with_sign;
  switch (integers.width) {
    case 1: return with_sign ? use(std::int8_t{}) : use(std::uint8_t{});
    case 2: return with_sign ? use(std::int16_t{}) : use(std::uint16_t{});
    case 4: return with_sign ? use(std::int32_t{}) : use(std::uint32_t{});
    default: return with_sign ? use(std::int64_t{}) : use(std::uint64_t{});
  }
}

// Widens rows to ids: negative integers to their 64-bit pattern.
void widen(const Integers& integers, std::size_t first, std::size_t count, std::uint64_t* ids) {
  with_type(integers, [data = integers.data, first, count, ids]<typename T>(T) {
    const std::byte* from = data + first * sizeof(T);
    if constexpr (sizeof(T) == sizeof(std::uint64_t)) {
      std::memcpy(ids, from, count * sizeof(T));
      // The next block is on its way while this one is counted. It may lie beyond the end; nothing is read there.
      const auto next = reinterpret_cast<std::uintptr_t>(from) + count * sizeof(T);
      for (std::size_t at = 0; at < count * sizeof(T); at += 64)
        __builtin_prefetch(reinterpret_cast<const void*>(next + at));
    } else {
      for (std::size_t i = 0; i < count; ++i)
        ids[i] = static_cast<std::uint64_t>(static_cast<std::int64_t>(load<T>(from, i)));
    }
  });
}

std::uint64_t integer(const Integers& integers, std::size_t row) {
  std::uint64_t id;
  widen(integers, row, 1, &id);
  return id;
}

std::string_view view_of(const std::byte* data, std::size_t length) {
  return {reinterpret_cast<const char*>(data), length};
}

std::string_view string_at(const Fixed& strings, std::size_t row, std::string&) {
  const std::byte* data = strings.data + row * strings.width;
  std::size_t length = strings.width;
  if (strings.padded)
    while (length > 0 && data[length - 1] == std::byte{0}) --length;
  return view_of(data, length);
}

bool is_code_point(char32_t c) { return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF); }

void append_utf8(char32_t c, std::string& text) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6), tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
  }
}

std::string_view string_at(const Wide& strings, std::size_t row, std::string& scratch) {
  const std::byte* data = strings.data + row * strings.width * sizeof(char32_t);
  std::size_t length = strings.width;
  while (length > 0 && load<char32_t>(data, length - 1) == 0) --length;
  scratch.clear();
  for (std::size_t i = 0; i < length; ++i) {
    const auto c = load<char32_t>(data, i);
    append_utf8(is_code_point(c) ? c : kReplacement, scratch);  // checked beforehand, but who knows what came since
  }
  return scratch;
}

template <typename Offset>
std::string_view string_at(const Packed<Offset>& strings, std::size_t row, std::string&) {
  const Offset start = within<Offset>(load<Offset>(strings.offsets, row), 0, strings.end);
  const Offset stop = within<Offset>(load<Offset>(strings.offsets, row + 1), start, strings.end);
  return view_of(strings.data + start, static_cast<std::size_t>(stop - start));
}

std::string_view string_at(const Views& strings, std::size_t row, std::string&) {
  std::int32_t fields[4];  // length, then the string itself, or: its first four bytes, buffer, offset
  std::memcpy(fields, strings.views + row * sizeof fields, sizeof fields);
  const auto length = static_cast<std::size_t>(std::max(fields[0], 0));
  if (length <= 12) return view_of(strings.views + row * sizeof fields + sizeof fields[0], length);
  const auto buffer = static_cast<std::size_t>(fields[2]);  // negative becomes huge
  if (buffer >= strings.buffers.size()) return {};
  const auto bytes = strings.buffers[buffer];
  const std::size_t start = std::min(static_cast<std::size_t>(std::max(fields[3], 0)), bytes.size());
  return view_of(bytes.data() + start, std::min(length, bytes.size() - start));
}

std::string_view string_at(const Pieces& strings, std::size_t row, std::string&) { return strings.pieces[row]; }

// The value that a row of a dictionary stands for, or nothing.
std::size_t value_of(const Dictionary& dictionary, std::size_t row) {
  return std::min<std::uint64_t>(integer(dictionary.codes, row), dictionary.values->rows);
}

std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  return hash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

}  // namespace

bool Column::null(std::size_t row) const {
  if (!has_value(row)) return true;
  const auto* dictionary = std::get_if<Dictionary>(&layout);
  if (!dictionary) return false;
  const std::size_t value = value_of(*dictionary, row);
  return value == dictionary->values->rows || dictionary->values->null(value);
}

std::size_t Column::nulls() const {
  if (!valid && !std::holds_alternative<Dictionary>(layout)) return 0;
  std::size_t count = 0;
  for (std::size_t row = 0; row < rows; ++row) count += null(row);
  return count;
}

std::size_t Column::ids(std::size_t first, std::size_t last, std::uint64_t seed, std::uint64_t* ids,
                        std::uint32_t* rows) const {
  std::size_t count = 0;
  const auto keep = [&](std::size_t row, std::uint64_t id) {
    ids[count] = id;
    rows[count++] = static_cast<std::uint32_t>(row - first);
  };
  std::string scratch;
  std::visit(
      [&]<typename Layout>(const Layout& keys) {
        if constexpr (std::is_same_v<Layout, Integers>) {
          widen(keys, first, last - first, ids);
          if (!valid) count = last - first;
          for (std::size_t row = first + count; row < last; ++row)
            if (has_value(row)) keep(row, ids[row - first]);
        } else if constexpr (std::is_same_v<Layout, Dictionary>) {
          for (std::size_t row = first; row < last; ++row) {
            const std::size_t value = has_value(row) ? value_of(keys, row) : keys.values->rows;
            if (value == keys.values->rows) continue;
            std::uint64_t id;
            std::uint32_t none;
            if (keys.ids.empty()) {
              if (keys.values->ids(value, value + 1, seed, &id, &none) > 0) keep(row, id);
            } else if (!keys.values->null(value)) {
              keep(row, keys.ids[value]);
            }
          }
        } else {
          for (std::size_t row = first; row < last; ++row)
            if (has_value(row)) keep(row, hash(string_at(keys, row, scratch), seed));
        }
      },
      layout);
  return count;
}

std::string_view Column::text(std::size_t row, std::string& scratch) const {
  return std::visit(
      [&]<typename Layout>(const Layout& strings) -> std::string_view {
        if constexpr (std::is_same_v<Layout, Integers>) {
          return {};
        } else if constexpr (std::is_same_v<Layout, Dictionary>) {
          const std::size_t value = value_of(strings, row);
          return value == strings.values->rows ? std::string_view() : strings.values->text(value, scratch);
        } else {
          return string_at(strings, row, scratch);
        }
      },
      layout);
}

bool Column::wide() const {
  if (textual(kind)) return false;
  constexpr std::size_t kBlock = 1024;
  std::array<std::uint64_t, kBlock> ids;
  std::array<std::uint32_t, kBlock> rows;
  std::uint64_t all = 0;
  for (std::size_t first = 0; first < this->rows; first += kBlock) {
    const std::size_t count = this->ids(first, std::min(this->rows, first + kBlock), 0, ids.data(), rows.data());
    for (std::size_t i = 0; i < count; ++i) all |= ids[i];
  }
  return all >> 63;
}

void check_code_points(const Wide& strings, std::size_t rows) {
  for (std::size_t i = 0; i < rows * strings.width; ++i) {
    const auto c = load<char32_t>(strings.data, i);
    if (!is_code_point(c))
      throw InvalidInput("keys contain code point " + std::to_string(static_cast<std::uint32_t>(c)) + " at row " +
                         std::to_string(i / strings.width) +
                         ", which is no character; encode them to bytes with errors=\"surrogatepass\"");
  }
}

}  // namespace bh::streams
