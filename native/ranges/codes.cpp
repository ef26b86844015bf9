#include "ranges/codes.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bh::ranges {
namespace {

constexpr std::uint32_t kDigit = 11;
constexpr std::size_t kDigits = (64 + kDigit - 1) / kDigit, kBuckets = std::size_t{1} << kDigit;
using Counts = std::array<std::array<std::uint64_t, kBuckets>, kDigits>;

std::size_t digit(std::uint64_t code, std::size_t d) { return code >> d * kDigit & (kBuckets - 1); }

void sort_codes(Storage<std::uint64_t>& codes) {
  const std::size_t n = codes.size();
  Storage<Counts> room(1);
  Counts& counts = room[0];
  for (auto& of_digit : counts) of_digit.fill(0);
  for (const std::uint64_t code : codes)
    for (std::size_t d = 0; d < kDigits; ++d) ++counts[d][digit(code, d)];
  Storage<std::uint64_t> scratch(n);
  for (std::size_t d = 0; d < kDigits; ++d) {
    auto& starts = counts[d];
    if (starts[digit(codes[0], d)] == n) continue;  // all codes agree here
    std::uint64_t start = 0;
    for (auto& count : starts) count = std::exchange(start, start + count);
    for (const std::uint64_t code : codes) scratch[starts[digit(code, d)]++] = code;
    codes.swap(scratch);
  }
}

}  // namespace

bool strictly_ascend(std::span<const std::uint64_t> codes) {
  bool ascend = true;
  for (std::size_t i = 1; i < codes.size(); ++i) ascend &= codes[i - 1] < codes[i];
  return ascend;
}

Storage<std::uint64_t> sorted_distinct(std::span<const std::uint64_t> codes) {
  return sorted_distinct(Storage<std::uint64_t>(codes.begin(), codes.end()));
}

Storage<std::uint64_t> sorted_distinct(Storage<std::uint64_t> sorted) {
  if (strictly_ascend(sorted)) return sorted;
  if (!std::is_sorted(sorted.begin(), sorted.end())) {
    if (sorted.size() < 2 * kBuckets)
      std::sort(sorted.begin(), sorted.end());
    else
      sort_codes(sorted);
  }
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

Storage<std::uint64_t> distinct_prefixes(std::span<const std::uint64_t> codes, std::uint32_t bits) {
  Storage<std::uint64_t> prefixes(codes.size());
  std::size_t count = 0;
  std::uint64_t before = 0;
  for (const std::uint64_t code : codes) {
    const std::uint64_t next = prefix(code, bits);
    count -= count != 0 && next == before;
    prefixes[count++] = before = next;
  }
  prefixes.resize(count);
  return prefixes;
}

std::uint64_t count_distinct_prefixes(std::span<const std::uint64_t> codes, std::uint32_t bits) {
  return count_prefixes_and_shorter(codes, bits, 0).prefixes;
}

PrefixCounts count_prefixes_and_shorter(std::span<const std::uint64_t> codes, std::uint32_t bits, std::uint32_t fewer) {
  if (codes.empty()) return {0, 0};
  PrefixCounts counts{1, 1};
  const std::uint64_t differs = ~low_mask(64 - bits),
                      shorter_differs = ~low_mask(64 - (bits > fewer ? bits - fewer : 0));
  for (std::size_t i = 1; i < codes.size(); ++i) {
    const std::uint64_t apart = codes[i - 1] ^ codes[i];
    counts.prefixes += (apart & differs) != 0;
    counts.shorter += (apart & shorter_differs) != 0;
  }
  return counts;
}

}  // namespace bh::ranges
