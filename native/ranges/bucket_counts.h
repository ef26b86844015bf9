// How many distinct buckets of one width hold sorted codes; the first bucket begins with the first code.
#pragma once
#include <cstdint>
#include <span>

namespace bh::ranges {

std::uint64_t count_buckets(std::span<const std::uint64_t> codes, std::uint64_t width);

// As many as 64 runs of codes among them, 262,144 in all, suggest.
std::uint64_t estimate_buckets(std::span<const std::uint64_t> codes, std::uint64_t width);

}  // namespace bh::ranges
