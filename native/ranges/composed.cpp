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

void read_approx(FilterReader& reader, Parts& parts, std::uint32_t value_bits) {
  switch (parts.design.approx) {
    case Approx::none: return;
    case Approx::bloom: parts.approx = read_bloom(reader, Tag::bloom); return;
    case Approx::fuse: parts.approx = read_fuse(reader); return;
    case Approx::locality: parts.approx = read_locality(reader, value_bits); return;
  }
}

}  // namespace

std::uint64_t directory_bits(const Parts& parts) {
  std::uint64_t bits = 0;
  if (parts.set) bits += parts.set->directory_bits();
  if (parts.trie) bits += parts.trie->bits() - 8 * parts.trie->section().size();
  if (const auto* hash = approx_of<LocalityHash>(parts)) bits += hash->set().directory_bits();
  return bits;
}

double bound_of(const Parts& parts, std::uint64_t count, std::uint64_t code_bits, std::uint64_t length) {
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

std::vector<Section> sections_of(const Proteus& filter) {
  std::optional<CodeEnds<std::uint64_t>> ends;
  if (filter.bounds()) ends = {filter.bounds()->least, filter.bounds()->greatest};
  std::vector<Section> sections{bounds_section(kCodeBits, ends)};
  const Parts& parts = filter.parts();
  if (parts.design.bucket_width != 0) sections.push_back({Tag::bucket_width, {parts.design.bucket_width}, {}, {}});
  if (parts.set) sections.push_back(section_of(*parts.set));
  if (parts.trie) sections.push_back({Tag::trie, {}, {}, parts.trie->section()});
  if (const auto* bloom = approx_of<Bloom>(parts)) sections.push_back(section_of(Tag::bloom, *bloom));
  if (const auto* fuse = approx_of<Fuse>(parts)) sections.push_back(section_of(*fuse));
  if (const auto* hash = approx_of<LocalityHash>(parts)) sections.push_back(section_of(*hash));
  return sections;
}

Proteus read_proteus(FilterReader& reader) {
  const StoredBounds bounds = read_bounds(reader);
  std::optional<Proteus::Bounds> ends;
  if (bounds.codes) ends = {bounds.codes->smallest, bounds.codes->largest};
  const std::uint64_t count = reader.header().count;
  Parts parts{read_design(reader, bounds.width, ends.has_value() || count == 0)};
  if (count == 0) return Proteus(std::move(parts), 0, ends);
  const Design& design = parts.design;
  parts.exact_bits = design.exact_bits;
  parts.approx_bits = design.approx_bits;
  if (design.exact == Exact::elias_fano) {
    parts.set = read_elias_fano(reader);
    const std::uint64_t apart =
        design.bucket_width != 0 ? (ends->greatest - ends->least) / design.bucket_width
                                 : prefix(ends->greatest, design.exact_bits) - prefix(ends->least, design.exact_bits);
    check(parts.set->shape().largest == apart, "the Elias-Fano set does not end with the largest key");
  }
  if (design.exact == Exact::trie) parts.trie = Trie::read(reader.section(Tag::trie), design.exact_bits);
  read_approx(reader, parts, parts.approx_bits);
  return Proteus(std::move(parts), count, ends);
}

}  // namespace bh::ranges
