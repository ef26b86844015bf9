// The codes of THC: stochastic rounding of rotated coordinates to the points of a table, packed for the wire.
//
// A coordinate h becomes u = h * scale + granularity / 2 within [0, granularity], in two rounded float32 operations,
// and then one of the two points of the table around u, the upper one with the probability that keeps the mean. The
// draws of 512 coordinates are the halves of 256 words: coordinate i of a piece takes counter (i >> 9) << 6 | (i & 63),
// word (i >> 6) & 3, the low half if bit 8 of i is 0.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "support/simd.h"

namespace bh::gradients {

constexpr std::size_t kGroup = 512;  // coordinates that are packed together

// Points of the codes: strictly ascending, from 0 to the granularity, which is at most 1023; 2 to 16 of them, or all.
using Points = std::span<const std::uint16_t>;

struct SeedAndStream {
  std::uint64_t seed, stream;
};

constexpr std::size_t packed_bytes(std::size_t coordinates, int bits) { return coordinates / 8 * bits; }

// Packs 2, 3 or 4 bits for each of h.size() coordinates, a multiple of 512. Of a group: byte j of 4 bits holds the
// codes j and 256 + j, from the low end; byte j of 2 bits the codes j, 128 + j, 256 + j, 384 + j; 3 bits are three
// planes of 64 bytes, bit i & 7 of byte i >> 3 for coordinate i. Returns how many coordinates were outside the range.
std::size_t encode(std::span<const float> h, float scale, Points points, int bits, SeedAndStream draws,
                   std::size_t threads, std::span<std::uint8_t> packed, Isa width);

// The points themselves, for lanes of a plain sum. Value is std::uint8_t, for points up to 255, or std::uint16_t.
template <typename Value>
std::size_t round_to_points(std::span<const float> h, float scale, Points points, SeedAndStream draws,
                            std::size_t threads, std::span<Value> values, Isa width);

// Adds, or if `first` writes, the points of packed codes. What the codes say is untrusted: all values are defined.
template <typename Sum>
void accumulate(std::span<const std::uint8_t> packed, Points points, int bits, bool first, std::span<Sum> sums);

}  // namespace bh::gradients
