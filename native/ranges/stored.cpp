#include "ranges/stored.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bh::ranges {

Section Interval::section() const {
  return {Tag::interval, {std::bit_cast<std::uint64_t>(low), std::bit_cast<std::uint64_t>(high), empty, asked}, {}, {}};
}

Interval Interval::read(FilterReader& reader) {
  SectionReader section(reader.section(Tag::interval));
  Interval interval{};
  interval.low = std::bit_cast<double>(section.scalar("the interval"));
  interval.high = std::bit_cast<double>(section.scalar("the interval"));
  interval.empty = section.scalar("the interval");
  interval.asked = section.scalar("the interval");
  section.end("the interval");
  const double expected = reader.header().expected;
  check(interval.low >= 0 && !std::signbit(interval.low) && interval.low <= expected && expected <= interval.high &&
            interval.high <= 1,
        "the expected rate is not in its interval");
  check(0 < interval.empty && interval.empty <= interval.asked, "the sample has no empty query");
  return interval;
}

Section bounds_section(std::uint64_t width, const std::optional<CodeEnds<std::uint64_t>>& ends) {
  Section section{Tag::bounds, {width}, {}, {}};
  if (ends) section.scalars.insert(section.scalars.end(), {ends->smallest, ends->largest});
  return section;
}

Section bounds_section(std::uint64_t width, const std::optional<CodeEnds<ByteCode>>& ends) {
  Section section{Tag::bounds, {width}, {}, {}};
  if (!ends) return section;
  section.scalars.insert(section.scalars.end(), {ends->smallest.size(), ends->largest.size()});
  section.arrays = {ends->smallest, ends->largest};
  return section;
}

StoredBounds read_bounds(FilterReader& reader) {
  const auto bytes = reader.section(Tag::bounds);
  SectionReader section(bytes);
  const Header& header = reader.header();
  const bool text = is_textual(header.keys);
  StoredBounds bounds{section.scalar("the width"), {}, {}};
  check(text ? bounds.width % 8 == 0 && bounds.width >= 8 && bounds.width <= 8 * kLongestKey : bounds.width == 64,
        "their codes have a width that none have");
  check(std::max(header.design.exact_bits, header.design.approx_bits) <= bounds.width,
        "their prefixes are longer than a code");
  const bool has_ends = bytes.size() > 8;
  check(!has_ends || header.count > 0, "they have a smallest key, but no keys");
  if (has_ends && text) {
    const std::uint64_t first = section.scalar("the smallest key"), last = section.scalar("the largest key");
    check(std::max(first, last) <= bounds.width / 8, "a bound is longer than a code");
    const std::uint8_t* const smallest = section.array(first, "the smallest key");
    const std::uint8_t* const largest = section.array(last, "the largest key");
    bounds.bytes = {{smallest, smallest + first}, {largest, largest + last}};
    for (const auto& bound : {bounds.bytes->smallest, bounds.bytes->largest})
      check(bound.empty() || bound.back() != 0, "a bound ends with a zero");
    check(compare(bounds.bytes->smallest, bounds.bytes->largest) <= 0, "the smallest key is above the largest");
  } else if (has_ends) {
    const std::uint64_t smallest = section.scalar("the smallest key");
    bounds.codes = {smallest, section.scalar("the largest key")};
    check(bounds.codes->smallest <= bounds.codes->largest, "the smallest key is above the largest");
  }
  section.end("the bounds");
  return bounds;
}

std::vector<Size> sizes_of(std::span<const Section> sections, std::uint64_t directory_bits) {
  std::vector<Size> sizes;
  std::uint64_t rest = written_bytes(sections);
  for (const Section& section : sections) {
    if (section.tag == Tag::bounds || section.tag == Tag::interval) continue;
    sizes.push_back({name_of(section.tag), section.size()});
    rest -= section.size();
  }
  if (directory_bits > 0) sizes.push_back({"directories", (directory_bits + 7) / 8});
  sizes.push_back({"header, bounds and padding", rest});
  return sizes;
}

void before(ByteCode hi, std::span<std::uint8_t> width_bytes) {
  const auto rest = std::copy(hi.begin(), hi.end(), width_bytes.begin());
  --rest[-1];
  std::fill(rest, width_bytes.end(), std::uint8_t{0xFF});
}

}  // namespace bh::ranges
