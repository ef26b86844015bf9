// Sorting floats by their bits: least significant digit first, four digits of 8 bits, one counting pass for all four.
// Doubles are sorted so by their upper 32 bits; ties, as a rule few and short, are then sorted by comparing.
#pragma once
#include <bit>
#include <cstdint>
#include <span>

namespace bh {

// A float's bits as an integer of the same order (-0.0 comes before 0.0), and back.
inline std::uint32_t ordered_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return bits ^ (static_cast<std::uint32_t>(static_cast<std::int32_t>(bits) >> 31) | 0x80000000u);
}
inline std::uint64_t ordered_bits(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  return bits ^ (static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63) | 1ull << 63);
}
inline float from_ordered_bits(std::uint32_t key) {
  return std::bit_cast<float>(key ^ (key & 0x80000000u ? 0x80000000u : 0xFFFFFFFFu));
}

// Each writes the sorted values of x to `sorted`; all spans have the same length, and none overlap. No NaN.
void sort_values(std::span<const float> x, std::span<float> sorted, std::span<float> scratch);

// A value's ordered bits above its position, so that weights can follow their values.
using Keyed = std::uint64_t;
void sort_keyed(std::span<const float> x, std::span<Keyed> sorted, std::span<Keyed> scratch);

// Each value's position, in the order of the values; equal ones keep their order (but -0.0 comes before 0.0). No NaN.
void sort_positions(std::span<const double> x, std::span<std::uint32_t> sorted);

}  // namespace bh
