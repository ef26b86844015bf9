#include "quantization/format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "check.h"
#include "support/errors.h"

namespace quantization = bh::quantization;

namespace {

using Buffer = std::vector<std::byte>;

// Three levels, 2 x 5 values, all of code 2.
quantization::CodesHeader small() {
  quantization::CodesHeader header;
  header.dtype = quantization::Dtype::float32;
  header.n_levels = 3;
  header.shape = {2, 5};
  return header;
}

Buffer written(const quantization::CodesHeader& header) {
  const float levels[] = {-1, 0, 2};
  Buffer bytes(header.total_bytes());
  for (const int at : {0, 1, 2, 3}) bytes[header.payload_at() + at] = std::byte(at % 2 == 0 ? 0xAA : 0x02);
  quantization::write_codes(header, std::as_bytes(std::span(levels)), bytes);
  return bytes;
}

void sign(Buffer& bytes) {
  const std::uint32_t crc = bh::crc32c(bh::Bytes(bytes).first(bytes.size() - 4));
  std::memcpy(&bytes[bytes.size() - 4], &crc, 4);
}

std::string complaint(const Buffer& bytes) {
  try {
    quantization::check_codes(quantization::read_codes_header(bytes), bytes);
  } catch (const bh::CorruptData& error) {
    return error.what();
  }
  return "";
}

bool complains(Buffer bytes, std::size_t at, int value, const char* field) {
  bytes[at] = std::byte(value);
  sign(bytes);
  return complaint(bytes).find(std::string("bytes): ") + field + ' ') != std::string::npos;
}

// Rotated, in one bit and two chunks: 128 values, and 22 filled up to 64.
quantization::CodesHeader rotated() {
  quantization::CodesHeader header = small();
  header.method = quantization::Method::rotation;
  header.rounds = 2;
  header.n_levels = 2;
  header.block = 128;
  header.seed = 7;
  header.shape = {10, 15};
  return header;
}

Buffer written_rotated(const quantization::CodesHeader& header) {
  const float levels[] = {-1, 1}, scales[] = {0.5, 2};
  Buffer bytes(header.total_bytes());
  std::memcpy(&bytes[header.scales_at()], scales, sizeof scales);
  quantization::write_codes(header, std::as_bytes(std::span(levels)), bytes);
  return bytes;
}

void rotated_codes_have_one_table_and_a_scale_for_each_chunk() {
  const quantization::CodesHeader header = rotated();
  const Buffer bytes = written_rotated(header);
  CHECK(bytes.size() == 64 + 2 * 8 + 8 + 2 * 4 + 2 * 4 + (128 + 64) / 8 + 4);
  CHECK(complaint(bytes).empty());
  const quantization::CodesHeader read = quantization::read_codes_header(bytes);
  CHECK(read.rounds == 2 && read.block == 128 && read.seed == 7 && read.tables() == 1 && read.groups() == 1);
}

void chunks_are_the_largest_powers_of_two_that_fit() {
  struct {
    std::uint64_t size, block, count, padded;
  } cases[] = {{0, 64, 0, 0},        {1, 64, 1, 64},        {64, 64, 1, 64},   {65, 64, 2, 128}, {1000, 65536, 5, 1024},
               {1000, 256, 6, 1024}, {4096, 1024, 4, 4096}, {127, 128, 2, 128}};  // 1000 = 512 + 256 + 128 + 64 + 40
  for (const auto& [size, block, count, padded] : cases) {
    const quantization::Chunks chunks{size, block};
    CHECK(chunks.count() == count && chunks.padded() == padded);
    std::uint64_t at = 0, longest = block;
    for (std::uint64_t i = 0; i < count; ++i) {
      const quantization::Chunks::Chunk chunk = chunks[i];
      CHECK(chunk.at == at && chunk.length <= longest && chunk.length >= 64 && std::has_single_bit(chunk.length));
      CHECK(chunk.used == std::min(chunk.length, size - at));
      at += chunk.length;
      longest = chunk.length;
    }
    CHECK(at == padded);
  }
}

void what_was_written_is_read() {
  quantization::CodesHeader header = small();
  header.seed = 1ull << 63;
  header.stream = 5;
  header.clipped = 2;
  const Buffer bytes = written(header);
  CHECK(complaint(bytes).empty());
  const quantization::CodesHeader read = quantization::read_codes_header(bytes);
  CHECK(read.seed == header.seed && read.stream == 5 && read.clipped == 2 && read.n_levels == 3);
  CHECK(read.shape == header.shape && read.total_bytes() == bytes.size());
}

void each_field_is_named() {
  const Buffer bytes = written(small());
  CHECK(complains(bytes, 0, 0, "magic"));
  CHECK(complains(bytes, 8, 2, "version"));
  CHECK(complains(bytes, 10, 6, "method"));
  CHECK(complains(bytes, 11, 2, "objective"));
  CHECK(complains(bytes, 12, 12, "dtype"));
  CHECK(complains(bytes, 13, 0, "level dtype"));
  CHECK(complains(bytes, 14, 17, "bits"));
  CHECK(complains(bytes, 15, 9, "number of axes"));
  CHECK(complains(bytes, 16, 3, "grouping"));
  CHECK(complains(bytes, 17, 0, "axis"));
  CHECK(complains(bytes, 10, 4, "flags"));  // rotation without rounds
  CHECK(complains(bytes, 18, 3, "flags"));
  CHECK(complains(bytes, 20, 0, "n_levels"));
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

void each_field_of_rotated_codes_is_named() {
  const Buffer bytes = written_rotated(rotated());
  const std::size_t levels = 88, scales = 96;
  CHECK(complains(bytes, 10, 3, "flags"));   // rounds without rotation
  CHECK(complains(bytes, 18, 1, "flags"));   // rotation without rounds
  CHECK(complains(bytes, 18, 7, "flags"));   // three rounds
  CHECK(complains(bytes, 18, 4, "flags"));   // no table
  CHECK(complains(bytes, 18, 13, "flags"));  // a reserved bit
  CHECK(complains(bytes, 16, 2, "grouping"));
  CHECK(complains(bytes, 20, 3, "bits") && complains(bytes, 20, 1, "bits"));
  CHECK(complains(bytes, 32, 0, "block") && complains(bytes, 32, 32, "block") && complains(bytes, 32, 192, "block"));
  Buffer longer = bytes;
  longer[32] = std::byte{64};  // one more chunk than scales, so all ends later
  sign(longer);
  CHECK(complaint(longer).find("it ends inside its CRC") != std::string::npos);
  CHECK(complains(bytes, 39, 0x40, "block"));
  CHECK(complains(bytes, levels + 7, 0x7f, "levels") && complains(bytes, levels + 7, 0x44, "levels"));  // NaN; too far
  CHECK(complains(bytes, levels + 7, 0xC0, "levels"));                                                  // descending
  Buffer infinite = bytes;
  infinite[scales + 2] = std::byte{0x80}, infinite[scales + 3] = std::byte{0x7f};
  sign(infinite);
  CHECK(complaint(infinite).find(": scales contain") != std::string::npos);
}

// Each index of an axis is filled up to 64 values: that multiplies what the shape claims.
void claims_of_filled_up_groups_do_not_wrap() {
  quantization::CodesHeader header = rotated();
  header.grouped = quantization::Grouped::axis;
  header.axis = 0;
  const float levels[] = {-1, 1};
  Buffer bytes(header.total_bytes());
  quantization::write_codes(header, std::as_bytes(std::span(levels)), bytes);
  CHECK(complaint(bytes).empty());
  const std::uint64_t many = std::uint64_t{1} << 58, shape[] = {many, 1};
  std::memcpy(&bytes[24], &many, sizeof many);
  std::memcpy(&bytes[64], shape, sizeof shape);
  sign(bytes);
  CHECK(complaint(bytes).find("it ends inside its scales") != std::string::npos);
}

void every_other_length_is_refused() {
  for (Buffer bytes : {written(small()), written_rotated(rotated())}) {
    for (std::size_t length = 0; length < bytes.size(); ++length)
      CHECK(!complaint(Buffer(bytes.begin(), bytes.begin() + length)).empty());
    bytes.push_back(std::byte{0});
    CHECK(complaint(bytes).find("length") != std::string::npos);
  }
}

void every_flipped_bit_is_seen() {
  for (const Buffer& bytes : {written(small()), written_rotated(rotated())})
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
  rotated_codes_have_one_table_and_a_scale_for_each_chunk();
  chunks_are_the_largest_powers_of_two_that_fit();
  each_field_of_rotated_codes_is_named();
  claims_of_filled_up_groups_do_not_wrap();
  every_other_length_is_refused();
  every_flipped_bit_is_seen();
  shapes_that_no_memory_holds_are_refused();
}
