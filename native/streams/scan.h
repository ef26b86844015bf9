// The two loops over counts in which the lazy minimum of counters.h spends its time.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bh::streams {

constexpr std::uint8_t kPinned = 0x80;  // the bit of a slot's mark

// The least of n counts, n above 0, without those whose slot is pinned; `marks` may be null. The largest value if all
// are.
std::uint32_t least_count(const std::uint32_t* counts, const std::uint8_t* marks, std::size_t n);
std::uint64_t least_count(const std::uint64_t* counts, const std::uint8_t* marks, std::size_t n);

// Which of 64 counts have this value, the first in the lowest bit.
std::uint64_t equal_counts(const std::uint32_t* counts, std::uint32_t value);
std::uint64_t equal_counts(const std::uint64_t* counts, std::uint64_t value);

}  // namespace bh::streams
