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

// Code, lower point and gap to the upper one in one integer, so that one masked sum, or one look-up, finds all three.
constexpr int kPointAt = 8, kGapAt = 18;
constexpr std::int32_t kPointMask = 1023;
inline std::int32_t cell(Points points, std::size_t z) {
  return static_cast<std::int32_t>(z) | points[z] << kPointAt | (points[z + 1] - points[z]) << kGapAt;
}

// The cells of a table by their lower ends, and by every point while permutations reach that far.
struct Cells {
  static constexpr std::size_t kMostByPoint = 128;

  explicit Cells(Points points)
      : most(points.back()), middle(0.5f * points.back()), identity(points.size() == std::size_t{points.back()} + 1) {
    if (identity) return;
    first = cell(points, 0);
    for (std::size_t z = 1; z + 1 < points.size(); ++z) {
      ends[inner] = points[z];
      steps[inner++] = cell(points, z) - cell(points, z - 1);
    }
    for (std::size_t point = 0, z = 0; point < kMostByPoint; ++point) {
      while (z + 2 < points.size() && points[z + 1] <= point) ++z;
      by_point[point] = cell(points, z);
    }
  }

  float most, middle;
  bool identity;
  std::int32_t first = 0;
  int inner = 0;
  std::array<float, 16> ends{};
  std::array<std::int32_t, 16> steps{};
  std::array<std::int32_t, kMostByPoint> by_point{};
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
