#include "ranges/surf.h"

#include <algorithm>
#include <string>

#include "ranges/section.h"
#include "ranges/words.h"
#include "support/hash.h"
#include "support/simd.h"

namespace bh::ranges {
namespace {

BH_MULTIVERSION bool meets(const Louds& louds, const Suffixes& suffixes, const KeyBytes& a, const KeyBytes& b) {
  TrieWalk walk(louds, suffixes);
  return walk.seek(a) && walk.compare(b) <= 0;
}

// Keys that are one code have one hash: zeros at the end do not count.
std::uint64_t hash_of(ByteCode key, std::uint64_t seed) { return hash64(std::as_bytes(stripped(key)), seed); }

std::uint64_t low_bits(std::uint64_t hash, std::uint32_t bits) { return hash & ((std::uint64_t{1} << bits) - 1); }

}  // namespace

template <typename Shared, typename Key>
Surf Surf::build(std::size_t count, std::size_t width, const SurfOptions& options, Shared shared, Key key) {
  LoudsBuilder builder;
  std::vector<std::uint64_t> leaves_by_level;
  std::vector<std::uint16_t> kept(count);
  for (std::uint64_t i = 0, before = 0; i < count; ++i) {
    const std::uint64_t behind = i + 1 < count ? shared(i + 1) : 0, depth = 1 + std::max(before, behind);
    builder.add(before, depth, [&](std::uint64_t level) { return KeyBytes(key(i), 8 * width)[level]; });
    if (leaves_by_level.size() < depth) leaves_by_level.resize(depth);
    ++leaves_by_level[depth - 1];
    kept[i] = static_cast<std::uint16_t>(depth);
    before = behind;
  }
  const LoudsShape shape = builder.shape();
  std::vector<std::uint8_t> trie;
  builder.write(shape, trie);

  const auto section = [&](std::uint32_t bits) {
    std::vector<std::uint8_t> suffixes;
    append_scalar(suffixes, static_cast<std::uint64_t>(options.suffix)), append_scalar(suffixes, bits);
    append_array(suffixes, (count * bits + 7) / 8);
    return suffixes;
  };
  const std::uint64_t seed = part_seed(options.seed, Tag::suffix);
  std::uint32_t bits = options.suffix_bits.value_or(0);
  if (options.suffix == Suffix::none) bits = 0;
  if (options.suffix != Suffix::none && !options.suffix_bits && count > 0) {
    std::vector<std::uint8_t> none = section(1);  // with directories, but without the suffixes themselves
    const std::uint64_t bare = Surf(trie, none, width, seed).bits() - 8 * ((count + 7) / 8);
    const std::uint64_t left = options.budget_bits > bare ? options.budget_bits - bare : 0;
    bits = static_cast<std::uint32_t>(std::min<std::uint64_t>(left / count, kMostBits));
  }
  std::vector<std::uint8_t> suffixes = section(bits);
  std::uint8_t* const packed = suffixes.data() + 16;
  std::vector<std::uint64_t> next(leaves_by_level.size());  // leaf of each level
  for (std::size_t l = 1; l < next.size(); ++l) next[l] = next[l - 1] + leaves_by_level[l - 1];
  for (std::uint64_t i = 0; bits > 0 && i < count; ++i) {
    const std::uint64_t value = options.suffix == Suffix::hash ? low_bits(hash_of(key(i), seed), bits)
                                                               : KeyBytes(key(i), 8 * width).number(kept[i], bits);
    xor_bits(packed, bits * next[kept[i] - 1]++, value);
  }
  Surf surf(trie, suffixes, width, seed);
  surf.owned_trie_ = std::move(trie), surf.owned_suffixes_ = std::move(suffixes);
  return surf;
}

Surf Surf::build(std::span<const std::uint64_t> codes, const SurfOptions& options) {
  CodeBytes bytes(0);
  return build(
      codes.size(), 8, options, [&](std::uint64_t i) { return lcp(codes[i - 1], codes[i]) / 8; },
      [&](std::uint64_t i) {
        bytes = CodeBytes(codes[i]);
        return bytes.span();
      });
}

Surf Surf::build(const ByteKeys& keys, const SurfOptions& options) {
  return build(
      keys.count(), keys.width, options, [&](std::uint64_t i) { return lcp(keys[i - 1], keys[i], keys.width) / 8; },
      [&](std::uint64_t i) { return keys[i]; });
}

Surf Surf::read(std::span<const std::uint8_t> trie, std::span<const std::uint8_t> suffixes, std::size_t width,
                std::uint64_t seed) {
  return Surf(trie, suffixes, width, part_seed(seed, Tag::suffix));
}

Surf::Surf(std::span<const std::uint8_t> trie, std::span<const std::uint8_t> suffixes, std::size_t width,
           std::uint64_t seed)
    : trie_(trie), packed_(suffixes), width_(width), seed_(seed) {
  SectionReader reader(trie);
  std::vector<std::uint64_t> leaves_by_level;
  louds_ = read_louds(reader, width, leaves_by_level);
  reader.end("the trie");
  SectionReader suffix_reader(suffixes);
  const std::uint64_t kind = suffix_reader.scalar("the suffixes"), bits = suffix_reader.scalar("the suffixes");
  if (kind > 2 || bits > kMostBits || (kind == 0 && bits > 0)) corrupt_section("there are no such suffixes");
  suffix_ = static_cast<Suffix>(kind), suffix_bits_ = static_cast<std::uint32_t>(bits);
  suffixes_ = Suffixes::fixed(suffix_bits_);
  suffixes_.set(suffix_reader.bits(suffixes_.size(leaves_by_level), "the suffixes"), leaves_by_level);
  suffix_reader.end("the suffixes");
  if (bits == 0) louds_.forget_dense_leaves();
}

Surf Surf::read(FilterReader& reader) {
  const StoredBounds bounds = read_bounds(reader);
  check(!bounds.codes && !bounds.bytes, "SuRF stores no smallest key");
  check(reader.header().design == Design{}, "SuRF has no such parts");
  const auto trie = reader.section(Tag::trie), suffixes = reader.section(Tag::suffix);
  Surf surf = read(trie, suffixes, bounds.width / 8, reader.header().seed);
  check(surf.count() == reader.header().count, "SuRF has another number of keys than it says");
  return surf;
}

std::vector<Section> Surf::sections() const {
  return {bounds_section(8 * width_, std::optional<CodeEnds<std::uint64_t>>()),
          {Tag::trie, {}, {}, trie_},
          {Tag::suffix, {}, {}, packed_}};
}

bool Surf::contains(const KeyBytes& key, ByteCode bytes) const {
  if (suffix_ != Suffix::hash || suffix_bits_ == 0) return meets(louds_, suffixes_, key, key);
  TrieWalk walk(louds_, no_suffixes_);
  if (!walk.seek(key) || walk.compare(key) != 0) return false;
  return suffixes_.value(walk.leaf(), walk.level()) == low_bits(hash_of(bytes, seed_), suffix_bits_);
}

bool Surf::intersects(const KeyBytes& a, const KeyBytes& b) const {
  return meets(louds_, suffix_ == Suffix::real ? suffixes_ : no_suffixes_, a, b);
}

}  // namespace bh::ranges
