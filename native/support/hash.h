// Seeded hashing of integers and bytes: fast, the same on every machine, and not cryptographic.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "support/bits.h"

namespace bh {

// splitmix64's finalizer (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

// The k-th of many independent mixes of h.
constexpr std::uint64_t kth(std::uint64_t h, std::uint64_t k) { return mix64(h + k * kGolden); }

constexpr std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
  const Product wide = product(x, y);
  return wide.low ^ wide.high;
}

// Maps a hash onto 0..m-1 without a division, by its upper bits.
constexpr std::uint64_t range(std::uint64_t h, std::uint64_t m) { return product(h, m).high; }

// A hash function of integers for each purpose: independent of the others that the same seed gives.
class Mix {
 public:
  constexpr Mix(std::uint64_t seed, std::uint64_t purpose)
      : add_(kth(seed, 2 * purpose + 1)), multiply_(kth(seed, 2 * purpose + 2) | 1) {}
  constexpr std::uint64_t operator()(std::uint64_t x) const { return fold(x ^ add_, multiply_); }

 private:
  std::uint64_t add_, multiply_;
};

namespace detail {

template <typename Word>
std::uint64_t load(const std::byte* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// At most 16 bytes as two words, padded with zeros. Loads that overlap take a third of the time of a memcpy whose
// length the compiler does not know.
inline void load_padded(std::span<const std::byte> bytes, std::uint64_t (&words)[2]) {
  const std::byte* data = bytes.data();
  const std::size_t n = bytes.size();
  words[0] = words[1] = 0;
  if (n >= 8) {
    words[0] = load<std::uint64_t>(data);
    if (n > 8) words[1] = load<std::uint64_t>(data + n - 8) >> 8 * (16 - n);
  } else if (n >= 4) {
    words[0] = load<std::uint32_t>(data) | load<std::uint32_t>(data + n - 4) << 8 * (n - 4);
  } else if (n > 0) {
    words[0] = load<std::uint8_t>(data) | load<std::uint8_t>(data + n / 2) << 8 * (n / 2) |
               load<std::uint8_t>(data + n - 1) << 8 * (n - 1);
  }
}

}  // namespace detail

// Two strings of D distinct ones collide with probability of about D^2 / 2^65.
inline std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) {
  static_assert(std::endian::native == std::endian::little, "hash64 reads its words as the machine stores them");
  const std::uint64_t multiply = kth(seed, 2) | 1;
  std::uint64_t h = kth(seed, 1);
  std::uint64_t words[2];
  auto left = bytes;
  for (; left.size() > 16; left = left.subspan(16)) {
    std::memcpy(words, left.data(), 16);
    h = fold(words[0] ^ multiply, words[1] ^ h);
  }
  detail::load_padded(left, words);
  return mix64(fold(words[0] ^ multiply, words[1] ^ h) + bytes.size() * kGolden);
}

}  // namespace bh
