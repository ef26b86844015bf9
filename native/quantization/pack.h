// Codes of 0 to 16 bits, least significant bit first: code j of a run occupies bits [j bits, (j + 1) bits) of its
// little-endian bit stream. Every run starts on a byte boundary, and its unused bits are 0.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bh::quantization {

constexpr std::uint64_t packed_bytes(std::uint64_t n, int bits) { return n / 8 * bits + (n % 8 * bits + 7) / 8; }

// Writes the packed_bytes(codes.size(), bits) bytes of one run, or of a part that starts at a multiple of 8 codes.
void pack(std::span<const std::uint16_t> codes, int bits, std::byte* packed);
// Reads them back. No byte beyond those is touched.
void unpack(const std::byte* packed, int bits, std::span<std::uint16_t> codes);
// The same for codes of 0 to 8 bits.
void pack(std::span<const std::uint8_t> codes, int bits, std::byte* packed);
void unpack(const std::byte* packed, int bits, std::span<std::uint8_t> codes);

}  // namespace bh::quantization
