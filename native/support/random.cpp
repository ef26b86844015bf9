#include "support/random.h"

#include <algorithm>

// Without AVX-512 wider registers only add shuffles: the products fill the even lanes (AVX2 alone: up to twice the
// time).
#if BH_DISPATCH
#define BH_WIDEST __attribute__((target_clones("arch=x86-64-v4", "default")))
#else
#define BH_WIDEST
#endif

namespace bh {

// The rounds are unrolled inside the loop over lanes: the other way round the lanes would travel through memory ten
// times.
BH_WIDEST void philox_lanes(std::uint32_t lo, std::uint32_t hi, std::uint32_t stream, std::uint32_t purpose,
                            std::uint32_t key0, std::uint32_t key1, std::uint32_t* words) {
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    const Quad drawn = philox({lo + lane, hi, stream, purpose}, key0, key1);
    words[lane] = drawn[0];
    words[lane + kLanes] = drawn[1];
    words[lane + 2 * kLanes] = drawn[2];
    words[lane + 3 * kLanes] = drawn[3];
  }
}

void random_words(std::uint64_t block, std::uint64_t seed, std::uint64_t stream, Domain domain,
                  std::span<std::uint32_t, kWords> words) {
  const std::uint64_t counter = block * kLanes;  // its low byte is 0: adding a lane carries nothing
  const std::uint32_t purpose = static_cast<std::uint32_t>(stream >> 32) | static_cast<std::uint32_t>(domain) << 24;
  philox_lanes(static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
               static_cast<std::uint32_t>(stream), purpose, static_cast<std::uint32_t>(seed),
               static_cast<std::uint32_t>(seed >> 32), words.data());
}

BH_WIDEST void uniform_lanes(const std::uint64_t* counters, std::size_t count, std::uint32_t stream,
                             std::uint32_t purpose, std::uint32_t key0, std::uint32_t key1, double* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t at = counters[i];
    const Quad drawn =
        philox({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at >> 32), stream, purpose}, key0, key1);
    const auto high = static_cast<std::int32_t>(drawn[0] >> 5);
    const auto low = static_cast<std::int32_t>(drawn[1] >> 6);
    out[i] = (high * 0x1p26 + (low + 1.0)) * 0x1p-53;
  }
}

void uniforms_at(std::span<const std::uint64_t> counters, std::uint64_t seed, std::uint64_t stream, Domain domain,
                 std::span<double> out) {
  const std::uint32_t purpose = static_cast<std::uint32_t>(stream >> 32) | static_cast<std::uint32_t>(domain) << 24;
  uniform_lanes(counters.data(), std::min(counters.size(), out.size()), static_cast<std::uint32_t>(stream), purpose,
                static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), out.data());
}

}  // namespace bh
