#include "support/bytes.h"

#include <string>
#include <string_view>

#include "check.h"
#include "support/errors.h"

namespace {

constexpr bh::Format kFormat{{'T', 'T'}, 3, "Test"};

bh::Bytes text(std::string_view s) { return std::as_bytes(std::span(s)); }

template <typename Call>
bool is_corrupt(Call call, std::string_view field) {
  try {
    call();
  } catch (const bh::CorruptData& error) {
    return std::string_view(error.what()).find(field) != std::string_view::npos;
  }
  return false;
}

void crc_is_castagnoli_in_one_piece_or_several() {
  CHECK(bh::crc32c(text("123456789")) == 0xE3069283);
  CHECK(bh::crc32c({}) == 0);
  std::string long_text;  // of several parts that are read side by side
  for (int i = 0; i < 1000; ++i) long_text += static_cast<char>(i * i % 251);
  std::uint32_t crc = 0xFFFFFFFF;  // bit by bit
  for (const std::byte byte : text(long_text)) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
  }
  CHECK(bh::crc32c(text(long_text)) == ~crc);
  for (std::size_t cut = 0; cut <= long_text.size(); ++cut)
    CHECK(bh::crc32c(text(long_text.substr(cut)), bh::crc32c(text(long_text.substr(0, cut)))) ==
          bh::crc32c(text(long_text)));
}

void what_was_written_is_read() {
  bh::Writer writer(kFormat);
  writer.put(std::uint8_t{200});
  writer.put(-1.5);
  writer.put(text("rest"));
  CHECK(writer.bytes().size() == 10 + 1 + 8 + 4);
  CHECK(static_cast<unsigned>(writer.bytes()[0]) == 0x89);
  CHECK(static_cast<unsigned>(writer.bytes()[8]) == 3);
  bh::Reader reader(writer.bytes(), kFormat);
  CHECK(reader.take<std::uint8_t>("first") == 200);
  CHECK(reader.take<double>("second") == -1.5);
  CHECK(reader.take_bytes(4, "third").size() == 4);
  CHECK(reader.position() == writer.bytes().size());
  CHECK(is_corrupt([&] { reader.take<std::uint8_t>("fourth"); }, "it ends inside its fourth"));
}

void a_reader_names_the_field() {
  const bh::Writer writer(kFormat);
  const bh::Bytes bytes = writer.bytes();
  CHECK(is_corrupt([&] { bh::Reader(bytes.first(7), kFormat); }, "magic"));
  CHECK(is_corrupt([&] { bh::Reader(bytes.first(9), kFormat); }, "version"));
  CHECK(is_corrupt([&] { bh::Reader(bytes, {{'T', 'U'}, 3, "Test"}); }, "magic belongs to another format"));
  CHECK(is_corrupt([&] { bh::Reader(bytes, {{'T', 'T'}, 2, "Test"}); }, "version is 3"));
  bh::Reader reader(bytes, kFormat);
  CHECK(is_corrupt([&] { reader.take_bytes(~std::uint64_t{0}, "payload"); }, "payload"));
}

void products_are_checked() {
  const bh::Writer writer(kFormat);
  const bh::Reader reader(writer.bytes(), kFormat);
  CHECK(reader.product(1ull << 32, (1ull << 32) - 1, "shape") == ((1ull << 32) - 1) << 32);
  CHECK(is_corrupt([&] { reader.product(1ull << 32, 1ull << 32, "shape"); }, ": shape takes"));
}

}  // namespace

int main() {
  crc_is_castagnoli_in_one_piece_or_several();
  what_was_written_is_read();
  a_reader_names_the_field();
  products_are_checked();
}
