// Keys of bytes as codes: bit strings of 8 * width bits, most significant first. A key that is shorter counts as padded
// with zeros on the right, and nothing here reads past its end. Keys and bounds are at most `width` bytes long.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bh::ranges {

constexpr std::size_t kLongestKey = 4096;  // bytes of a code; longer keys are cut

using ByteCode = std::span<const std::uint8_t>;

// Sorted and distinct as codes: b"a" and b"a\0" are one.
struct ByteKeys {
  std::span<const std::uint64_t> offsets;  // count + 1 of them
  const std::uint8_t* data;
  std::size_t width;

  std::size_t count() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  ByteCode operator[](std::size_t i) const { return {data + offsets[i], offsets[i + 1] - offsets[i]}; }
  std::uint32_t bits() const { return static_cast<std::uint32_t>(8 * width); }
};

struct OwnedByteKeys {
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint8_t> data;
  std::size_t width;

  ByteKeys view() const { return {offsets, data.data(), width}; }
};

// The same code without the zeros at its end, as bytes hold it.
inline ByteCode stripped(ByteCode code) {
  while (!code.empty() && code.back() == 0) code = code.first(code.size() - 1);
  return code;
}

// Below 0, 0 or above 0, as codes compare.
int compare(ByteCode x, ByteCode y);

// Bits that both codes begin with; 8 * width if they are equal.
std::uint32_t lcp(ByteCode x, ByteCode y, std::size_t width);

// Bits [first, first + count) of a code as a number; count <= 64.
std::uint64_t bits_of(ByteCode code, std::uint32_t first, std::uint32_t count);

// Prefixes of `bits` bits from that of a to that of b >= a, exact below kManyPrefixes, else kManyPrefixes.
constexpr std::uint64_t kManyPrefixes = std::uint64_t{1} << 55;
std::uint64_t count_prefixes(ByteCode a, ByteCode b, std::uint32_t bits);

// Of the first `bits` bits of the code alone; bits <= 8 * kLongestKey.
std::uint64_t hash_prefix(ByteCode code, std::uint32_t bits, std::uint64_t seed);

// Any keys, in any order: cut to `width` bytes, sorted and without repetitions.
OwnedByteKeys sorted_distinct(std::span<const std::uint64_t> offsets, const std::uint8_t* data, std::size_t width);
bool strictly_ascend(const ByteKeys& keys);

// The 64 bits from bit g on, where g bits are common to all keys. Distinct keys may share their window.
inline std::uint64_t window(ByteCode code, std::uint32_t g) { return bits_of(code, g, 64); }

}  // namespace bh::ranges
