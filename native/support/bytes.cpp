#include "support/bytes.h"

#include <optional>

#include "support/bits.h"
#include "support/errors.h"
#include "support/simd.h"

#if BH_DISPATCH
#include <nmmintrin.h>
#endif

namespace bh {
namespace {

using Magic = std::array<char, 8>;

Magic magic_of(const Format& format) {
  return {'\x89', 'B', 'H', format.letters[0], format.letters[1], '\r', '\n', '\x1a'};
}

template <std::size_t N>
using Tables = std::array<std::array<std::uint32_t, 256>, N>;

// tables[k][b]: what byte b does to the CRC when k more bytes follow it.
constexpr auto make_tables() {
  Tables<8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    tables[0][b] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t b = 0; b < 256; ++b) tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 255];
  return tables;
}
constexpr Tables<8> kTables = make_tables();

std::uint64_t word_at(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint32_t crc_by_table(Bytes bytes, std::uint32_t crc) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    const std::uint64_t word = word_at(&bytes[i]) ^ crc;
    crc = 0;
    for (int k = 0; k < 8; ++k) crc ^= kTables[7 - k][word >> 8 * k & 255];
  }
  for (; i < bytes.size(); ++i) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<std::uint32_t>(bytes[i])) & 255];
  return crc;
}

#if BH_DISPATCH
constexpr std::size_t kApart = 128;  // bytes

// shifts[k][b]: what byte k of a CRC, of value b, becomes when kApart zero bytes follow.
constexpr auto make_shifts() {
  std::array<std::uint32_t, 32> bits{};
  for (int bit = 0; bit < 32; ++bit) {
    bits[bit] = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kApart; ++i) bits[bit] = bits[bit] >> 8 ^ kTables[0][bits[bit] & 255];
  }
  Tables<4> shifts{};
  for (int k = 0; k < 4; ++k)
    for (int b = 1; b < 256; ++b) {
      const int low = std::countr_zero(static_cast<unsigned>(b));
      shifts[k][b] = shifts[k][b & (b - 1)] ^ bits[8 * k + low];
    }
  return shifts;
}
constexpr Tables<4> kShifts = make_shifts();

std::uint32_t shifted(std::uint64_t crc) {
  return kShifts[0][crc & 255] ^ kShifts[1][crc >> 8 & 255] ^ kShifts[2][crc >> 16 & 255] ^ kShifts[3][crc >> 24];
}

// The instruction takes one cycle but answers after three: so three parts are read side by side, then put together.
__attribute__((target("sse4.2"))) std::uint32_t crc_by_instruction(Bytes bytes, std::uint32_t crc) {
  std::uint64_t wide = crc;
  std::size_t i = 0;
  for (; i + 3 * kApart <= bytes.size(); i += 3 * kApart) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t j = i; j < i + kApart; j += 8) {
      wide = _mm_crc32_u64(wide, word_at(&bytes[j]));
      second = _mm_crc32_u64(second, word_at(&bytes[j + kApart]));
      third = _mm_crc32_u64(third, word_at(&bytes[j + 2 * kApart]));
    }
    wide = shifted(shifted(wide) ^ second) ^ third;
  }
  for (; i + 8 <= bytes.size(); i += 8) wide = _mm_crc32_u64(wide, word_at(&bytes[i]));
  crc = static_cast<std::uint32_t>(wide);
  for (; i < bytes.size(); ++i) crc = _mm_crc32_u8(crc, static_cast<std::uint8_t>(bytes[i]));
  return crc;
}
#endif

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) {
#if BH_DISPATCH
  if (__builtin_cpu_supports("sse4.2")) return ~crc_by_instruction(bytes, ~before);
#endif
  return ~crc_by_table(bytes, ~before);
}

Writer::Writer(const Format& format) {
  bytes_.reserve(64);
  const Magic magic = magic_of(format);
  put(std::as_bytes(std::span(magic)));
  put(format.version);
}

Reader::Reader(Bytes bytes, const Format& format) : bytes_(bytes), name_(format.name) {
  const Magic magic = magic_of(format);
  const Bytes found = take_bytes(magic.size(), "magic");
  if (std::memcmp(found.data(), magic.data(), magic.size()) != 0) fail("magic", "belongs to another format");
  version_ = take<std::uint16_t>("version");
  const std::uint16_t oldest = format.oldest != 0 ? format.oldest : format.version;
  if (version_ >= oldest && version_ <= format.version) return;
  const std::string known = oldest < format.version ? std::to_string(oldest) + " to " : "";
  fail("version",
       "is " + std::to_string(version_) + ", but this library reads " + known + std::to_string(format.version));
}

Bytes Reader::take_bytes(std::uint64_t count, const char* field) {
  if (count > bytes_.size() - position_) fail(std::string("it ends inside its ") + field);
  const Bytes taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

std::uint64_t Reader::product(std::uint64_t a, std::uint64_t b, const char* field) const {
  const std::optional<std::uint64_t> product = checked_product(a, b);
  if (!product)
    fail(field, "takes " + std::to_string(a) + " times " + std::to_string(b) + ", more than any memory can hold");
  return *product;
}

void Reader::fail(const std::string& what) const {
  throw CorruptData(std::string("not a valid ") + name_ + " buffer (" + std::to_string(bytes_.size()) +
                    " bytes): " + what + "; pass the complete output of to_bytes()");
}

}  // namespace bh
