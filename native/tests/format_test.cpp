#include "quantization/format.h"

#include <cstring>
#include <string>

#include "check.h"
#include "support/errors.h"

namespace {

using Buffer = std::vector<std::byte>;

// Three levels, 2 x 5 values, all of code 2.
bh::CodesHeader small() {
  bh::CodesHeader header;
  header.dtype = 1;
  header.single = true;
  header.s = 3;
  header.shape = {2, 5};
  return header;
}

Buffer written(const bh::CodesHeader& header) {
  const float levels[] = {-1, 0, 2};
  Buffer bytes(header.total_bytes());
  for (const int at : {0, 1, 2, 3}) bytes[header.payload_at() + at] = std::byte(at % 2 == 0 ? 0xAA : 0x02);
  bh::write_codes(header, std::as_bytes(std::span(levels)), bytes);
  return bytes;
}

void sign(Buffer& bytes) {
  const std::uint32_t crc = bh::crc32c(bh::Bytes(bytes).first(bytes.size() - 4));
  std::memcpy(&bytes[bytes.size() - 4], &crc, 4);
}

std::string complaint(const Buffer& bytes) {
  try {
    bh::check_codes(bh::read_codes_header(bytes), bytes);
  } catch (const bh::CorruptData& error) {
    return error.what();
  }
  return "";
}

bool complains(Buffer bytes, std::size_t at, int value, const char* field) {
  bytes[at] = std::byte(value);
  sign(bytes);
  return complaint(bytes).find(std::string("as ") + field + ' ') != std::string::npos;
}

void what_was_written_is_read() {
  bh::CodesHeader header = small();
  header.seed = 1ull << 63;
  header.stream = 5;
  header.clipped = 2;
  const Buffer bytes = written(header);
  CHECK(complaint(bytes).empty());
  const bh::CodesHeader read = bh::read_codes_header(bytes);
  CHECK(read.seed == header.seed && read.stream == 5 && read.clipped == 2 && read.s == 3);
  CHECK(read.shape == header.shape && read.total_bytes() == bytes.size());
}

void each_field_is_named() {
  const Buffer bytes = written(small());
  CHECK(complains(bytes, 0, 0, "magic"));
  CHECK(complains(bytes, 8, 2, "version"));
  CHECK(complains(bytes, 10, 4, "method"));
  CHECK(complains(bytes, 11, 2, "objective"));
  CHECK(complains(bytes, 12, 10, "dtype"));
  CHECK(complains(bytes, 13, 0, "level dtype"));
  CHECK(complains(bytes, 14, 17, "bits"));
  CHECK(complains(bytes, 15, 9, "number of axes"));
  CHECK(complains(bytes, 16, 3, "grouping"));
  CHECK(complains(bytes, 17, 0, "axis"));
  CHECK(complains(bytes, 18, 3, "flags"));
  CHECK(complains(bytes, 20, 0, "s"));
  CHECK(complains(bytes, 31, 128, "groups"));  // 2^63
  CHECK(complains(bytes, 32, 1, "block"));
  CHECK(complains(bytes, 55, 1, "stream"));
  CHECK(complains(bytes, 56, 5, "payload bytes"));
  CHECK(complains(bytes, 71, 255, "shape"));
  CHECK(complains(bytes, 80, 11, "clipped"));
  CHECK(complains(bytes, 91, 0x7f, "levels") && complains(bytes, 91, 0x40, "levels"));  // NaN; descending
  CHECK(complains(bytes, 100, 0xAB, "payload"));                                        // a code of 3
  CHECK(complains(bytes, 101, 0x06, "payload"));                                        // padding
  CHECK(complains(bytes, 103, 0xFF, "payload"));
}

void every_other_length_is_refused() {
  Buffer bytes = written(small());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK(!complaint(Buffer(bytes.begin(), bytes.begin() + length)).empty());
  bytes.push_back(std::byte{0});
  CHECK(complaint(bytes).find("length") != std::string::npos);
}

void every_flipped_bit_is_seen() {
  const Buffer bytes = written(small());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Buffer flipped = bytes;
    flipped[bit / 8] ^= std::byte(1 << bit % 8);
    CHECK(!complaint(flipped).empty());
  }
}

// A product that wraps to a small number, and one that an axis of 0 hides.
void shapes_that_no_memory_holds_are_refused() {
  for (const std::uint64_t other : {std::uint64_t{1} << 32, std::uint64_t{0}}) {
    Buffer bytes = written(small());
    const std::uint64_t shape[] = {std::uint64_t{1} << 62, other};
    std::memcpy(&bytes[64], shape, sizeof shape);
    sign(bytes);
    CHECK(complaint(bytes).find("shape") != std::string::npos);
  }
}

}  // namespace

int main() {
  what_was_written_is_read();
  each_field_is_named();
  every_other_length_is_refused();
  every_flipped_bit_is_seen();
  shapes_that_no_memory_holds_are_refused();
}
