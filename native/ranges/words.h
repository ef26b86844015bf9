// Numbers of any width packed one after another, the lowest bit first, at any address; and ones within a word.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

#include "support/simd.h"

namespace bh::ranges {

BH_INLINE std::uint64_t load_word(const std::uint8_t* from) {
#ifdef BH_COUNT_WORDS  // tests bound the work of a query by what it reads
  ++BH_COUNT_WORDS;
#endif
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// `width` < 64 bits from bit `at` on. Up to eight bytes behind them are read as well.
BH_INLINE std::uint64_t load_bits(const std::uint8_t* from, std::uint64_t at, std::uint32_t width) {
  const std::uint32_t shift = at % 8;
  std::uint64_t bits = load_word(from + at / 8) >> shift;
  if (shift + width > 64) bits |= static_cast<std::uint64_t>(from[at / 8 + 8]) << (64 - shift);
  return bits & ((std::uint64_t{1} << width) - 1);
}

// XORs bits into the eight bytes from bit `at` on; shift and width fit into 64 bits.
BH_INLINE void xor_bits(std::uint8_t* to, std::uint64_t at, std::uint64_t bits) {
  std::uint64_t word;
  std::memcpy(&word, to + at / 8, sizeof word);
  word ^= bits << at % 8;
  std::memcpy(to + at / 8, &word, sizeof word);
}

// Writes numbers of `width` < 64 bits one after another; what it has not written yet it writes at its end.
class BitWriter {
 public:
  BitWriter(std::uint8_t* to, std::uint32_t width) : to_(to), width_(width) {}
  ~BitWriter() { std::memcpy(to_, &word_, (filled_ + 7) / 8); }
  BitWriter(const BitWriter&) = delete;
  BitWriter& operator=(const BitWriter&) = delete;

  BH_INLINE void put(std::uint64_t value) {
    word_ |= value << filled_;
    filled_ += width_;
    if (filled_ < 64) return;
    std::memcpy(to_, &word_, sizeof word_);
    to_ += 8;
    filled_ -= 64;
    word_ = filled_ == 0 ? 0 : value >> (width_ - filled_);
  }

 private:
  std::uint8_t* to_;
  std::uint32_t width_, filled_ = 0;
  std::uint64_t word_ = 0;
};

// The place of the one that `rank` others precede: counts of ones up to each byte, then up to each bit of one byte,
// side by side in the bytes of a word (Vigna: Broadword Implementation of Rank/Select Queries, WEA 2008).
BH_INLINE std::uint32_t select_one(std::uint64_t word, std::uint32_t rank) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080, kDiagonal = 0x8040201008040201;
  std::uint64_t counts = word - (word >> 1 & 0x5555555555555555);
  counts = (counts & 0x3333333333333333) + (counts >> 2 & 0x3333333333333333);
  counts = ((counts + (counts >> 4)) & 0x0F0F0F0F0F0F0F0F) * kOnes;
  const std::uint64_t bytes_before = (((rank * kOnes | kHigh) - counts) & kHigh) >> 7;
  const auto from = static_cast<std::uint32_t>(bytes_before * kOnes >> 56) * 8;
  const std::uint64_t rest = rank - (counts << 8 >> from & 0xFF);
  const std::uint64_t spread = (word >> from & 0xFF) * kOnes & kDiagonal;  // bit i of the byte in byte i
  const std::uint64_t bits = ((((spread & ~kHigh) + ~kHigh) | spread) >> 7 & kOnes) * kOnes;
  return from + static_cast<std::uint32_t>(((((rest * kOnes | kHigh) - bits) & kHigh) >> 7) * kOnes >> 56);
}

}  // namespace bh::ranges
