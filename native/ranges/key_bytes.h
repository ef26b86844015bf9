// How a trie sees a key: bytes of a bit string, from the top, with zeros behind its end.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace bh::ranges {

class KeyBytes {
 public:
  // The first `bits` bits of `data`; what lies behind them counts as zero.
  KeyBytes(std::span<const std::uint8_t> data, std::uint64_t bits)
      : data_(data.data()),
        size_(data.size() < bits / 8 + 1 ? data.size() : bits / 8 + 1),
        partial_(bits / 8),
        mask_(static_cast<std::uint8_t>(0xFF00 >> bits % 8)) {}

  std::uint8_t operator[](std::uint64_t i) const {
    if (i >= size_) return 0;
    return i == partial_ ? static_cast<std::uint8_t>(data_[i] & mask_) : data_[i];
  }
  // `count` bits, at most 56, from a byte on, as a number whose top bit is the first.
  std::uint64_t number(std::uint64_t from, unsigned count) const {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 7; ++i) value = value << 8 | (*this)[from + i];
    return value >> (56 - count);
  }

 private:
  const std::uint8_t* data_;
  std::uint64_t size_, partial_;
  std::uint8_t mask_;
};

// A code of 64 bits as bytes, the highest first.
class CodeBytes {
 public:
  explicit CodeBytes(std::uint64_t code) {
    for (int i = 0; i < 8; ++i) bytes_[i] = static_cast<std::uint8_t>(code >> (56 - 8 * i));
  }
  std::span<const std::uint8_t> span() const { return bytes_; }
  KeyBytes view(std::uint64_t bits) const { return {bytes_, bits}; }

 private:
  std::uint8_t bytes_[8];
};

}  // namespace bh::ranges
