// The frame of all range filters: sections come back as they were written, and nothing else is accepted.
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "ranges/format.h"
#include "ranges/policy.h"
#include "support/errors.h"

namespace bh::ranges {
namespace {

using File = std::vector<std::uint8_t>;

Bytes bytes_of(const File& file) { return std::as_bytes(std::span(file)); }

template <typename Read>
bool refused(const File& file, const Read& read) {
  try {
    read(file);
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

// Puts length and checksums right, so that only what lies behind them can refuse.
void seal(File& file) {
  const std::uint64_t length = file.size();
  std::memcpy(&file[24], &length, 8);
  std::uint32_t sections;
  std::memcpy(&sections, &file[20], 4);
  const std::uint64_t head = std::min<std::uint64_t>(kHeaderBytes + kTableRow * std::uint64_t{sections}, length);
  std::memset(&file[56], 0, 8);
  const std::uint32_t sums[2] = {crc32c(bytes_of(file).first(head)), crc32c(bytes_of(file).subspan(head))};
  std::memcpy(&file[56], sums, 8);
}

const File kArray{1, 2, 3, 7};  // 27 bits

Header header() {
  Header header;
  header.filter = FilterKind::surf;
  header.keys = KeyKind::datetime64;
  header.unit = 10;
  header.design.approx = Approx::fuse;
  header.design.exact_bits = 3;
  header.design.approx_bits = 40;
  header.count = 5;
  header.seed = ~std::uint64_t{0};
  header.expected = 0.25;
  return header;
}

File written() {
  const File made{1, 2, 3};
  std::vector<Section> sections{{Tag::bounds, {64, 7}, {kArray, {}}, {}}, {Tag::trie, {}, {}, made}};
  const File file = write_filter(header(), sections);
  CHECK(file.size() == written_bytes(sections));
  return file;
}

void read(const File& file) {
  FilterReader reader(bytes_of(file));
  SectionReader bounds(reader.section(Tag::bounds));
  check(bounds.scalar("the width") == 64 && bounds.scalar("a number") == 7, "the numbers are others");
  const Payload payload = reader.payload(bounds, 27, "an array");
  check(std::equal(kArray.begin(), kArray.end(), payload.bytes().begin(), payload.bytes().end()), "the array is other");
  reader.payload(bounds, 0, "an empty array");
  bounds.end("the bounds");
  check(!reader.next_is(Tag::bloom), "a section came early");
  check(reader.section(Tag::trie).size() == 3, "the other section is other");
  reader.finish();
}

void check_round_trip() {
  const File file = written();
  CHECK(file.size() == 64 + 2 * 24 + (16 + 8 + 16 + 16) + 8);
  read(file);
  const Header found = FilterReader(bytes_of(file)).header(), given = header();
  CHECK(found.filter == given.filter && found.keys == given.keys && found.unit == given.unit);
  CHECK(found.design == given.design && found.count == given.count && found.seed == given.seed);
  CHECK(found.expected == given.expected);
  std::uint32_t sums[2];
  std::memcpy(sums, &file[56], 8);
  File again = file;
  seal(again);
  CHECK(std::memcmp(sums, &again[56], 8) == 0);
}

void check_probes() {
  for (const std::optional<std::uint64_t> probes :
       {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(1), std::optional<std::uint64_t>(1 << 20)}) {
    Header some = header();
    some.design.max_probes = probes;
    const File file = write_filter(some, {});
    CHECK(FilterReader(bytes_of(file)).header().design.max_probes == probes);
  }
}

void check_damage() {
  const File file = written();
  for (std::size_t size = 0; size < file.size(); ++size)
    CHECK(refused(File(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)), read));
  for (std::size_t at = 0; at < file.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      File damaged = file;
      damaged[at] ^= static_cast<std::uint8_t>(1 << bit);
      CHECK(refused(damaged, read));
    }
}

// With the checksums put right, what is not what was written is refused as well, but for what the sections may hold.
void check_forgery() {
  const File file = written();
  for (std::size_t at = 64; at < file.size(); ++at)
    for (const std::uint8_t with : {1, 128, 255}) {
      File forged = file;
      forged[at] ^= with;
      seal(forged);
      if (at < 168) CHECK(refused(forged, read));
    }
  const auto forged = [&](std::size_t at, std::uint8_t value) {
    File bytes = file;
    bytes[at] = value;
    seal(bytes);
    return refused(bytes, read);
  };
  CHECK(forged(0, 0) && forged(8, 2) && forged(10, 7) && forged(11, 7) && forged(11, 0) && forged(12, 3));
  CHECK(forged(13, 4) && forged(14, 14) && forged(14, 0) && forged(15, 21) && forged(16, 65) && forged(18, 65));
  CHECK(forged(20, 1) && forged(20, 13) && forged(23, 1) && forged(36, 1) && forged(55, 0xFF) && forged(55, 0x40));
  File longer = file;
  longer.resize(file.size() + 8);
  seal(longer);
  CHECK(refused(longer, read));
  Header none = header();
  none.expected = std::numeric_limits<double>::quiet_NaN();
  File other_nan = write_filter(none, {});
  CHECK(std::isnan(FilterReader(bytes_of(other_nan)).header().expected));
  other_nan[48] = 1;
  seal(other_nan);
  CHECK(refused(other_nan, [](const File& bytes) { FilterReader(bytes_of(bytes)); }));
}

bool same(const Policy& x, const Policy& y) { return x.write() == y.write(); }

void check_policies() {
  Policy numbers;
  numbers.filter = FilterKind::prefix_bloom;
  numbers.max_probes.reset();
  numbers.seed = 3;
  numbers.worst_length = 16;
  numbers.worst_rate = 1e-3;
  numbers.sample.lo = {1, 5};
  numbers.sample.hi = {1, ~std::uint64_t{0}};
  Policy text;
  text.keys = KeyKind::str;
  const File row{'a', 0, 'b'};
  for (ByteRows* rows : {&text.sample.lo_bytes, &text.sample.hi_bytes}) {
    rows->push_back(ByteCode(row).first(0));
    rows->push_back(row);
  }
  for (const Policy& policy : {numbers, text, Policy()}) {
    const File file = policy.write();
    const auto read = [](const File& bytes) { Policy::read(bytes_of(bytes)); };
    const Policy again = Policy::read(bytes_of(file));
    CHECK(same(again, policy) && again.sample.lo == policy.sample.lo && again.max_probes == policy.max_probes);
    CHECK(again.sample.hi_bytes.data == policy.sample.hi_bytes.data && again.bits_per_key == 12);
    CHECK(again.worst_rate == policy.worst_rate && again.filter == policy.filter);
    for (std::size_t size = 0; size < file.size(); ++size) {
      File cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      if (size >= kHeaderBytes) seal(cut);
      CHECK(refused(cut, read));
    }
    for (std::size_t at = 10; at < file.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {  // is refused, or says what it says
        File forged = file;
        forged[at] ^= static_cast<std::uint8_t>(1 << bit);
        seal(forged);
        if (!refused(forged, read)) CHECK(Policy::read(bytes_of(forged)).write() == forged);
      }
  }
  Policy backwards = numbers;
  backwards.sample.hi[1] = 4;
  CHECK(refused(backwards.write(), [](const File& bytes) { Policy::read(bytes_of(bytes)); }));
  CHECK(refused(written(), [](const File& bytes) { Policy::read(bytes_of(bytes)); }));
}

}  // namespace
}  // namespace bh::ranges

int main() {
  bh::ranges::check_round_trip();
  bh::ranges::check_probes();
  bh::ranges::check_damage();
  bh::ranges::check_forgery();
  bh::ranges::check_policies();
}
