#include "streams/format.h"

#include <algorithm>
#include <array>

#include "support/bits.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

constexpr Format kFormat{{'S', 'S'}, 1, "stream summary or predictor"};
constexpr std::size_t kHeader = 80, kCrcAt = 16;
constexpr std::array<const char*, 16> kTags{"KEYS", "CNTS", "ERRS", "EPOC", "SLOT", "MINS", "CELL", "GATE",
                                            "TAIL", "CLAS", "ROWS", "RING", "FILT", "SAMP", "LABL", "PRED"};

bool is_known(const char* tag) {
  return std::strcmp(tag, "MODL") == 0 ||
         std::any_of(kTags.begin(), kTags.end(), [&](const char* known) { return std::strcmp(tag, known) == 0; });
}

constexpr std::uint64_t padding(std::uint64_t bytes) { return -bytes % 8; }

std::vector<std::byte> header_bytes(const Header& header, std::uint64_t payload, std::uint32_t sections,
                                    std::uint32_t crc) {
  Writer writer(kFormat);
  writer.put(static_cast<std::uint8_t>(header.kind));
  writer.put(header.key_kind);
  writer.put(header.width);
  writer.put(header.flags);
  writer.put(std::uint16_t{0});
  writer.put(crc);
  writer.put(sections);
  writer.put(payload);
  writer.put(header.seed);
  writer.put(header.capacity);
  writer.put(header.least_capacity);
  for (const std::uint64_t field : {header.total, header.floor, header.deleted, header.skipped}) writer.put(field);
  return writer.bytes();
}

}  // namespace

void SectionWriter::begin(const char (&tag)[5], std::uint32_t flags) {
  end();
  put(std::as_bytes(std::span(tag, 4)));
  put(flags);
  put(std::uint64_t{0});
  begun_ = payload_.size();
  ++sections_;
}

void SectionWriter::end() {
  if (sections_ == 0) return;
  const std::uint64_t length = payload_.size() - begun_;
  std::memcpy(payload_.data() + begun_ - sizeof length, &length, sizeof length);
  align();
}

void SectionWriter::align() { payload_.resize(payload_.size() + padding(payload_.size())); }

std::vector<std::byte> SectionWriter::finish() {
  end();
  const std::uint32_t crc = crc32c(payload_, crc32c(header_bytes(header_, payload_.size(), sections_, 0)));
  std::vector<std::byte> all = header_bytes(header_, payload_.size(), sections_, crc);
  all.insert(all.end(), payload_.begin(), payload_.end());
  return all;
}

SectionReader::SectionReader(Bytes bytes) : bytes_(bytes) {
  Reader reader(bytes, kFormat);
  header_.kind = Kind{reader.take<std::uint8_t>("kind")};
  header_.key_kind = reader.take<std::uint8_t>("key kind");
  header_.width = reader.take<std::uint8_t>("counter width");
  header_.flags = reader.take<std::uint8_t>("flags");
  if (reader.take<std::uint16_t>("reserved") != 0) reader.fail("reserved", "is not 0");
  const auto crc = reader.take<std::uint32_t>("CRC");
  sections_ = reader.take<std::uint32_t>("number of sections");
  const auto length = reader.take<std::uint64_t>("length");
  header_.seed = reader.take<std::uint64_t>("seed");
  header_.capacity = reader.take<std::uint32_t>("capacity");
  header_.least_capacity = reader.take<std::uint32_t>("least capacity");
  header_.total = reader.take<std::uint64_t>("total");
  header_.floor = reader.take<std::uint64_t>("floor");
  header_.deleted = reader.take<std::uint64_t>("deleted");
  header_.skipped = reader.take<std::uint64_t>("skipped");
  if (length != bytes.size() - kHeader) reader.fail("length", "does not match the bytes that follow");
  const std::array<std::byte, 4> zeros{};
  const std::uint32_t before = crc32c(zeros, crc32c(bytes.first(kCrcAt)));
  if (crc != crc32c(bytes.subspan(kCrcAt + 4), before)) reader.fail("CRC", "does not match the bytes");
  if (header_.key_kind > 4) reader.fail("key kind", "is none of 0 to 4");
  if (header_.flags > 31) reader.fail("flags", "has bits that this library does not know");
  if (header_.width != 4 && header_.width != 8 && header_.kind < Kind::lookup_table)
    reader.fail("counter width", "is neither 4 nor 8");
  begun_ = position_ = end_ = kHeader;
}

bool SectionReader::enter(const char (&tag)[5]) {
  leave();
  while (!at_end()) {
    if (bytes_.size() - position_ < 16) fail("it ends inside the head of a section");
    char found[5] = "";
    std::uint32_t flags;
    std::uint64_t length;
    std::memcpy(found, &bytes_[position_], 4);
    std::memcpy(&flags, &bytes_[position_ + 4], sizeof flags);
    std::memcpy(&length, &bytes_[position_ + 8], sizeof length);
    const bool wanted = std::memcmp(found, tag, 4) == 0;
    const bool ignored = !wanted && (flags & kIgnorable) != 0 && !is_known(found);
    if (!wanted && !ignored) return false;
    if (length > bytes_.size() - position_ - 16) fail("a section is longer than all that follows");
    if (sections_ == 0) fail("there are more sections than the header says");
    --sections_;
    std::transform(found, found + 4, tag_, [](char c) { return c >= ' ' && c <= '~' ? c : '?'; });  // to name in errors
    begun_ = position_ = position_ + 16;
    end_ = begun_ + length;
    if (wanted) return true;
    position_ = end_;
    leave();
  }
  return false;
}

void SectionReader::expect(const char (&tag)[5]) {
  if (!enter(tag)) fail(std::string("section ") + tag + " does not come next");
}

Bytes SectionReader::take_bytes(std::uint64_t count) {
  if (count > left()) fail("it ends too early");
  const Bytes taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

void SectionReader::align() {
  for (const std::byte padded : take_bytes(padding(position_ - begun_)))
    if (padded != std::byte{0}) fail("padding is not 0");
}

// Ends the section that is open: all of it was taken, and zeros follow up to a multiple of 8 bytes.
void SectionReader::leave() {
  if (left() != 0) fail("it is longer than what it should hold");
  if (padding(end_ - begun_) > bytes_.size() - end_) fail("it ends inside the padding of a section");
  end_ += padding(end_ - begun_);
  align();
  begun_ = end_;
}

void SectionReader::finish() {
  leave();
  enter("    ");  // passes over what may be ignored
  if (!at_end()) fail("a section that does not belong here");
  if (sections_ != 0) fail("there are fewer sections than the header says");
}

std::uint64_t SectionReader::times(std::uint64_t count, std::uint64_t size) const {
  const auto bytes = checked_product(count, size);
  if (!bytes || *bytes > left()) fail("it ends too early");
  return *bytes;
}

void SectionReader::fail(const std::string& what) const {
  throw CorruptData("not a valid " + std::string(kFormat.name) + " (" + std::to_string(bytes_.size()) +
                    " bytes): " + (tag_[0] != 0 ? "section " + std::string(tag_) + ", " : "") + "byte " +
                    std::to_string(position_) + ": " + what + "; pass all that to_bytes() returned");
}

}  // namespace bh::streams
