#include "ranges/block_sections.h"

#include <limits>

#include "ranges/codes.h"

namespace bh::ranges {
namespace {

constexpr std::uint64_t kMostValues = std::numeric_limits<std::uint32_t>::max();

std::uint64_t most(std::uint64_t value, std::uint64_t limit, const char* otherwise) {
  check(value <= limit, otherwise);
  return value;
}

void append(const EliasFano& set, Section& section) {
  section.scalars.insert(section.scalars.end(), {set.shape().values, set.shape().largest});
  section.arrays = {set.lows().bytes(), set.highs().bytes()};
}

EliasFano read_set(FilterReader& reader, SectionReader& section) {
  const std::uint64_t values = section.scalar("an Elias-Fano set"), largest = section.scalar("an Elias-Fano set");
  check(values >= 1 && values <= kMostValues && values - 1 <= largest, "an Elias-Fano set has no values, or too many");
  const EliasFanoShape shape(values, largest);
  Payload lows = reader.payload(section, shape.lows_bits(), "the low bits of an Elias-Fano set");
  Payload highs = reader.payload(section, shape.highs_bits(), "the buckets of an Elias-Fano set");
  section.end("an Elias-Fano set");
  return EliasFano::load(shape, std::move(lows), std::move(highs));
}

}  // namespace

Section section_of(const EliasFano& set) {
  Section section{Tag::elias_fano, {}, {}, {}};
  append(set, section);
  return section;
}

EliasFano read_elias_fano(FilterReader& reader) {
  SectionReader section(reader.section(Tag::elias_fano));
  return read_set(reader, section);
}

Section section_of(Tag tag, const Bloom& filter) {
  return {tag, {filter.shape().bits, filter.shape().probes}, {filter.payload().bytes()}, {}};
}

Bloom read_bloom(FilterReader& reader, Tag tag) {
  SectionReader section(reader.section(tag));
  BloomShape shape;
  shape.bits = most(section.scalar("a Bloom filter"), Bloom::kMostBits, "a Bloom filter is too large");
  shape.probes = static_cast<std::uint32_t>(
      most(section.scalar("a Bloom filter"), Bloom::kMostProbes, "a Bloom filter has too many probes"));
  Payload payload = reader.payload(section, shape.bits, "a Bloom filter");
  section.end("a Bloom filter");
  return Bloom::load(shape, part_seed(reader.header().seed, tag), std::move(payload));
}

Section section_of(const Fuse& filter) {
  const FuseShape& shape = filter.shape();
  return {Tag::fuse,
          {shape.values, shape.segments, shape.segment_log, shape.block_log, shape.bits, shape.covered, filter.seed()},
          {filter.slots().bytes(), filter.plane().bytes()},
          {}};
}

Fuse read_fuse(FilterReader& reader) {
  SectionReader section(reader.section(Tag::fuse));
  const auto take = [&](std::uint64_t limit) {
    return most(section.scalar("a fuse filter"), limit, "a fuse filter has a parameter that none is built with");
  };
  FuseShape shape;
  shape.values = take(kMostValues);
  shape.segments = take(std::uint64_t{1} << 40);
  shape.segment_log = static_cast<std::uint32_t>(take(18));
  shape.block_log = static_cast<std::uint32_t>(take(4));
  shape.bits = static_cast<std::uint32_t>(take(32));
  shape.covered = take(shape.segments + 3);
  const std::uint64_t seed = section.scalar("a fuse filter");
  Payload slots = reader.payload(section, shape.slots_bits(), "the slots of a fuse filter");
  Payload plane = reader.payload(section, shape.plane_bits(), "the plane of a fuse filter");
  section.end("a fuse filter");
  return Fuse::load(shape, seed, std::move(slots), std::move(plane));
}

Section section_of(const LocalityHash& filter) {
  Section section{Tag::locality, {filter.shape().modulus, filter.shape().block_log}, {}, {}};
  append(filter.set(), section);
  return section;
}

LocalityHash read_locality(FilterReader& reader, std::uint32_t value_bits) {
  SectionReader section(reader.section(Tag::locality));
  const std::uint64_t modulus = section.scalar("a locality hash"), block_log = section.scalar("a locality hash");
  check(modulus >= 1 && modulus <= LocalityShape::kMostModulus,
        "a locality hash has a modulus that none is built with");
  const LocalityShape shape(modulus, value_bits);
  check(block_log == shape.block_log, "a locality hash has blocks of a size that none is built with");
  EliasFano set = read_set(reader, section);
  return LocalityHash::load(shape, value_bits, part_seed(reader.header().seed, Tag::locality), std::move(set));
}

}  // namespace bh::ranges
