// What every kind of summary relies on: sections come back as they were written, and nothing else is accepted.
#include <vector>

#include "check.h"
#include "streams/format.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

Header header() {
  Header header;
  header.kind = Kind::filtered;
  header.key_kind = 1;
  header.width = 4;
  header.capacity = 7;
  header.total = 11;
  return header;
}

std::vector<std::byte> written(bool with_unknown, std::uint32_t flags) {
  SectionWriter writer(header());
  writer.begin("KEYS");
  writer.put(std::uint32_t{5});
  writer.align();
  writer.put(std::span<const std::uint64_t>(std::vector<std::uint64_t>{1, 2}));
  if (with_unknown) {
    writer.begin("NEWS", flags);
    writer.put(std::uint8_t{9});
  }
  writer.begin("ERRS");
  writer.put(std::uint8_t{3});
  return writer.finish();
}

void read(const std::vector<std::byte>& bytes) {
  SectionReader reader(bytes);
  CHECK(reader.header().capacity == 7 && reader.header().total == 11 && reader.header().kind == Kind::filtered);
  CHECK(!reader.enter("CNTS"));
  reader.expect("KEYS");
  CHECK(reader.take<std::uint32_t>() == 5);
  reader.align();
  CHECK((reader.take_array<std::uint64_t>(2) == std::vector<std::uint64_t>{1, 2}));
  reader.expect("ERRS");
  CHECK(reader.take<std::uint8_t>() == 3);
  reader.finish();
}

bool refused(const std::vector<std::byte>& bytes) {
  try {
    read(bytes);
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

void check_round_trip() {
  const std::vector<std::byte> bytes = written(false, 0);
  CHECK(bytes.size() == 80 + 16 + 24 + 16 + 8);
  read(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> flipped = bytes;
    flipped[at] ^= std::byte{0x10};
    CHECK(refused(flipped));
  }
}

void check_unknown_sections() {
  read(written(true, SectionReader::kIgnorable));
  CHECK(refused(written(true, 0)));
}

void check_claims() {
  SectionWriter writer(header());
  writer.begin("KEYS");
  writer.put(std::uint64_t{1});
  const std::vector<std::byte> bytes = writer.finish();
  for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    SectionReader reader(bytes);
    reader.expect("KEYS");
    try {
      reader.take_array<std::uint64_t>(count);
      CHECK(false);
    } catch (const CorruptData&) {
    }
  }
  SectionReader reader(bytes);
  reader.expect("KEYS");
  CHECK(reader.take_array<std::uint64_t>(1)[0] == 1);
  reader.finish();
}

}  // namespace
}  // namespace bh::streams

int main() {
  bh::streams::check_round_trip();
  bh::streams::check_unknown_sections();
  bh::streams::check_claims();
}
