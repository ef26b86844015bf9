// The random numbers of simulated jobs: a function of seed, stream and job alone. Every policy sees the same jobs, so
// that differences between policies are estimated with common random numbers (Glasserman, Yao 1992).
#pragma once
#include <cstdint>
#include <span>

namespace bh::scheduling {

// What is drawn for a job: each has random numbers of its own.
enum class Stream : std::uint32_t { gap, size, expensive, cheap };

// Uniform on (0, 1], for jobs first, first + 1, ...
void uniforms(std::uint64_t seed, Stream stream, std::uint64_t first, std::span<double> out);

// -log of these: exponential with mean 1, with the same bits on every machine.
void exponentials(std::uint64_t seed, Stream stream, std::uint64_t first, std::span<double> out);

}  // namespace bh::scheduling
