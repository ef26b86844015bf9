// Codes of 64 bits: prefixes of them, and how many of these a closed range holds. A prefix is a number below 2^bits;
// that of no bits is 0.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ranges/design.h"
#include "support/hash.h"
#include "support/simd.h"
#include "support/storage.h"

namespace bh::ranges {

constexpr std::uint32_t kCodeBits = 64;

constexpr std::uint64_t low_mask(std::uint32_t bits) { return bits >= 64 ? ~std::uint64_t{0} : (1ull << bits) - 1; }

constexpr std::uint64_t prefix(std::uint64_t code, std::uint32_t bits) { return bits == 0 ? 0 : code >> (64 - bits); }

// The first and the last code that begin with the prefix of a code.
constexpr std::uint64_t first_of(std::uint64_t code, std::uint32_t bits) { return code & ~low_mask(64 - bits); }
constexpr std::uint64_t last_of(std::uint64_t code, std::uint32_t bits) { return code | low_mask(64 - bits); }

// Bits that both begin with.
constexpr std::uint32_t lcp(std::uint64_t x, std::uint64_t y) {
  return static_cast<std::uint32_t>(std::countl_zero(x ^ y));
}

// Prefixes from that of a to that of b >= a: N_l(a, b). All 2^64 of them count as 2^64 - 1.
constexpr std::uint64_t count_prefixes(std::uint64_t a, std::uint64_t b, std::uint32_t bits) {
  const std::uint64_t apart = prefix(b, bits) - prefix(a, bits);
  return apart + (apart != ~std::uint64_t{0});
}

// The seed of a part of a filter.
constexpr std::uint64_t part_seed(std::uint64_t seed, Tag tag) { return kth(seed, static_cast<std::uint64_t>(tag)); }

bool strictly_ascend(std::span<const std::uint64_t> codes);

// Sorted and without repetitions: by radix, least significant digit first, unless they already ascend.
Storage<std::uint64_t> sorted_distinct(Storage<std::uint64_t> codes);
Storage<std::uint64_t> sorted_distinct(std::span<const std::uint64_t> codes);

// Prefixes of codes, in their order: each is a code without its last `shift` bits, and one that follows its like does
// not count. So sorted codes stand for their distinct prefixes, and need not be copied.
struct Prefixes {
  std::span<const std::uint64_t> codes;
  std::uint32_t shift;

  // Writes those of the next `room` codes from code `at` on, or of all that are left, and returns how many; `at` moves
  // behind the codes.
  BH_INLINE std::size_t take(std::size_t& at, std::uint64_t* to, std::size_t room) const {
    const std::size_t size = room < codes.size() - at ? room : codes.size() - at;
    if (size == 0) return 0;
    const std::uint64_t* from = codes.data() + at;
    std::uint64_t repeated = at != 0 && from[-1] >> shift == from[0] >> shift;
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i] >> shift;
    std::size_t count = repeated == 0;
    for (std::size_t i = 1; i < size; ++i) repeated += to[i] == to[i - 1];
    at += size;
    if (repeated == 0) return size;
    std::uint64_t before = to[0];
    for (std::size_t i = 1; i < size; ++i) {
      const std::uint64_t next = to[i];
      to[count] = next;
      count += next != before;
      before = next;
    }
    return count;
  }
};

// The distinct prefixes of sorted codes, in order.
Storage<std::uint64_t> distinct_prefixes(std::span<const std::uint64_t> codes, std::uint32_t bits);

// |K_l| of sorted codes.
std::uint64_t count_distinct_prefixes(std::span<const std::uint64_t> codes, std::uint32_t bits);
// Of prefixes, and of prefixes that are `fewer` bits shorter, with a single look at each code.
struct PrefixCounts {
  std::uint64_t prefixes, shorter;
};
PrefixCounts count_prefixes_and_shorter(std::span<const std::uint64_t> codes, std::uint32_t bits, std::uint32_t fewer);

}  // namespace bh::ranges
