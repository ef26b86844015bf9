// The bytes of range filters and of policies, version 1: a header of 64 bytes, a table of tagged sections, and the
// sections in the order of their tags. Only payload is stored: what helps to search it is made again on loading.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "ranges/design.h"
#include "ranges/payload.h"
#include "ranges/section.h"
#include "support/bytes.h"

namespace bh::ranges {

enum class FilterKind : std::uint8_t { policy, proteus, surf, rosetta, two_prefix_bloom, prefix_bloom, locality_hash };

// As the bytes number them; beforehand.ranges.keys makes codes of the keys of each.
enum class KeyKind : std::uint8_t { uint64, int64, float64, datetime64, timedelta64, bytes, str };

constexpr bool is_textual(KeyKind kind) { return kind >= KeyKind::bytes; }

struct Header {
  FilterKind filter = FilterKind::proteus;
  KeyKind keys = KeyKind::uint64;
  std::uint8_t unit = 0;  // of datetime64 and timedelta64: Y M W D h m s ms us ns ps fs as are 1 to 13; else 0
  Design design;          // without its bucket width, which has a section
  std::uint64_t count = 0, seed = 0;
  double expected = std::numeric_limits<double>::quiet_NaN();  // false positive rate; NaN: none was computed
};

const char* name_of(Tag tag);

constexpr std::uint64_t kHeaderBytes = 64, kTableRow = 24;

// A section: numbers of 8 bytes, then arrays.
struct Section {
  Tag tag;
  std::vector<std::uint64_t> scalars;
  std::vector<std::span<const std::uint8_t>> arrays;  // without their padding
  std::span<const std::uint8_t> made;                 // instead of the two: all its bytes, as section.h writes them

  std::uint64_t size() const;
};

// A header and sections in the order of their tags; and how many bytes that are.
std::vector<std::uint8_t> write_filter(const Header& header, std::span<const Section> sections);
std::uint64_t written_bytes(std::span<const Section> sections);

// Reads what write_filter wrote, and trusts nothing: every failure is CorruptData.
class FilterReader {
 public:
  // Payloads lie in these bytes: `owner` keeps them, or whoever loads if it is empty.
  explicit FilterReader(Bytes bytes, std::shared_ptr<const void> owner = {});

  const Header& header() const { return header_; }
  std::uint64_t size() const { return bytes_.size(); }
  bool next_is(Tag tag) const { return next_ < places_.size() && places_[next_].tag == tag; }
  // The bytes of the next section, which must be this one. Whoever takes it checks that it is used up.
  std::span<const std::uint8_t> section(Tag tag);
  // The next array of a section.
  Payload payload(SectionReader& section, std::uint64_t bits, const char* field) const;
  void finish() const;  // no section may be left

 private:
  struct Place {
    Tag tag;
    std::uint64_t offset, length;
  };

  void read_header();
  void read_table(std::uint32_t sections);

  Bytes bytes_;
  std::shared_ptr<const void> owner_;
  Header header_;
  std::vector<Place> places_;
  std::size_t next_ = 0;
};

inline void check(bool holds, const char* otherwise) {
  if (!holds) corrupt_section(otherwise);
}

}  // namespace bh::ranges
