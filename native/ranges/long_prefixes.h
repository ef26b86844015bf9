// Prefixes of keys of bytes that end behind the window of 64 bits, in the parts that are made for numbers: the last
// bits of a prefix, those within its block, stay as they are, and a hash stands for the bits before them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "ranges/keys.h"
#include "ranges/parts.h"

namespace bh::ranges {

// The first `kept` bits of a code, then `fill` in all bits up to `bits`.
class LongCode {
 public:
  LongCode(ByteCode code, std::uint32_t kept, std::uint32_t bits, std::uint8_t fill);
  operator ByteCode() const { return ByteCode(bytes_).first(size_); }

  // The next prefix of `bits` bits; there is one.
  void increment(std::uint32_t bits);

 private:
  std::array<std::uint8_t, kLongestKey> bytes_;
  std::size_t size_;
};

// `skipped` bits are common to all; `bits` is counted from the start of the code.
ApproxInput long_input(const ByteKeys& keys, std::uint32_t skipped, std::uint32_t bits, std::uint64_t seed);
bool any_long(const ApproxSet& approx, ByteCode a, ByteCode b, std::uint32_t skipped, std::uint32_t bits,
              std::uint64_t seed);

}  // namespace bh::ranges
