// The matrix that low-rank compression starts from.
#pragma once
#include <cstdint>
#include <span>

namespace bh::gradients {

// Entry i: a sum of four uniform numbers of 24 bits from counter i, with mean 0 and variance 1. No function of the
// machine's library enters, so all workers hold the same bits.
void start_matrix(std::uint64_t seed, std::uint64_t stream, std::span<float> entries);

}  // namespace bh::gradients
