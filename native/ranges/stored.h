// A filter with what its bytes say about it. Core is one of the kinds of filters:
//   FilterKind kKind
//   Core::read(FilterReader&)               takes its sections, from the bounds on; throws CorruptData
//   sections() const                        the same, in the order of their tags
//   directory_bits() const                  of what reading makes anew
//   bool may_intersect(a, b) const          closed ranges of 64-bit codes, or of ByteCode
//   bool may_contain(code) const            where a point is not asked for as the range of it alone
//   double bound(length) const              where the rate of every empty range of so many codes has a bound
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ranges/format.h"
#include "ranges/keys.h"

namespace bh::ranges {

// Where the expected rate lies, from so many empty queries of a sample.
struct Interval {
  double low, high;
  std::uint64_t empty, asked;

  Section section() const;
  static Interval read(FilterReader& reader);
};

// The first section of every filter: the width of a code in bits, and, for those that store them, the smallest and the
// largest code.
template <typename Code>
struct CodeEnds {
  Code smallest, largest;
};
Section bounds_section(std::uint64_t width, const std::optional<CodeEnds<std::uint64_t>>& ends);
Section bounds_section(std::uint64_t width, const std::optional<CodeEnds<ByteCode>>& ends);

struct StoredBounds {
  std::uint64_t width;  // bits
  std::optional<CodeEnds<std::uint64_t>> codes;
  std::optional<CodeEnds<std::vector<std::uint8_t>>> bytes;
};
StoredBounds read_bounds(FilterReader& reader);

// A part of what a query may touch.
struct Size {
  std::string name;
  std::uint64_t bytes;
};
std::vector<Size> sizes_of(std::span<const Section> sections, std::uint64_t directory_bits);

template <typename Core>
struct Stored {
  Header header;
  Core core;
  std::optional<Interval> interval{};
  std::shared_ptr<const void> owner{};  // of the bytes that the core borrows

  static Stored read(Bytes bytes, std::shared_ptr<const void> owner = {}) {
    FilterReader reader(bytes, owner);
    check(reader.header().filter == Core::kKind, "they hold a filter of another kind");
    Core core = Core::read(reader);
    std::optional<Interval> interval;
    if (reader.next_is(Tag::interval)) interval = Interval::read(reader);
    reader.finish();
    return {reader.header(), std::move(core), interval, std::move(owner)};
  }
  std::vector<std::uint8_t> write() const { return write_filter(header, sections()); }
  std::vector<Size> parts() const { return sizes_of(sections(), core.directory_bits()); }
  // All that a query may touch.
  std::uint64_t bytes() const { return written_bytes(sections()) + (core.directory_bits() + 7) / 8; }

 private:
  std::vector<Section> sections() const {
    std::vector<Section> sections = core.sections();
    if (interval) sections.push_back(interval->section());
    return sections;
  }
};

// The last code before that of `hi`, which is not 0 and does not end with a zero, as `width` bytes.
void before(ByteCode hi, std::span<std::uint8_t> width_bytes);

}  // namespace bh::ranges
