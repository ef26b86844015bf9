#include "ranges/bucket_counts.h"

#include <cstddef>

namespace bh::ranges {

namespace {

// Keys whose bucket is another one than that of the key before.
std::uint64_t new_buckets(std::span<const std::uint64_t> keys, std::uint64_t first, std::uint64_t width) {
  std::uint64_t count = 0, before = (keys[0] - first) / width;
  for (const std::uint64_t key : keys.subspan(1)) {
    const std::uint64_t bucket = (key - first) / width;
    count += bucket != before;
    before = bucket;
  }
  return count;
}

}  // namespace

std::uint64_t count_buckets(std::span<const std::uint64_t> keys, std::uint64_t width) {
  return keys.empty() ? 0 : 1 + new_buckets(keys, keys[0], width);
}

std::uint64_t estimate_buckets(std::span<const std::uint64_t> keys, std::uint64_t width) {
  constexpr std::size_t kRuns = 64, kKeys = 262'144;
  if (keys.size() <= kKeys) return count_buckets(keys, width);
  constexpr std::size_t kRun = kKeys / kRuns;
  std::uint64_t count = 0;
  for (std::size_t run = 0; run < kRuns; ++run) {
    count += new_buckets(keys.subspan(run * ((keys.size() - kRun) / (kRuns - 1)), kRun), keys[0], width);
  }
  const double share = static_cast<double>(count) / static_cast<double>(kRuns * (kRun - 1));
  return 1 + static_cast<std::uint64_t>(share * static_cast<double>(keys.size() - 1));
}

}  // namespace bh::ranges
