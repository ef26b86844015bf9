// Random rotation before rounding (Vargaftik et al.: DRIVE, NeurIPS 2021; EDEN, ICML 2022). R = H D_1 H D_0 makes any
// long vector look normal: H is the Hadamard transform, D_r changes signs at random. Fixed levels then serve all data,
// and one scale for each chunk makes the decoded vector unbiased.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quantization/format.h"
#include "support/random.h"

namespace bh::quantization {

// The signs of a rotation: position i changes its sign if bit (i & 31) of word (i >> 5) & 3 at counter i >> 7 is set;
// each round has its own words. Remembers those last drawn, so each thread needs its own Signs.
class Signs {
 public:
  static constexpr int kMostRounds = 2;

  Signs(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  // Takes x as positions from `first` on, a multiple of 32.
  template <typename Real>
  void flip(std::span<Real> x, std::uint64_t first, int round);

 private:
  const std::uint32_t* words(std::uint64_t block, int round);

  std::uint64_t seed_, stream_;
  std::array<std::uint64_t, kMostRounds> drawn_ = {~0ull, ~0ull};
  std::array<std::array<std::uint32_t, kWords>, kMostRounds> words_;
};

// Flips the signs of round 0 on each row of `length` values, positions counted from 0 in each.
template <typename Real>
void flip_rows(std::span<Real> x, std::size_t length, std::uint64_t seed, std::uint64_t stream, std::size_t threads);

// The factor that makes a transform of 2^log2_n values with this many rounds preserve lengths.
double orthonormal(int log2_n, int rounds);

// Applies R, or its inverse, to x, a power of two of values at positions from `first` on, in place and without that
// factor.
template <typename Real>
void rotate(std::span<Real> x, Signs& signs, std::uint64_t first, int rounds, bool inverse);

// Fills `bytes`, all header.total_bytes() of them. Real is float if header.single(). Throws InvalidInput for NaN,
// infinity, and values so large that a scale overflows.
template <typename Real>
void encode_rotated(const CodesHeader& header, const Values& values, std::span<const Real> levels, std::size_t threads,
                    std::span<std::byte> bytes);

// Decodes all values, or, if `row` is not 0, these rows of `row` values each, every one a whole number of chunks.
// Values beyond the largest finite one are clamped to it.
template <typename Real>
void decode_rotated(const CodesHeader& header, Bytes bytes, std::span<const std::int64_t> rows, std::uint64_t row,
                    std::size_t threads, std::span<Real> values);

}  // namespace bh::quantization
