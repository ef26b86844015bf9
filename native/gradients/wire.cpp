#include "gradients/wire.h"

#include <algorithm>
#include <cstring>

#include "support/errors.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kCrcAt = 28;

std::uint32_t crc_of(Bytes frame) {
  static constexpr std::array<std::byte, 4> zero{};
  const std::uint32_t before = crc32c(zero, crc32c(frame.first(kCrcAt)));
  return crc32c(frame.subspan(kHeaderBytes), before);
}

void append(std::vector<std::byte>& out, const void* from, std::size_t bytes) {
  const std::size_t at = out.size();
  out.resize(at + bytes);
  std::memcpy(out.data() + at, from, bytes);
}

}  // namespace

void throw_error(std::uint8_t kind, const std::string& text) {
  switch (static_cast<ErrorKind>(kind)) {
    case ErrorKind::invalid: throw InvalidInput(text);
    case ErrorKind::capacity: throw CapacityExceeded(text);
    case ErrorKind::timed_out: throw TimedOut(text);
    case ErrorKind::closed: throw Closed(text);
    case ErrorKind::corrupt: break;
  }
  throw CorruptData(text);
}

std::size_t begin_frame(FrameHeader header, std::size_t payload, std::vector<std::byte>& out) {
  const std::size_t position = out.size();
  header.payload = static_cast<std::uint32_t>(payload);
  out.resize(position + kHeaderBytes + payload);
  std::memcpy(out.data() + position, &header, kHeaderBytes);
  return position;
}

void seal_frame(std::vector<std::byte>& out, std::size_t position) {
  const std::uint32_t crc = crc_of(Bytes(out).subspan(position));
  std::memcpy(out.data() + position + kCrcAt, &crc, sizeof crc);
}

void put_frame(FrameHeader header, Bytes payload, std::vector<std::byte>& out, std::size_t padded) {
  const std::size_t position = out.size(), bytes = std::max(payload.size(), padded);
  header.payload = static_cast<std::uint32_t>(bytes);
  const Bytes head = std::as_bytes(std::span(&header, 1));
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), payload.begin(), payload.end());
  out.resize(position + kHeaderBytes + bytes);
  seal_frame(out, position);
}

std::size_t frame_bytes(Bytes bytes, std::size_t most_payload) {
  if (bytes.size() < kHeaderBytes) return 0;
  FrameHeader header;
  std::memcpy(&header, bytes.data(), kHeaderBytes);
  if (header.magic != FrameHeader::kMagic)
    throw CorruptData("a frame does not begin with BHG1; connect only workers of this version to an aggregator");
  if (header.type < FrameType::hello || header.type > FrameType::bye)
    throw CorruptData("a frame has type " + std::to_string(static_cast<int>(header.type)) +
                      ", which this version does not know");
  if (header.payload > most_payload)
    throw CorruptData("a frame claims a payload of " + std::to_string(header.payload) + " bytes, but at most " +
                      std::to_string(most_payload) + " may come here");
  return kHeaderBytes + header.payload;
}

FrameHeader checked_header(Bytes frame) {
  FrameHeader header;
  std::memcpy(&header, frame.data(), kHeaderBytes);
  if (header.crc != crc_of(frame)) throw CorruptData("the checksum of a frame differs; it was damaged on its way");
  return header;
}

std::vector<std::byte> hello_bytes(const Hello& hello) {
  std::vector<std::byte> out;
  append(out, &hello.workers, 2);
  append(out, hello.token.data(), hello.token.size());
  const std::array<std::uint8_t, 2> sizes{static_cast<std::uint8_t>(hello.bits),
                                          static_cast<std::uint8_t>(hello.tables.size())};
  append(out, sizes.data(), 2);
  for (const auto& points : hello.tables) append(out, points.data(), 2 * points.size());
  return out;
}

Hello read_hello(Bytes payload) {
  constexpr std::size_t kFixed = 2 + 32 + 2;
  if (payload.size() < kFixed) throw CorruptData("a HELLO ends before its tables");
  Hello hello;
  std::memcpy(&hello.workers, payload.data(), 2);
  std::memcpy(hello.token.data(), payload.data() + 2, 32);
  hello.bits = static_cast<int>(payload[34]);
  const auto tables = static_cast<std::size_t>(payload[35]);
  if (hello.bits < 2 || hello.bits > 4 || tables < 1 || tables > kMostTables)
    throw CorruptData("a HELLO has " + std::to_string(tables) + " tables of " + std::to_string(hello.bits) +
                      " bits, but must have 1 to 16 of 2 to 4 bits");
  const std::size_t points = std::size_t{1} << hello.bits;
  if (payload.size() != kFixed + tables * points * 2) throw CorruptData("a HELLO has another length than its tables");
  for (std::size_t t = 0; t < tables; ++t) {
    auto& table = hello.tables.emplace_back(points);
    std::memcpy(table.data(), payload.data() + kFixed + t * points * 2, points * 2);
    if (!std::is_sorted(table.begin(), table.end())) throw CorruptData("a HELLO has a table that does not ascend");
  }
  return hello;
}

}  // namespace bh::gradients
