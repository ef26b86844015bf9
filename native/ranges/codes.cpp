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

// Codes that are not above the one before.
BH_MULTIVERSION std::uint64_t count_descents(const std::uint64_t* codes, std::size_t n) {
  std::uint64_t count = 0;
  for (std::size_t i = 1; i < n; ++i) count += codes[i - 1] >= codes[i];
  return count;
}

// Codes that differ from the one before in the bits of a mask, for two masks.
BH_MULTIVERSION PrefixCounts count_changes(const std::uint64_t* codes, std::size_t n, std::uint64_t mask,
                                           std::uint64_t shorter_mask) {
  PrefixCounts counts{0, 0};
  for (std::size_t i = 1; i < n; ++i) {
    const std::uint64_t apart = codes[i - 1] ^ codes[i];
    counts.prefixes += (apart & mask) != 0;
    counts.shorter += (apart & shorter_mask) != 0;
  }
  return counts;
}

}  // namespace

bool strictly_ascend(std::span<const std::uint64_t> codes) { return count_descents(codes.data(), codes.size()) == 0; }

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
  const std::uint64_t mask = ~low_mask(64 - bits), shorter_mask = ~low_mask(64 - (bits > fewer ? bits - fewer : 0));
  const PrefixCounts changes = count_changes(codes.data(), codes.size(), mask, shorter_mask);
  return {changes.prefixes + 1, changes.shorter + 1};
}

}  // namespace bh::ranges
