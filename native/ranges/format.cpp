#include "ranges/format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

namespace bh::ranges {
namespace {

constexpr Format kFormat{{'R', 'F'}, 1, "range filter"};
constexpr unsigned kFilters = 7, kKeyKinds = 7, kExacts = 3, kApproxes = 4, kUnits = 14;  // how many there are
constexpr std::uint8_t kUncapped = 255;
constexpr unsigned kMostLogProbes = 20;
constexpr std::uint64_t kMostBits = 8 * 4096, kMostKeys = ~std::uint32_t{0};
constexpr std::size_t kCrcsAt = 56;
constexpr std::array<const char*, 13> kTags{
    "",         "bounds",   "bucket width",   "Elias-Fano",   "trie",     "Bloom", "fuse",
    "locality", "suffixes", "Rosetta levels", "second Bloom", "interval", "policy"};

constexpr std::uint64_t up_to_8(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

std::string name(Tag tag) { return std::string("section \"") + name_of(tag) + '"'; }

std::uint32_t crc_of_head(Bytes head) {
  constexpr std::array<std::byte, 8> zeros{};
  return crc32c(head.subspan(kHeaderBytes), crc32c(zeros, crc32c(head.first(kCrcsAt))));
}

std::uint8_t log_probes(const Design& design) {
  return design.max_probes ? static_cast<std::uint8_t>(std::countr_zero(*design.max_probes)) : kUncapped;
}

template <typename T>
T value_at(Bytes bytes, std::uint64_t at) {
  T value;
  std::memcpy(&value, &bytes[at], sizeof value);
  return value;
}

bool is_rate_or_none(double rate) {
  const auto bits = std::bit_cast<std::uint64_t>(rate);
  return bits == std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN()) ||
         bits <= std::bit_cast<std::uint64_t>(1.0);
}

}  // namespace

const char* name_of(Tag tag) { return kTags[static_cast<std::size_t>(tag)]; }

std::uint64_t Section::size() const {
  if (!made.empty()) return made.size();
  std::uint64_t size = 8 * scalars.size();
  for (const auto array : arrays) size = up_to_8(size) + array.size() + kPadding;
  return size;
}

std::uint64_t written_bytes(std::span<const Section> sections) {
  std::uint64_t size = kHeaderBytes;
  for (const Section& section : sections) size += kTableRow + up_to_8(section.size());
  return size;
}

std::vector<std::uint8_t> write_filter(const Header& header, std::span<const Section> sections) {
  Writer writer(kFormat);
  for (const unsigned field : {static_cast<unsigned>(header.filter), static_cast<unsigned>(header.keys),
                               static_cast<unsigned>(header.design.exact), static_cast<unsigned>(header.design.approx),
                               static_cast<unsigned>(header.unit), static_cast<unsigned>(log_probes(header.design))})
    writer.put(static_cast<std::uint8_t>(field));
  writer.put(static_cast<std::uint16_t>(header.design.exact_bits));
  writer.put(static_cast<std::uint16_t>(header.design.approx_bits));
  writer.put(static_cast<std::uint32_t>(sections.size()));
  writer.put(written_bytes(sections));
  writer.put(header.count);
  writer.put(header.seed);
  writer.put(std::isnan(header.expected) ? std::numeric_limits<double>::quiet_NaN() : header.expected);
  writer.put(std::uint64_t{0});  // the checksums
  std::uint64_t at = kHeaderBytes + kTableRow * sections.size();
  for (const Section& section : sections) {
    writer.put(std::uint64_t{static_cast<std::uint32_t>(section.tag)});
    writer.put(at);
    writer.put(section.size());
    at += up_to_8(section.size());
  }
  std::vector<std::uint8_t> all;
  all.reserve(at);
  const std::size_t head = writer.bytes().size();
  all.resize(head);
  std::memcpy(all.data(), writer.bytes().data(), head);
  for (const Section& section : sections) {
    for (const std::uint64_t scalar : section.scalars) append_scalar(all, scalar);
    for (const auto array : section.arrays) {
      std::uint8_t* const to = append_array(all, array.size());
      if (!array.empty()) std::memcpy(to, array.data(), array.size());
    }
    all.insert(all.end(), section.made.begin(), section.made.end());
    all.resize(up_to_8(all.size()));
  }
  const Bytes bytes = std::as_bytes(std::span(all));
  const std::uint32_t checksums[2] = {crc_of_head(bytes.first(head)), crc32c(bytes.subspan(head))};
  std::memcpy(&all[kCrcsAt], checksums, sizeof checksums);
  return all;
}

FilterReader::FilterReader(Bytes bytes, std::shared_ptr<const void> owner) : bytes_(bytes), owner_(std::move(owner)) {
  read_header();
}

void FilterReader::read_header() {
  Reader reader(bytes_, kFormat);
  const auto number = [&](const char* field, unsigned count) {
    const auto found = reader.take<std::uint8_t>(field);
    if (found >= count)
      reader.fail(field, "is " + std::to_string(found) + ", but must be below " + std::to_string(count));
    return found;
  };
  header_.filter = FilterKind{number("filter kind", kFilters)};
  header_.keys = KeyKind{number("key type", kKeyKinds)};
  Design& design = header_.design;
  design.exact = Exact{number("exact kind", kExacts)};
  design.approx = Approx{number("approximate kind", kApproxes)};
  header_.unit = number("time unit", kUnits);
  const auto log = reader.take<std::uint8_t>("log2 of max_probes");
  if (log > kMostLogProbes && log != kUncapped) reader.fail("log2 of max_probes", "is above 20");
  design.max_probes = log == kUncapped ? std::nullopt : std::optional(std::uint64_t{1} << log);
  design.exact_bits = reader.take<std::uint16_t>("exact length");
  design.approx_bits = reader.take<std::uint16_t>("approximate length");
  const auto sections = reader.take<std::uint32_t>("number of sections");
  if (reader.take<std::uint64_t>("length") != bytes_.size()) reader.fail("length", "is not that of these bytes");
  header_.count = reader.take<std::uint64_t>("number of keys");
  header_.seed = reader.take<std::uint64_t>("seed");
  header_.expected = reader.take<double>("expected rate");
  const auto head_crc = reader.take<std::uint32_t>("CRC of the header"), rest_crc = reader.take<std::uint32_t>("CRC");
  if (sections >= kTags.size()) reader.fail("number of sections", "is above that of all tags");
  reader.take_bytes(kTableRow * sections, "table of sections");
  const Bytes head = bytes_.first(kHeaderBytes + kTableRow * sections);
  if (head_crc != crc_of_head(head)) reader.fail("CRC of the header", "does not match it");
  if (rest_crc != crc32c(bytes_.subspan(head.size()))) reader.fail("CRC", "does not match the bytes");

  const bool timed = header_.keys == KeyKind::datetime64 || header_.keys == KeyKind::timedelta64;
  if (timed != (header_.unit != 0)) reader.fail("time unit", "does not match the key type");
  if (std::max(design.exact_bits, design.approx_bits) > (is_textual(header_.keys) ? kMostBits : 64))
    reader.fail("length of prefixes", "is above that of any code");
  if (header_.count > kMostKeys) reader.fail("number of keys", "is above 2^32 - 1");
  if (!is_rate_or_none(header_.expected)) reader.fail("expected rate", "is not from 0 to 1");
  read_table(sections);
}

void FilterReader::read_table(std::uint32_t sections) {
  std::uint64_t at = kHeaderBytes + kTableRow * sections;
  std::uint32_t before = 0;
  places_.reserve(sections);
  for (std::uint32_t i = 0; i < sections; ++i) {
    const std::uint64_t row = kHeaderBytes + kTableRow * i;
    const auto tag = value_at<std::uint32_t>(bytes_, row);
    const auto length = value_at<std::uint64_t>(bytes_, row + 16);
    check(tag > before && tag < kTags.size(), "a section has an unknown tag, or one that is not above the last");
    check(value_at<std::uint32_t>(bytes_, row + 4) == 0, "the number after a tag is not 0");
    check(value_at<std::uint64_t>(bytes_, row + 8) == at, "a section does not start where the last one ends");
    check(length <= bytes_.size() - at, "a section is longer than all that follows");
    places_.push_back({Tag{tag}, at, length});
    before = tag;
    for (at += length; at % 8 != 0; ++at)
      check(at < bytes_.size() && bytes_[at] == std::byte{0}, "the padding of a section is not zero");
  }
  check(at == bytes_.size(), "something follows the last section");
}

std::span<const std::uint8_t> FilterReader::section(Tag tag) {
  if (!next_is(tag)) corrupt_section(name(tag) + " does not come next");
  const Place& place = places_[next_++];
  return {reinterpret_cast<const std::uint8_t*>(bytes_.data()) + place.offset, place.length};
}

Payload FilterReader::payload(SectionReader& section, std::uint64_t bits, const char* field) const {
  return {owner_, {section.bits(bits, field), bytes_for(bits) + kPadding}};
}

void FilterReader::finish() const {
  if (next_ < places_.size()) corrupt_section(name(places_[next_].tag) + " does not belong there");
}

}  // namespace bh::ranges
