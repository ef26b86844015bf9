// What the parts of a filter need, and how often they are wrong, before they are built.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

namespace bh::ranges {

// The probability that a prefix passes which is not among n.
double bloom_passing(std::uint64_t n, std::uint64_t budget);
// Nothing where the budget is below a bit for each slot. Blocks are distinct prefixes that are 4 bits shorter.
std::optional<double> fuse_passing(std::uint64_t n, std::uint64_t blocks, std::uint64_t budget);

// The largest range of hashes, up to 2^62, whose set fits; nothing where none does.
std::optional<std::uint64_t> locality_range(std::uint64_t n, std::uint64_t budget);

// How many distinct buckets of this width hold sorted keys; the first bucket begins with the first key.
std::uint64_t count_buckets(std::span<const std::uint64_t> keys, std::uint64_t width);
// As many as 64 runs of keys among them, 262,144 in all, suggest.
std::uint64_t estimate_buckets(std::span<const std::uint64_t> keys, std::uint64_t width);

}  // namespace bh::ranges
