// Philox4x32-10 (Salmon et al.: Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011). A random word is a function of
// its position, so that no result depends on the number of threads or on the instruction set. Counter words (i lo, i
// hi, stream lo, stream hi | domain << 24), key (seed lo, seed hi); stream < 2^56.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "support/simd.h"

namespace bh {

// What a number is drawn for: domains never share words.
enum class Domain : std::uint32_t {
  rounding = 1,
  first_signs = 2,
  second_signs = 3,
  thc_rounding = 4,
  low_rank = 6,
  block_rounding = 7,
  queueing = 8,
  streams = 9,
  workloads = 10
};

using Quad = std::array<std::uint32_t, 4>;
constexpr std::uint32_t kFactor0 = 0xD2511F53, kFactor1 = 0xCD9E8D57;  // factors
constexpr std::uint32_t kStep0 = 0x9E3779B9, kStep1 = 0xBB67AE85;      // of the keys, from round to round

template <std::uint32_t Round>
BH_INLINE void philox_round(Quad& c, std::uint32_t key0, std::uint32_t key1) {
  const std::uint64_t first = std::uint64_t{kFactor0} * c[0], second = std::uint64_t{kFactor1} * c[2];
  c = {static_cast<std::uint32_t>(second >> 32) ^ c[1] ^ (key0 + Round * kStep0), static_cast<std::uint32_t>(second),
       static_cast<std::uint32_t>(first >> 32) ^ c[3] ^ (key1 + Round * kStep1), static_cast<std::uint32_t>(first)};
}

template <std::uint32_t... Round>
BH_INLINE void philox_rounds(Quad& c, std::uint32_t key0, std::uint32_t key1,
                             std::integer_sequence<std::uint32_t, Round...>) {
  (philox_round<Round>(c, key0, key1), ...);
}

BH_INLINE Quad philox(Quad counter, std::uint32_t key0, std::uint32_t key1) {
  philox_rounds(counter, key0, key1, std::make_integer_sequence<std::uint32_t, 10>{});
  return counter;
}

constexpr std::size_t kLanes = 256;
constexpr std::size_t kWords = 4 * kLanes;

// The words of the counters 256 block .. 256 block + 255: word w of lane l lies at 256 w + l. Whoever needs one word
// for each element i reads words[i % 1024] of block i / 1024.
void random_words(std::uint64_t block, std::uint64_t seed, std::uint64_t stream, Domain domain,
                  std::span<std::uint32_t, kWords> words);

// Uniform on (0, 1] for each of these counters, whatever their order: 53 bits of the first two words.
void uniforms_at(std::span<const std::uint64_t> counters, std::uint64_t seed, std::uint64_t stream, Domain domain,
                 std::span<double> out);

}  // namespace bh
