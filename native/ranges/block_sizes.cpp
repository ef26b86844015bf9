#include "ranges/block_sizes.h"

#include <algorithm>
#include <cmath>

#include "ranges/elias_fano.h"

namespace bh::ranges {

namespace {

constexpr std::uint64_t kMostHashes = std::uint64_t{1} << 62;

}  // namespace

double bloom_passing(std::uint64_t n, std::uint64_t budget) {
  const double each = static_cast<double>(budget) / static_cast<double>(n);
  const double probes = std::clamp(std::round(std::log(2.0) * each), 1.0, 32.0);
  return std::pow(1 - std::exp(-probes / each), probes);
}

std::optional<double> fuse_passing(std::uint64_t n, std::uint64_t blocks, std::uint64_t budget) {
  const double log = std::log(static_cast<double>(std::max<std::uint64_t>(blocks, 2)));
  const double share = static_cast<double>(n) / static_cast<double>(blocks);
  const double wide = std::floor(log / std::log(2.91) - 0.5) + std::ceil(std::log2(std::max(1.0, share)));
  const double segment = std::ldexp(1.0, static_cast<int>(std::clamp(wide, 2.0, 18.0)));
  const double expansion = std::min(2.0, std::max(1.075, 0.77 + 0.305 * std::log(6e5) / log));
  const double segments = std::max(1.0, std::ceil(std::round(expansion * static_cast<double>(n)) / segment) - 3);
  const double slots = (segments + 3) * segment;
  const double each = static_cast<double>(budget) / slots;
  if (each < 1) return std::nullopt;
  const double bits = std::min(32.0, std::floor(each));
  const double covered = bits == 32 ? 0 : std::floor((each - bits) * (segments + 3));
  const double more = std::max(0.0, covered - 3) / segments;
  return std::ldexp(1 - more / 2, -static_cast<int>(bits));
}

std::optional<std::uint64_t> locality_range(std::uint64_t n, std::uint64_t budget) {
  const auto fits = [&](std::uint64_t range) { return elias_fano_bits(n, range - 1) <= budget; };
  if (!fits(1)) return std::nullopt;
  std::uint64_t low = 1, high = kMostHashes + 1;  // fits, does not
  if (fits(kMostHashes)) return kMostHashes;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

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
