// The inner loops of THC by hand, where permutations replace comparisons and look-ups. The bits are those of the plain
// loops in thc_codes.cpp.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "gradients/thc_codes.h"
#include "support/simd.h"

#if BH_DISPATCH || defined(__AVX2__)
#define BH_THC_V3 1
#else
#define BH_THC_V3 0
#endif

#if BH_DISPATCH || (defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__))
#define BH_THC_V4 1
#else
#define BH_THC_V4 0
#endif

namespace bh::gradients {

// Code, lower point and gap to the upper one in one integer, so that one look-up finds all three.
constexpr int kPointAt = 8, kGapAt = 18;
constexpr std::int32_t kPointMask = 1023;

// The cells between the points of a table: by point, and by code, where a table that registers hold is the faster one.
struct Cells {
  static constexpr std::size_t kMostCodes = 16, kMostPoints = 1024, kMostHeld = 128;

  explicit Cells(Points table)
      : most(table.back()), middle(0.5f * table.back()), identity(table.size() == std::size_t{table.back()} + 1) {
    if (identity) return;
    for (std::size_t z = 0; z + 1 < table.size(); ++z) {
      points[z] = table[z];
      lower[z] = table[z];
      inverse[z] = 65536.0f / static_cast<float>(table[z + 1] - table[z]);
    }
    points[table.size() - 1] = table.back();
    for (std::size_t point = 0, z = 0; point <= table.back(); ++point) {
      while (z + 2 < table.size() && table[z + 1] <= point) ++z;
      by_point[point] = static_cast<std::int32_t>(z) | table[z] << kPointAt | (table[z + 1] - table[z]) << kGapAt;
      if (point < kMostHeld) code[point] = static_cast<std::uint16_t>(z);
    }
  }

  float most, middle;
  bool identity;
  std::array<std::int32_t, kMostPoints> by_point;
  std::array<std::uint16_t, kMostHeld> code{};
  std::array<std::int32_t, kMostCodes> points{};
  std::array<float, kMostCodes> lower{}, inverse{};
};

// Rounds groups of 512 to codes, or to points, and counts what is outside; false if the table has too many points.
bool round_v4(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
              bool codes, std::uint8_t* values, std::size_t& outside);
bool round_v4(const float* h, std::size_t groups, const std::uint32_t* words, float scale, const Cells& cells,
              bool codes, std::uint16_t* values, std::size_t& outside);

// Adds the points, at most 255, of one group's codes.
void add_v3(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint8_t* sums);
void add_v3(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint16_t* sums);

}  // namespace bh::gradients
