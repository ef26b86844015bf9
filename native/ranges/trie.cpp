#include "ranges/trie.h"

#include <algorithm>
#include <limits>
#include <string>

#include "ranges/section.h"
#include "ranges/words.h"
#include "support/simd.h"

namespace bh::ranges {
namespace {

// Prefixes in order, one after the other, as numbers of bytes: shared with the one before, and kept.
// `shared(i)`: bytes that prefix i has in common with prefix i - 1; `byte(i, level)`.
template <typename Shared, typename Byte>
std::vector<std::uint8_t> build_section(std::size_t count, std::uint32_t bits, Shared shared, Byte byte) {
  const std::uint64_t levels = (bits + 7) / 8;
  const auto depth = [&](std::uint64_t before, std::uint64_t behind) {
    return std::min(levels, 1 + std::max(before, behind));
  };
  LoudsBuilder builder;
  std::vector<std::uint64_t> leaves_by_level;
  for (std::uint64_t i = 0, before = 0; i < count; ++i) {
    const std::uint64_t behind = i + 1 < count ? shared(i + 1) : 0, kept = depth(before, behind);
    builder.add(before, kept, [&](std::uint64_t level) { return byte(i, level); });
    if (leaves_by_level.size() < kept) leaves_by_level.resize(kept);
    ++leaves_by_level[kept - 1];
    before = behind;
  }
  Suffixes suffixes = Suffixes::up_to(bits);
  const LoudsShape shape = builder.shape();
  std::vector<std::uint8_t> section;
  builder.write(shape, section);
  suffixes.set(nullptr, leaves_by_level);
  std::uint8_t* const packed = append_array(section, (suffixes.size(leaves_by_level) + 7) / 8);
  std::vector<std::uint64_t> next(leaves_by_level.size());  // leaf of each level
  for (std::uint64_t level = 1; level < next.size(); ++level)
    next[level] = next[level - 1] + leaves_by_level[level - 1];
  for (std::uint64_t i = 0, before = 0; i < count; ++i) {
    const std::uint64_t behind = i + 1 < count ? shared(i + 1) : 0, kept = depth(before, behind), level = kept - 1;
    std::uint64_t left = suffixes.length(level), at = suffixes.place(next[level]++, level);
    for (std::uint64_t from = kept; left > 0; from += 7) {
      const unsigned taken = left < 56 ? static_cast<unsigned>(left) : 56;
      std::uint64_t value = 0;
      for (std::uint64_t b = from; b < from + 7; ++b) value = value << 8 | (b < levels ? byte(i, b) : 0u);
      xor_bits(packed, at, value >> (56 - taken));
      left -= taken, at += taken;
    }
    before = behind;
  }
  return section;
}

BH_MULTIVERSION Ends meet_in(const Louds& louds, const Suffixes& suffixes, const KeyBytes& a, const KeyBytes& b) {
  TrieWalk walk(louds, suffixes);
  if (!walk.seek(a)) return {};
  Ends ends{};
  ends.first = walk.compare(a) == 0;
  const int order = walk.compare(b);
  if (order == 0) ends.last = true;
  if (order >= 0) return ends;
  if (!ends.first) {
    ends.inside = true;
  } else if (walk.advance()) {
    const int next = walk.compare(b);
    ends.inside = next < 0;
    ends.last = next == 0;
  }
  return ends;
}

}  // namespace

TrieCost trie_cost(std::span<const std::uint64_t> counts, std::uint32_t bits) {
  if (bits == 0) return {};
  const std::uint64_t levels = (bits + 7) / 8;
  // Labels on a level: the nodes of the next, or the prefixes themselves.
  const auto labels = [&](std::uint64_t level) { return counts[level + 1 < levels ? 8 * (level + 1) : bits]; };
  std::uint64_t dense = 0, sparse = 0;
  for (std::uint64_t level = 0; level < levels; ++level) sparse += 10 * labels(level);
  TrieCost cost{std::numeric_limits<std::uint64_t>::max(), 0};
  for (std::uint64_t cut = 0;; ++cut) {
    const std::uint64_t directories = 32 * (dense / 512 + 1) + 32 * (sparse / 5120 + 1) + 32 * (sparse / 640 + 1);
    const std::uint64_t total = dense + sparse + directories + 32 * (23 + levels);
    if (total < cost.bits) cost = {total, cut};
    if (cut == levels) return cost;
    dense += 512 * counts[8 * cut], sparse -= 10 * labels(cut);
  }
}

Trie Trie::build(std::span<const std::uint64_t> codes, std::uint32_t bits) {
  const Storage<std::uint64_t> prefixes = distinct_prefixes(codes, bits);
  const auto code = [&](std::uint64_t i) { return prefixes[i] << (64 - bits); };
  return Trie(build_section(
                  prefixes.size(), bits, [&](std::uint64_t i) { return lcp(code(i - 1), code(i)) / 8; },
                  [&](std::uint64_t i, std::uint64_t level) {
                    return static_cast<unsigned>(code(i) >> (56 - 8 * level) & 255);
                  }),
              bits);
}

Trie Trie::build(const ByteKeys& keys, std::uint32_t bits, std::size_t skip) {
  const auto key = [&](std::uint64_t i) { return keys[i].subspan(std::min(skip, keys[i].size())); };
  std::vector<std::uint32_t> distinct;  // the first key of each prefix
  std::vector<std::uint16_t> shared;    // bytes with the prefix before
  for (std::size_t i = 0; i < keys.count(); ++i) {
    const std::uint32_t common = i > 0 ? lcp(key(i - 1), key(i), keys.width - skip) : 0;
    if (i > 0 && common >= bits) continue;
    distinct.push_back(static_cast<std::uint32_t>(i));
    shared.push_back(static_cast<std::uint16_t>(common / 8));
  }
  return Trie(
      build_section(
          distinct.size(), bits, [&](std::uint64_t i) { return std::uint64_t{shared[i]}; },
          [&](std::uint64_t i, std::uint64_t level) -> unsigned { return KeyBytes(key(distinct[i]), bits)[level]; }),
      bits);
}

Trie Trie::read(std::span<const std::uint8_t> section, std::uint32_t bits) { return Trie(section, bits); }

Trie::Trie(std::vector<std::uint8_t> owned, std::uint32_t bits) : Trie(std::span<const std::uint8_t>(owned), bits) {
  owned_ = std::move(owned);
}

Trie::Trie(std::span<const std::uint8_t> section, std::uint32_t bits)
    : section_(section), bits_(bits), suffixes_(Suffixes::up_to(bits)) {
  SectionReader reader(section);
  std::vector<std::uint64_t> leaves_by_level;
  louds_ = read_louds(reader, (bits + 7) / 8, leaves_by_level);
  const std::uint8_t* packed = reader.bits(suffixes_.size(leaves_by_level), "the suffixes of the trie");
  reader.end("the trie");
  suffixes_.set(packed, leaves_by_level);
  if (!suffixes_.reach(louds_.shape().dense_levels, leaves_by_level)) louds_.forget_dense_leaves();
}

Ends Trie::meet(const KeyBytes& a, const KeyBytes& b) const { return meet_in(louds_, suffixes_, a, b); }

}  // namespace bh::ranges
