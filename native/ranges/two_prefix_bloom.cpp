#include "ranges/two_prefix_bloom.h"

#include <algorithm>
#include <array>

#include "ranges/block_sections.h"
#include "ranges/codes.h"

namespace bh::ranges {
namespace {

// The first `bits` bits of a code, counted upwards.
class PrefixBytes {
 public:
  PrefixBytes(ByteCode code, std::size_t width) : size_(width) {
    std::copy(code.begin(), code.end(), bytes_.begin());
    std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(code.size()),
              bytes_.begin() + static_cast<std::ptrdiff_t>(width), std::uint8_t{0});
  }
  ByteCode code() const { return {bytes_.data(), size_}; }
  void next(std::uint32_t bits) {
    std::size_t i = (bits - 1) / 8;
    unsigned sum = bytes_[i] + (1u << (7 - (bits - 1) % 8));
    for (; sum > 255 && i > 0; sum = bytes_[i] + 1u) bytes_[i--] = static_cast<std::uint8_t>(sum);
    bytes_[i] = static_cast<std::uint8_t>(sum);
  }
  // The last code that begins with these bits, or the first.
  void fill(std::uint32_t bits, bool ones) {
    const auto mask = static_cast<std::uint8_t>(0xFF >> bits % 8);
    std::size_t i = bits / 8;
    if (i >= size_) return;
    bytes_[i] = static_cast<std::uint8_t>(ones ? bytes_[i] | mask : bytes_[i] & ~mask);
    std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(i + 1), bytes_.begin() + static_cast<std::ptrdiff_t>(size_),
              static_cast<std::uint8_t>(ones ? 0xFF : 0));
  }

 private:
  std::array<std::uint8_t, kLongestKey> bytes_;
  std::size_t size_;
};

std::vector<std::uint64_t> hashed_prefixes(const ByteKeys& keys, std::uint32_t bits, std::uint64_t seed) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < keys.count(); ++i)
    if (i == 0 || lcp(keys[i - 1], keys[i], keys.width) < bits) hashes.push_back(hash_prefix(keys[i], bits, seed));
  return hashes;
}

Bloom build_bloom(std::span<const std::uint64_t> values, std::uint64_t bits, std::uint64_t seed) {
  // Without bits it would deny all keys, and no keys need none.
  return Bloom::build(values, BloomShape(std::max<std::size_t>(values.size(), 1), std::max<std::uint64_t>(bits, 64)),
                      seed);
}

}  // namespace

TwoPrefixBloom::TwoPrefixBloom(std::uint32_t width, std::uint32_t first_bits, std::uint32_t second_bits,
                               std::optional<std::uint64_t> max_probes, std::uint64_t seed, Bloom first, Bloom second)
    : width_(width),
      first_bits_(first_bits),
      second_bits_(second_bits),
      most_(max_probes.value_or(kMostProbes)),
      first_seed_(part_seed(seed, Tag::bloom)),
      second_seed_(part_seed(seed, Tag::second_bloom)),
      first_(std::move(first)),
      second_(std::move(second)) {}

TwoPrefixBloom TwoPrefixBloom::build(std::span<const std::uint64_t> codes, const TwoPrefixes& design,
                                     std::uint64_t parts_bits, std::optional<std::uint64_t> max_probes,
                                     std::uint64_t seed) {
  const std::uint64_t bits = parts_bits * design.share / 16;
  return {
      kCodeBits,
      design.first_bits,
      design.second_bits,
      max_probes,
      seed,
      build_bloom(distinct_prefixes(codes, design.first_bits), bits, part_seed(seed, Tag::bloom)),
      build_bloom(distinct_prefixes(codes, design.second_bits), parts_bits - bits, part_seed(seed, Tag::second_bloom))};
}

TwoPrefixBloom TwoPrefixBloom::build(const ByteKeys& keys, const TwoPrefixes& design, std::uint64_t parts_bits,
                                     std::optional<std::uint64_t> max_probes, std::uint64_t seed) {
  const std::uint64_t bits = parts_bits * design.share / 16;
  const std::uint64_t first = part_seed(seed, Tag::bloom), second = part_seed(seed, Tag::second_bloom);
  return {keys.bits(),
          design.first_bits,
          design.second_bits,
          max_probes,
          seed,
          build_bloom(hashed_prefixes(keys, design.first_bits, first), bits, first),
          build_bloom(hashed_prefixes(keys, design.second_bits, second), parts_bits - bits, second)};
}

TwoPrefixBloom TwoPrefixBloom::read(FilterReader& reader) {
  const StoredBounds bounds = read_bounds(reader);
  check(!bounds.codes && !bounds.bytes, "a two-prefix Bloom filter stores no smallest key");
  const Header& header = reader.header();
  const Design& design = header.design;
  check(design.exact == Exact::none && design.approx == Approx::bloom && design.bucket_width == 0,
        "a two-prefix Bloom filter has other parts");
  check(0 < design.exact_bits && design.exact_bits < design.approx_bits, "its first prefixes are not the shorter ones");
  Bloom first = read_bloom(reader, Tag::bloom), second = read_bloom(reader, Tag::second_bloom);
  return {static_cast<std::uint32_t>(bounds.width),
          design.exact_bits,
          design.approx_bits,
          design.max_probes,
          header.seed,
          std::move(first),
          std::move(second)};
}

std::vector<Section> TwoPrefixBloom::sections() const {
  return {bounds_section(width_, std::optional<CodeEnds<std::uint64_t>>()), section_of(Tag::bloom, first_),
          section_of(Tag::second_bloom, second_)};
}

bool TwoPrefixBloom::may_intersect(std::uint64_t a, std::uint64_t b) const {
  if (count_prefixes(a, b, first_bits_) >= most_) return true;
  const std::uint64_t last = prefix(b, first_bits_);
  std::uint64_t left = kMostProbes;  // in all regions together
  for (std::uint64_t region = prefix(a, first_bits_);; ++region) {
    if (first_.has(region)) {
      const std::uint64_t begin = region << (kCodeBits - first_bits_);
      const std::uint64_t from = std::max(a, begin), to = std::min(b, last_of(begin, first_bits_));
      const std::uint64_t prefixes = count_prefixes(from, to, second_bits_);
      if (prefixes >= std::min(most_, left)) return true;
      left -= prefixes;
      if (second_.any(prefix(from, second_bits_), prefix(to, second_bits_))) return true;
    }
    if (region == last) return false;
  }
}

bool TwoPrefixBloom::may_intersect(ByteCode a, ByteCode b) const {
  const std::size_t width = width_ / 8;
  const std::uint64_t regions = count_prefixes(a, b, first_bits_);
  if (regions >= most_) return true;
  PrefixBytes region(a, width);
  std::uint64_t left = kMostProbes;  // in all regions together
  for (std::uint64_t i = 0; i < regions; ++i, region.next(first_bits_)) {
    if (!first_.has(hash_prefix(region.code(), first_bits_, first_seed_))) continue;
    PrefixBytes from = region, to = region;
    if (i > 0) from.fill(first_bits_, false);
    to.fill(first_bits_, true);
    const ByteCode end = i + 1 == regions ? b : to.code();
    const std::uint64_t prefixes = count_prefixes(from.code(), end, second_bits_);
    if (prefixes >= std::min(most_, left)) return true;
    left -= prefixes;
    for (std::uint64_t j = 0; j < prefixes; ++j, from.next(second_bits_))
      if (second_.has(hash_prefix(from.code(), second_bits_, second_seed_))) return true;
  }
  return false;
}

}  // namespace bh::ranges
