#include "quantization/pack.h"

#include <vector>

#include "check.h"

namespace quantization = bh::quantization;

namespace {

std::vector<std::byte> packed(const std::vector<std::uint16_t>& codes, int bits) {
  std::vector<std::byte> bytes(quantization::packed_bytes(codes.size(), bits));
  quantization::pack(codes, bits, bytes.data());
  return bytes;
}

void bits_lie_where_the_format_says() {
  CHECK(packed({0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3}, 2) ==
        (std::vector<std::byte>{std::byte{0x40}, std::byte{0x95}, std::byte{0xaa}, std::byte{0xfa}, std::byte{0x03}}));
  for (int bits = 1; bits <= 16; ++bits) {
    std::vector<std::uint16_t> codes(37);
    for (std::size_t j = 0; j < codes.size(); ++j) codes[j] = static_cast<std::uint16_t>(j * 40503 & ((1 << bits) - 1));
    const std::vector<std::byte> bytes = packed(codes, bits);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      const unsigned stored = static_cast<unsigned>(bytes[bit / 8]) >> bit % 8 & 1;
      const unsigned wanted = bit / bits < codes.size() ? codes[bit / bits] >> bit % bits & 1 : 0;
      CHECK(stored == wanted);
    }
  }
}

// The vectors are exactly as long as they must be: the sanitizer sees every step beyond.
void every_width_and_length_comes_back() {
  for (int bits = 0; bits <= 16; ++bits)
    for (std::size_t n = 0; n < 70; ++n) {
      std::vector<std::uint16_t> codes(n), read(n, 9);
      for (std::size_t j = 0; j < n; ++j) codes[j] = static_cast<std::uint16_t>((j + 1) * 40503 & ((1 << bits) - 1));
      const std::vector<std::byte> bytes = packed(codes, bits);
      quantization::unpack(bytes.data(), bits, read);
      CHECK(read == codes);
      if (bits > 8) continue;
      const std::vector<std::uint8_t> narrow(codes.begin(), codes.end());
      std::vector<std::uint8_t> narrow_read(n, 9);
      std::vector<std::byte> again(bytes.size());
      quantization::pack(narrow, bits, again.data());
      CHECK(again == bytes);
      quantization::unpack(again.data(), bits, narrow_read);
      CHECK(narrow_read == narrow);
    }
}

void sizes_do_not_overflow() {
  CHECK(quantization::packed_bytes(std::uint64_t{1} << 60, 16) == std::uint64_t{1} << 61);
  CHECK(quantization::packed_bytes(3, 3) == 2);
  CHECK(quantization::packed_bytes(5, 0) == 0);
}

}  // namespace

int main() {
  bits_lie_where_the_format_says();
  every_width_and_length_comes_back();
  sizes_do_not_overflow();
}
