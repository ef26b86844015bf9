#include "support/hash.h"

#include <cstring>
#include <memory>
#include <string_view>

#include "check.h"

namespace {

// In memory of exactly its size, so that the address sanitizer sees a read past the end.
std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  const auto bytes = std::make_unique<std::byte[]>(text.size());
  std::memcpy(bytes.get(), text.data(), text.size());
  return bh::hash64({bytes.get(), text.size()}, seed);
}

void golden_values_of_integers() {
  CHECK(bh::kth(0, 1) == 0xe220a8397b1dcdaf);
  CHECK(bh::kth(0, 2) == 0x6e789e6aa1b965f4);
  CHECK(bh::kth(0, 3) == 0x06c45d188009454f);
  CHECK(bh::kth(1, 1) == 0x910a2dec89025cc1);

  constexpr bh::Mix mix(0, 1);
  CHECK(mix(0) == 0x9a5904072ad75254);
  CHECK(mix(1) == 0xa2acdcaf5c8bdc40);
  CHECK(mix(~0ull) == 0x9b529b5604945284);
  CHECK(bh::Mix(0, 16)(0) == 0xc7baddd696c19dce);
  CHECK(bh::Mix(1, 1)(0) == 0x293d7e55e2d70841);
}

void golden_values_of_bytes() {
  CHECK(hash_of("", 0) == 0xd4c1eac9c7908ba7);
  CHECK(hash_of("", 1) == 0x2ea3d0102926f41e);
  CHECK(hash_of("a", 0) == 0x649d3f46b3b996ff);
  CHECK(hash_of("a", 1) == 0x25e6a8b2d55421f9);
  CHECK(hash_of({"a\0", 2}, 0) == 0xb989c464ffcf1fd8);
  CHECK(hash_of("abc", 0) == 0x2887c210cca88219);
  CHECK(hash_of("0123456789abcdef", 0) == 0x9d298b4680dc95e9);
  CHECK(hash_of("0123456789abcdef", 1) == 0x2b7d33b734914ad9);
  CHECK(hash_of("0123456789abcdefg", 0) == 0xf0b1022c6cbd681d);
  CHECK(hash_of("0123456789abcdefg", 1) == 0x44231b88d5549341);
  CHECK(hash_of("The quick brown fox jumps over the lazy dog", 0) == 0x6543a90d53a1d532);
}

void short_ends_are_padded_with_zeros() {
  for (std::size_t n = 0; n <= 16; ++n) {
    const auto bytes = std::make_unique<std::byte[]>(n);
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(251 - 7 * i);
    std::uint64_t expected[2] = {}, words[2];
    if (n > 0) std::memcpy(expected, bytes.get(), n);
    bh::detail::load_padded({bytes.get(), n}, words);
    CHECK(words[0] == expected[0] && words[1] == expected[1]);
  }
}

void range_covers_its_ends_and_nothing_else() {
  CHECK(bh::range(0, 7) == 0);
  CHECK(bh::range(~0ull, 7) == 6);
  CHECK(bh::range(~0ull, 1) == 0);
  for (std::uint64_t k = 0; k < 1000; ++k) CHECK(bh::range(bh::kth(5, k), 3) < 3);
}

}  // namespace

int main() {
  golden_values_of_integers();
  golden_values_of_bytes();
  short_ends_are_padded_with_zeros();
  range_covers_its_ends_and_nothing_else();
}
