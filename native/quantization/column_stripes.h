// What columns.cpp does by hand with the vector unit of the machine: sixteen columns of a matrix, down its rows. The
// bits are those of the plain loops there.
#pragma once
#include <cstddef>
#include <cstdint>

#include "quantization/columns.h"

#if BH_DISPATCH || defined(__AVX2__)
#define BH_COLUMNS_V3 1
#else
#define BH_COLUMNS_V3 0
#endif

#if BH_DISPATCH || (defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__))
#define BH_COLUMNS_V4 1
#else
#define BH_COLUMNS_V4 0
#endif

namespace bh::quantization {

constexpr std::size_t kFew = 16;   // levels whose edges are counted
constexpr std::size_t kCells = 4;  // for each level

// Tables of sixteen columns.
struct Stripe {
  bool nearest;
  std::size_t size, width;         // kFew, or more levels; from a column to the next in `edges`
  const float* top;                // edge t of column c at t * kStripe + c: all of kFew levels, else every sixteenth
  const float* edges;              // of each column: its first level, then what each further one begins at
  const std::uint8_t* start;       // of each column: the number of edges below each of kCells * size cells
  const float *origin, *per_unit;  // where these begin, and how many are in a length of 1
  int steps;                       // edges in a cell at most; 0 where there are no cells
  const float *first, *last;       // levels
  std::size_t used, columns;       // of the stripe, and of the whole matrix
};

// Codes `rows` rows of which each pointer has the first sixteen columns.
Tally round_stripe_v3(const Stripe& stripe, const float* x, const std::uint32_t* words, std::size_t rows,
                      std::uint8_t* codes);  // AVX2
Tally round_stripe_v4(const Stripe& stripe, const float* x, const std::uint32_t* words, std::size_t rows,
                      std::uint8_t* codes);  // AVX-512

// look_up_columns() for the first `used` of `columns` columns, or as many of them as are in whole stripes; says how
// many that are.
std::size_t look_up_v3(const std::uint32_t* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                       std::size_t columns, std::size_t used, std::uint32_t* items);
std::size_t look_up_v4(const std::uint32_t* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                       std::size_t columns, std::size_t used, std::uint32_t* items);

}  // namespace bh::quantization
