// The energies by which TopK-Chunked selects chunks.
#pragma once
#include <cstddef>
#include <span>

namespace bh::gradients {

// Sums of squares of x.size() / energies.size() coordinates each, a multiple of 16: in float32, in 16 lanes and then
// pairwise, so that they have the same bits on every machine.
void chunk_energies(std::span<const float> x, std::span<float> energies);

}  // namespace bh::gradients
