// What the model knows of keys and of a sample of queries: how many prefixes of each length the keys have, how far
// apart they lie, and how much of each empty query its neighbors share.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "ranges/codes.h"
#include "ranges/keys.h"

namespace bh::ranges {

// A closed range of the sample that holds no key. Lengths in bits of the code.
struct EmptyQuery {
  std::int32_t left, right;  // shared by its first code and the key before, by its last code and the key behind; or -1
  std::uint32_t within;      // shared by its first and its last code
  std::uint32_t place;       // in the sample
  std::size_t behind;        // the place of the key behind
  bool free;                 // a filter that knows the smallest and the largest key answers it rightly

  std::uint32_t near() const { return static_cast<std::uint32_t>(left > right ? left : right); }
};

// Gaps between neighbors by their bit length, as the window of 64 bits shows them.
struct Gaps {
  std::array<double, 65> count{}, sum{};
};

// Sorted distinct 64-bit codes, and closed ranges of them.
struct CodeSample {
  static constexpr std::uint64_t kMany = ~std::uint64_t{0};  // counts of prefixes that are larger are this

  std::span<const std::uint64_t> keys, lo, hi;

  std::size_t count() const { return keys.size(); }
  std::size_t asked() const { return lo.size(); }
  std::uint32_t bits() const { return 64; }
  std::size_t width() const { return 0; }  // bytes of a bound that the header has no place for
  std::uint32_t common() const { return 0; }
  std::uint64_t window(std::size_t i) const { return keys[i]; }  // the 64 bits behind the common ones

  std::uint64_t whole(const EmptyQuery& query, std::uint32_t bits) const {
    return count_prefixes(lo[query.place], hi[query.place], bits);
  }
  // Prefixes of `bits` bits from the first one to the end of its region of `region` bits; and the like for the last.
  std::uint64_t at_left(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const {
    return count_prefixes(lo[query.place], last_of(lo[query.place], region), bits);
  }
  std::uint64_t at_right(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const {
    return count_prefixes(first_of(hi[query.place], region), hi[query.place], bits);
  }
};

// Sorted distinct keys of bytes, and closed ranges; all at most as long as the width of the keys.
struct ByteSample {
  static constexpr std::uint64_t kMany = kManyPrefixes;

  ByteSample(const ByteKeys& all, const ByteKeys& firsts, const ByteKeys& lasts)
      : keys(all), lo(firsts), hi(lasts), shared(count() < 2 ? 0 : lcp(keys[0], keys[count() - 1], keys.width)) {}

  ByteKeys keys, lo, hi;
  std::uint32_t shared;  // bits that all keys begin with

  std::size_t count() const { return keys.count(); }
  std::size_t asked() const { return lo.count(); }
  std::uint32_t bits() const { return keys.bits(); }
  std::size_t width() const { return keys.width; }
  std::uint32_t common() const { return shared; }
  std::uint64_t window(std::size_t i) const { return bits_of(keys[i], shared, 64); }

  std::uint64_t whole(const EmptyQuery& query, std::uint32_t bits) const;
  std::uint64_t at_left(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const;
  std::uint64_t at_right(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const;
};

using Sample = std::variant<CodeSample, ByteSample>;

struct KeyStatistics {
  std::uint32_t common = 0;                 // bits that all keys begin with, or 0 where they are numbers
  std::uint64_t smallest = 0, largest = 0;  // windows
  std::vector<std::uint64_t> prefixes;      // |K_l| for l = 0..w; all 0 without keys
  Gaps gaps;
};

// Keys must ascend; for numbers this is checked, and InvalidInput thrown.
KeyStatistics statistics(const Sample& sample);

// The queries that hold no key, in the order of their first codes.
std::vector<EmptyQuery> empty_queries(const Sample& sample);

}  // namespace bh::ranges
