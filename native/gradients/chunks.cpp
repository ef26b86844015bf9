#include "gradients/chunks.h"

#include "support/simd.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kLanes = 16;

}  // namespace

BH_MULTIVERSION void add_chunks(const float* x, std::size_t length, std::size_t chunks, float* energies) {
  for (std::size_t c = 0; c < chunks; ++c, x += length) {
    float lanes[kLanes] = {};
    for (std::size_t i = 0; i < length; i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * x[i + lane];
    for (std::size_t half = kLanes / 2; half > 0; half /= 2)
      for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    energies[c] = lanes[0];
  }
}

void chunk_energies(std::span<const float> x, std::span<float> energies) {
  if (!energies.empty()) add_chunks(x.data(), x.size() / energies.size(), energies.size(), energies.data());
}

}  // namespace bh::gradients
