#include "ranges/query_sample.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "support/errors.h"
#include "support/simd.h"

namespace bh::ranges {

namespace {

// Adds how many bits each key shares with the one before. Four histograms, as increments of one counter in a row wait
// for each other.
BH_INLINE void count_shared(const std::uint64_t* keys, std::size_t count, std::uint64_t (&lanes)[4][64]) {
  const auto add = [&](std::size_t lane, std::size_t i) {
    ++lanes[lane][std::countl_zero(keys[i - 1] ^ keys[i]) & 63];
  };
  std::size_t i = 1;
  for (; i + 8 <= count; i += 8) {
    __builtin_prefetch(keys + i + count);  // what is read next
    add(0, i), add(1, i + 1), add(2, i + 2), add(3, i + 3), add(0, i + 4), add(1, i + 5), add(2, i + 6), add(3, i + 7);
  }
  for (; i < count; ++i) add(0, i);
}

// Returns whether the keys ascend, too: of many keys it is memory that takes the time, so that they are read once.
BH_MULTIVERSION bool count_shared_in_order(const std::uint64_t* keys, std::size_t count, std::uint64_t* shared) {
  constexpr std::size_t kCached = 1024;
  std::uint64_t lanes[4][64] = {};
  bool ascend = true;
  for (std::size_t first = 0; first + 1 < count; first += kCached) {
    const std::size_t size = std::min(kCached + 1, count - first);  // with the first of the next
    for (std::size_t i = first + 1; i < first + size; ++i) ascend &= keys[i - 1] < keys[i];
    count_shared(keys + first, size, lanes);
  }
  for (std::size_t l = 0; l < 64; ++l) shared[l] += lanes[0][l] + lanes[1][l] + lanes[2][l] + lanes[3][l];
  return ascend;
}

void add_gap(Gaps& gaps, std::uint64_t gap) {
  const auto length = static_cast<std::size_t>(std::bit_width(gap));
  gaps.count[length] += 1;
  gaps.sum[length] += static_cast<double>(gap);
}

// Of many keys those in 1,024 runs, all over them, stand for all.
template <typename Source>
Gaps gaps_of(const Source& sample) {
  constexpr std::size_t kRuns = 1024, kRun = 256;
  Gaps gaps;
  const std::size_t count = sample.count();
  const auto add = [&](std::size_t first, std::size_t keys) {
    std::uint64_t before = sample.window(first);
    for (std::size_t i = first + 1; i < first + keys; ++i) {
      const std::uint64_t window = sample.window(i);
      add_gap(gaps, window - before);
      before = window;
    }
  };
  if (count <= kRuns * kRun) {
    if (count > 0) add(0, count);
    return gaps;
  }
  for (std::size_t run = 0; run < kRuns; ++run) add(run * ((count - kRun) / (kRuns - 1)), kRun);
  const double scale = static_cast<double>(count - 1) / static_cast<double>(kRuns * (kRun - 1));
  for (std::size_t l = 0; l <= 64; ++l) gaps.count[l] *= scale, gaps.sum[l] *= scale;
  return gaps;
}

std::vector<std::uint64_t> prefixes_of(std::span<const std::uint64_t> shared, bool any) {
  std::vector<std::uint64_t> found(shared.size() + 1, any ? 1 : 0);
  for (std::size_t l = 1; l < found.size() && any; ++l) found[l] = found[l - 1] + shared[l - 1];
  return found;
}

std::vector<std::uint64_t> shared_of(const CodeSample& sample) {
  std::vector<std::uint64_t> shared(64);
  if (!count_shared_in_order(sample.keys.data(), sample.keys.size(), shared.data()))
    throw InvalidInput("codes must ascend");
  return shared;
}

std::vector<std::uint64_t> shared_of(const ByteSample& sample) {
  std::vector<std::uint64_t> shared(sample.bits());
  for (std::size_t i = 1; i < sample.count(); ++i) ++shared[lcp(sample.keys[i - 1], sample.keys[i], sample.width())];
  return shared;
}

bool below(std::uint64_t x, std::uint64_t y) { return x < y; }
bool below(ByteCode x, ByteCode y) { return compare(x, y) < 0; }
std::uint32_t shared_bits(const CodeSample&, std::uint64_t x, std::uint64_t y) { return lcp(x, y); }
std::uint32_t shared_bits(const ByteSample& sample, ByteCode x, ByteCode y) { return lcp(x, y, sample.width()); }

// The first key that is not below x, searched from a key that is below it, in steps that double.
template <typename Keys, typename Code>
std::size_t gallop(const Keys& keys, std::size_t count, std::size_t from, Code x) {
  std::size_t step = 1, low = from;
  while (low + step < count && below(keys[low + step], x)) low += step, step *= 2;
  std::size_t high = std::min(low + step, count);  // keys[low] is below x, keys[high] is not
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (below(keys[middle], x) ? low : high) = middle;
  }
  return high;
}

// Of each code, in ascending order: the place of the first key that is not below it.
std::vector<std::size_t> places(const ByteKeys& keys, const ByteKeys& codes, std::span<const std::uint32_t> order) {
  std::vector<std::size_t> found(order.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const ByteCode code = codes[order[i]];
    if (at < keys.count() && below(keys[at], code)) at = gallop(keys, keys.count(), at, code);
    found[i] = at;
  }
  return found;
}

// Sixteen searches in step, so that they wait for memory together.
std::vector<std::size_t> places(std::span<const std::uint64_t> keys, std::span<const std::uint64_t> codes,
                                std::span<const std::uint32_t> order) {
  constexpr std::size_t kTogether = 16;
  std::vector<std::size_t> found(order.size());
  if (keys.empty()) return found;
  for (std::size_t first = 0; first < order.size(); first += kTogether) {
    const std::size_t count = std::min(kTogether, order.size() - first);
    std::array<std::size_t, kTogether> low{};
    for (std::size_t size = keys.size(); size > 1; size -= size / 2) {
      const std::size_t half = size / 2, next = (size - half) / 2;
      for (std::size_t i = 0; i < count; ++i) {
        low[i] += keys[low[i] + half - 1] < codes[order[first + i]] ? half : 0;
        if (next > 0) __builtin_prefetch(&keys[low[i] + next - 1]);
      }
    }
    for (std::size_t i = 0; i < count; ++i) found[first + i] = low[i] + (keys[low[i]] < codes[order[first + i]]);
  }
  return found;
}

template <typename Source>
std::vector<EmptyQuery> found_empty(const Source& sample) {
  const auto& keys = sample.keys;
  const auto &lo = sample.lo, &hi = sample.hi;
  std::vector<std::uint32_t> order(sample.asked());
  std::iota(order.begin(), order.end(), 0u);
  const auto earlier = [&](std::uint32_t i, std::uint32_t j) { return below(lo[i], lo[j]); };
  if (!std::is_sorted(order.begin(), order.end(), earlier)) std::stable_sort(order.begin(), order.end(), earlier);
  const std::vector<std::size_t> found = places(keys, lo, order);
  std::vector<EmptyQuery> empty;
  empty.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t place = order[i];
    const std::size_t behind = found[i];
    const bool before = behind > 0, after = behind < sample.count();
    if (after && !below(hi[place], keys[behind])) continue;
    empty.push_back({.left = before ? static_cast<std::int32_t>(shared_bits(sample, keys[behind - 1], lo[place])) : -1,
                     .right = after ? static_cast<std::int32_t>(shared_bits(sample, keys[behind], hi[place])) : -1,
                     .within = shared_bits(sample, lo[place], hi[place]),
                     .place = place,
                     .behind = behind,
                     .free = !before || !after});
  }
  return empty;
}

// Bits [from, to) of a code, each turned over if `turned`, as a number, and 1 more: at most kManyPrefixes.
std::uint64_t count_within(ByteCode code, std::uint32_t from, std::uint32_t to, bool turned) {
  constexpr std::uint32_t kStep = 55;
  const auto value = [&](std::uint32_t first, std::uint32_t bits) {
    const std::uint64_t found = bits_of(code, first, bits);
    return turned ? low_mask(bits) - found : found;
  };
  for (; to - from > kStep; from += std::min(kStep, to - from - kStep)) {
    if (value(from, std::min(kStep, to - from - kStep)) != 0) return kManyPrefixes;
  }
  return value(from, to - from) + 1;
}

// The bytes behind those that two codes share.
ByteCode behind(ByteCode code, std::uint32_t bytes) { return code.subspan(std::min<std::size_t>(bytes, code.size())); }

}  // namespace

std::uint64_t ByteSample::whole(const EmptyQuery& query, std::uint32_t bits) const {
  const std::uint32_t same = std::min(query.within, bits) / 8;
  return count_prefixes(behind(lo[query.place], same), behind(hi[query.place], same), bits - 8 * same);
}

std::uint64_t ByteSample::at_left(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const {
  return count_within(lo[query.place], region, bits, true);
}

std::uint64_t ByteSample::at_right(const EmptyQuery& query, std::uint32_t region, std::uint32_t bits) const {
  return count_within(hi[query.place], region, bits, false);
}

KeyStatistics statistics(const Sample& sample) {
  return std::visit(
      [](const auto& source) {
        const bool any = source.count() > 0;
        return KeyStatistics{.common = source.common(),
                             .smallest = any ? source.window(0) : 0,
                             .largest = any ? source.window(source.count() - 1) : 0,
                             .prefixes = prefixes_of(shared_of(source), any),
                             .gaps = gaps_of(source)};
      },
      sample);
}

std::vector<EmptyQuery> empty_queries(const Sample& sample) {
  return std::visit([](const auto& source) { return found_empty(source); }, sample);
}

}  // namespace bh::ranges
