#include "ranges/keys.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#include "support/hash.h"

namespace bh::ranges {
namespace {

bool is_zero(ByteCode bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::uint32_t byte_at(ByteCode code, std::size_t i) { return i < code.size() ? code[i] : 0; }

// Eight bytes from byte i on, the first one highest.
std::uint64_t word_at(ByteCode code, std::size_t i) {
  std::uint64_t word = 0;
  if (i >= code.size()) return 0;
  std::memcpy(&word, code.data() + i, std::min<std::size_t>(8, code.size() - i));
  return __builtin_bswap64(word);
}

}  // namespace

int compare(ByteCode x, ByteCode y) {
  const std::size_t common = std::min(x.size(), y.size());
  const int order = common == 0 ? 0 : std::memcmp(x.data(), y.data(), common);
  if (order != 0) return order;
  return static_cast<int>(!is_zero(x.subspan(common))) - static_cast<int>(!is_zero(y.subspan(common)));
}

std::uint32_t lcp(ByteCode x, ByteCode y, std::size_t width) {
  for (std::size_t i = 0; i < width; i += 8) {
    const std::uint64_t differ = word_at(x, i) ^ word_at(y, i);
    if (differ != 0) return static_cast<std::uint32_t>(8 * i) + static_cast<std::uint32_t>(std::countl_zero(differ));
  }
  return static_cast<std::uint32_t>(8 * width);
}

std::uint64_t bits_of(ByteCode code, std::uint32_t first, std::uint32_t count) {
  if (count == 0) return 0;
  const std::uint32_t shift = first % 8;
  std::uint64_t word = word_at(code, first / 8) << shift;
  if (shift != 0) word |= byte_at(code, first / 8 + 8) >> (8 - shift);
  return word >> (64 - count);
}

std::uint64_t count_prefixes(ByteCode a, ByteCode b, std::uint32_t bits) {
  std::uint64_t apart = 0;
  for (std::uint32_t i = 0; i < bits; i += 8) {
    const std::uint32_t taken = std::min<std::uint32_t>(8, bits - i), left = 8 - taken;
    apart = (apart << taken) + (byte_at(b, i / 8) >> left) - (byte_at(a, i / 8) >> left);
    if (apart >= kManyPrefixes) return kManyPrefixes;
  }
  return std::min(apart + 1, kManyPrefixes);
}

std::uint64_t hash_prefix(ByteCode code, std::uint32_t bits, std::uint64_t seed) {
  const std::size_t size = (bits + 7) / 8;
  if (bits % 8 == 0 && size <= code.size()) return hash64(std::as_bytes(code.first(size)), seed);
  std::array<std::uint8_t, kLongestKey> padded;
  const std::size_t copied = std::min(size, code.size());
  std::copy_n(code.begin(), copied, padded.begin());
  std::fill(padded.begin() + copied, padded.begin() + size, std::uint8_t{0});
  if (bits % 8 != 0 && size > 0) padded[size - 1] &= static_cast<std::uint8_t>(0xFF00 >> bits % 8);
  return hash64(std::as_bytes(std::span(padded).first(size)), seed);
}

bool strictly_ascend(const ByteKeys& keys) {
  for (std::size_t i = 1; i < keys.count(); ++i)
    if (compare(keys[i - 1], keys[i]) >= 0) return false;
  return true;
}

OwnedByteKeys sorted_distinct(std::span<const std::uint64_t> offsets, const std::uint8_t* data, std::size_t width) {
  const ByteKeys keys{offsets, data, width};
  const auto cut = [&](std::size_t i) { return keys[i].first(std::min(keys[i].size(), width)); };
  std::vector<std::uint32_t> order(keys.count());
  std::iota(order.begin(), order.end(), 0u);
  const auto before = [&](std::uint32_t i, std::uint32_t j) { return compare(cut(i), cut(j)) < 0; };
  if (!std::is_sorted(order.begin(), order.end(), before)) std::sort(order.begin(), order.end(), before);
  OwnedByteKeys sorted{{0}, {}, width};
  sorted.offsets.reserve(order.size() + 1);
  sorted.data.reserve(offsets.empty() ? 0 : offsets.back() - offsets.front());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && compare(cut(order[i - 1]), cut(order[i])) == 0) continue;
    const ByteCode key = cut(order[i]);
    sorted.data.insert(sorted.data.end(), key.begin(), key.end());
    sorted.offsets.push_back(sorted.data.size());
  }
  return sorted;
}

}  // namespace bh::ranges
