#include "ranges/composed.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ranges/block_sections.h"
#include "ranges/codes.h"
#include "support/errors.h"

namespace bh::ranges {
namespace {

template <typename Set>
const Set* approx_of(const Parts& parts) {
  return std::get_if<Set>(&parts.approx);
}

std::uint64_t read_bucket_width(FilterReader& reader) {
  if (!reader.next_is(Tag::bucket_width)) return 0;
  SectionReader section(reader.section(Tag::bucket_width));
  const std::uint64_t width = section.scalar("the width of buckets");
  section.end("the width of buckets");
  check(width > 0, "buckets have no width");
  return width;
}

Design read_design(FilterReader& reader, std::uint64_t code_bits, bool bounded) {
  Design design = reader.header().design;
  design.bucket_width = read_bucket_width(reader);
  try {
    check_design(design, static_cast<std::uint32_t>(code_bits));
  } catch (const InvalidInput& error) {
    corrupt_section(std::string("their ") + error.what());
  }
  check(bounded || design.exact != Exact::elias_fano, "an Elias-Fano set needs the smallest and the largest key");
  return design;
}

// What the keys have in common, and the 64 bits behind that of the smallest and of the largest one.
struct Region {
  std::uint32_t code_bits, skipped;
  std::uint64_t smallest, largest;
};

void read_approx(FilterReader& reader, Parts& parts, std::uint32_t value_bits) {
  switch (parts.design.approx) {
    case Approx::none: return;
    case Approx::bloom: parts.approx = read_bloom(reader, Tag::bloom); return;
    case Approx::fuse: parts.approx = read_fuse(reader); return;
    case Approx::locality: parts.approx = read_locality(reader, value_bits); return;
  }
}

void read_parts(FilterReader& reader, Parts& parts, const Region& region) {
  const Design& design = parts.design;
  parts.exact_bits = beyond(design.exact_bits, region.skipped);
  parts.approx_bits = beyond(design.approx_bits, region.skipped);
  const bool has_exact = parts.exact_bits != 0 || design.bucket_width != 0;
  if (design.exact == Exact::elias_fano && has_exact) {
    check(parts.exact_bits <= 64, "an Elias-Fano set has prefixes that go on behind 64 bits");
    parts.set = read_elias_fano(reader);
    const std::uint64_t apart =
        design.bucket_width != 0 ? (region.largest - region.smallest) / design.bucket_width
                                 : prefix(region.largest, parts.exact_bits) - prefix(region.smallest, parts.exact_bits);
    check(parts.set->shape().largest == apart, "the Elias-Fano set does not end with the largest key");
  }
  if (design.exact == Exact::trie && has_exact)
    parts.trie = Trie::read(reader.section(Tag::trie), design.exact_bits - region.skipped / 8 * 8);
  if (parts.approx_bits != 0) read_approx(reader, parts, parts.approx_bits);
}

Section bounds_of(const Proteus& filter) {
  std::optional<CodeEnds<std::uint64_t>> ends;
  if (filter.bounds()) ends = {filter.bounds()->least, filter.bounds()->greatest};
  return bounds_section(kCodeBits, ends);
}

Section bounds_of(const ByteProteus& filter) {
  std::optional<CodeEnds<ByteCode>> ends;
  if (filter.bounds()) ends = {filter.bounds()->least, filter.bounds()->greatest};
  return bounds_section(8 * filter.width(), ends);
}

std::uint64_t code_bits_of(const Proteus&) { return kCodeBits; }
std::uint64_t code_bits_of(const ByteProteus& filter) { return 8 * filter.width(); }

}  // namespace

std::uint64_t directory_bits(const Parts& parts) {
  std::uint64_t bits = 0;
  if (parts.set) bits += parts.set->directory_bits();
  if (parts.trie) bits += parts.trie->bits() - 8 * parts.trie->section().size();
  if (const auto* hash = approx_of<LocalityHash>(parts)) bits += hash->set().directory_bits();
  return bits;
}

double bound_of(const AnyProteus& filter, std::uint64_t length) {
  const auto [count, code_bits] =
      std::visit([](const auto& found) { return std::pair{found.count(), code_bits_of(found)}; }, filter);
  const Parts& parts = std::visit([](const auto& found) -> const Parts& { return found.parts(); }, filter);
  const Design& design = parts.design;
  if (count == 0 || design.exact_bits == code_bits || design.bucket_width == 1) return 0;
  if (design.approx_bits != code_bits) return 1;  // a range can lie beside a key, in its prefix
  const auto codes = static_cast<double>(length), keys = static_cast<double>(count);
  if (const auto* hash = approx_of<LocalityHash>(parts))
    return std::min(1.0, codes * keys / static_cast<double>(hash->shape().modulus));
  if (length >= probe_cap(design)) return 1;
  if (const auto* bloom = approx_of<Bloom>(parts)) return std::min(1.0, codes * bloom->shape().rate(count));
  if (const auto* fuse = approx_of<Fuse>(parts)) return std::min(1.0, codes * fuse->shape().rate());
  return 1;
}

std::vector<Section> sections_of(const AnyProteus& filter) {
  std::vector<Section> sections{std::visit([](const auto& found) { return bounds_of(found); }, filter)};
  const Parts& parts = std::visit([](const auto& found) -> const Parts& { return found.parts(); }, filter);
  if (parts.design.bucket_width != 0) sections.push_back({Tag::bucket_width, {parts.design.bucket_width}, {}, {}});
  if (parts.set) sections.push_back(section_of(*parts.set));
  if (parts.trie) sections.push_back({Tag::trie, {}, {}, parts.trie->section()});
  if (const auto* bloom = approx_of<Bloom>(parts)) sections.push_back(section_of(Tag::bloom, *bloom));
  if (const auto* fuse = approx_of<Fuse>(parts)) sections.push_back(section_of(*fuse));
  if (const auto* hash = approx_of<LocalityHash>(parts)) sections.push_back(section_of(*hash));
  return sections;
}

AnyProteus read_proteus(FilterReader& reader) {
  StoredBounds bounds = read_bounds(reader);
  const std::uint64_t count = reader.header().count;
  const bool bounded = bounds.codes || bounds.bytes;
  Parts parts{read_design(reader, bounds.width, bounded || count == 0)};
  if (!is_textual(reader.header().keys)) {
    std::optional<Proteus::Bounds> ends;
    if (bounds.codes) ends = {bounds.codes->smallest, bounds.codes->largest};
    if (count > 0) {
      const Region region{kCodeBits, 0, ends ? ends->least : 0, ends ? ends->greatest : 0};
      read_parts(reader, parts, region);
    }
    return Proteus(std::move(parts), count, ends);
  }
  const std::size_t width = bounds.width / 8;
  std::optional<ByteProteus::Bounds> ends;
  if (bounds.bytes) ends = {std::move(bounds.bytes->smallest), std::move(bounds.bytes->largest)};
  if (count > 0) {
    const std::uint32_t skipped = ByteProteus::skipped(ends, width);
    const Region region{static_cast<std::uint32_t>(bounds.width), skipped, ends ? window(ends->least, skipped) : 0,
                        ends ? window(ends->greatest, skipped) : 0};
    read_parts(reader, parts, region);
  }
  return ByteProteus(std::move(parts), count, width, reader.header().seed, std::move(ends));
}

}  // namespace bh::ranges
