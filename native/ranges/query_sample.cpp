#include "ranges/query_sample.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace bh::ranges {

namespace {

// Several histograms side by side, as increments of one counter in a row wait for each other.
constexpr std::size_t kLanes = 4;

std::vector<std::uint64_t> prefixes_of(std::span<const std::uint64_t> shared, bool any) {
  std::vector<std::uint64_t> found(shared.size() + 1, any ? 1 : 0);
  for (std::size_t l = 1; l < found.size() && any; ++l) found[l] = found[l - 1] + shared[l - 1];
  return found;
}

KeyStatistics counted(const CodeSample& sample) {
  const auto keys = sample.keys;
  std::array<Gaps, kLanes> lanes;
  std::array<std::array<std::uint64_t, 64>, kLanes> shared{};
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const std::size_t lane = i % kLanes;
    const std::uint64_t gap = keys[i] - keys[i - 1];
    const auto length = static_cast<std::size_t>(std::bit_width(gap));
    ++shared[lane][lcp(keys[i - 1], keys[i]) & 63];
    ++lanes[lane].count[length];
    lanes[lane].sum[length] += gap;
  }
  KeyStatistics found;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t l = 0; l < 64 && lane > 0; ++l) shared[0][l] += shared[lane][l];
    for (std::size_t l = 0; l <= 64; ++l) {
      found.gaps.count[l] += lanes[lane].count[l];
      found.gaps.sum[l] += lanes[lane].sum[l];
    }
  }
  found.prefixes = prefixes_of(shared[0], !keys.empty());
  return found;
}

KeyStatistics counted(const ByteSample& sample) {
  KeyStatistics found;
  const std::uint32_t common = sample.common();
  std::vector<std::uint64_t> shared(sample.bits());
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < sample.count(); ++i) {
    const std::uint64_t window = bits_of(sample.keys[i], common, 64);
    if (i > 0) {
      ++shared[lcp(sample.keys[i - 1], sample.keys[i], sample.width())];
      const std::uint64_t gap = window - before;
      const auto length = static_cast<std::size_t>(std::bit_width(gap));
      ++found.gaps.count[length];
      found.gaps.sum[length] += gap;
    }
    before = window;
  }
  found.common = common;
  found.prefixes = prefixes_of(shared, sample.count() > 0);
  return found;
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

template <typename Source>
std::vector<EmptyQuery> found_empty(const Source& sample) {
  const auto& [keys, lo, hi] = sample;
  const std::size_t count = sample.count();
  std::vector<std::uint32_t> order(sample.asked());
  std::iota(order.begin(), order.end(), 0u);
  const auto earlier = [&](std::uint32_t i, std::uint32_t j) { return below(lo[i], lo[j]); };
  if (!std::is_sorted(order.begin(), order.end(), earlier)) std::stable_sort(order.begin(), order.end(), earlier);
  std::vector<EmptyQuery> found;
  found.reserve(order.size());
  std::size_t behind = 0;
  for (const std::uint32_t place : order) {
    const auto a = lo[place], b = hi[place];
    if (behind < count && below(keys[behind], a)) behind = gallop(keys, count, behind, a);
    if (behind < count && !below(b, keys[behind])) continue;
    const bool before = behind > 0, after = behind < count;
    found.push_back({.left = before ? static_cast<std::int32_t>(shared_bits(sample, keys[behind - 1], a)) : -1,
                     .right = after ? static_cast<std::int32_t>(shared_bits(sample, keys[behind], b)) : -1,
                     .within = shared_bits(sample, a, b),
                     .place = place,
                     .behind = behind,
                     .free = !before || !after});
  }
  return found;
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
        KeyStatistics found = counted(source);
        if (source.count() > 0) {
          found.smallest = source.window(0);
          found.largest = source.window(source.count() - 1);
        }
        return found;
      },
      sample);
}

std::vector<EmptyQuery> empty_queries(const Sample& sample) {
  return std::visit([](const auto& source) { return found_empty(source); }, sample);
}

}  // namespace bh::ranges
