// Frames between workers and an aggregator, over a stream of bytes: a header of 32 bytes, then the payload.
//
// Little-endian. The magic is short because it stands in every frame of a live connection; its last byte is the
// version. A frame is taken only whole, of a known type, with a payload as short as the caller says, and with a valid
// CRC.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/bytes.h"

namespace bh::gradients {

enum class FrameType : std::uint8_t {
  hello = 1,  // to the aggregator: Hello
  welcome,    // back: Welcome
  gather,     // bytes for all; epoch is the running number
  gathered,   // back: for each worker a byte, whether it takes part, and its bytes
  codes,      // packed codes of a chunk; epoch and slot say which, table which points they stand for
  result,     // back: the sums in lanes; worker is how many are in them
  gone,       // back: the slot has moved on
  error,      // back: text, whose kind is in table; the connection ends
  bye,        // to the aggregator: no more will come
};

// What error frames name, and what their readers throw.
enum class ErrorKind : std::uint8_t { invalid = 1, capacity, corrupt, timed_out, closed };
[[noreturn]] void throw_error(std::uint8_t kind, const std::string& text);

struct FrameHeader {
  static constexpr std::uint32_t kMagic = 0x31474842;  // "BHG1"
  std::uint32_t magic = kMagic;
  FrameType type;
  std::uint8_t bits = 0;   // of a code
  std::uint8_t lanes = 0;  // bits of a coordinate's sum
  std::uint8_t table = 0;
  std::uint64_t job = 0;
  std::uint32_t epoch = 0;
  std::uint16_t slot = 0;
  std::uint16_t worker = 0;
  std::uint32_t payload = 0;  // bytes
  std::uint32_t crc = 0;      // CRC-32C of the header with 0 here, then of the payload
};
static_assert(sizeof(FrameHeader) == 32);
constexpr std::size_t kHeaderBytes = sizeof(FrameHeader);
constexpr std::size_t kMostGathered = 4096;  // bytes of one worker: norms of 1,023 pieces
constexpr std::size_t kMostText = 512;

// Header and payload at the end of `out`, the payload with zeros up to `padded` bytes.
void put_frame(FrameHeader header, Bytes payload, std::vector<std::byte>& out, std::size_t padded = 0);
// Room for a payload at the end of `out`, to be filled before seal_frame(out, position).
std::size_t begin_frame(FrameHeader header, std::size_t payload, std::vector<std::byte>& out);
void seal_frame(std::vector<std::byte>& out, std::size_t position);

// Bytes of the frame that begins here, or 0 while its header is incomplete. Throws CorruptData.
std::size_t frame_bytes(Bytes bytes, std::size_t most_payload);
// The header of a whole frame. Throws CorruptData if the CRC differs.
FrameHeader checked_header(Bytes frame);

struct Hello {
  std::uint16_t workers;
  std::array<std::byte, 32> token;  // SHA-256, or zeros
  int bits;
  std::vector<std::vector<std::uint16_t>> tables;  // 1 to 16 of 2^bits ascending points
};
constexpr std::size_t kMostTables = 16;
constexpr std::size_t kMostHello = 2 + 32 + 2 + kMostTables * 16 * 2;
std::vector<std::byte> hello_bytes(const Hello& hello);
Hello read_hello(Bytes payload);  // throws CorruptData

struct Welcome {
  std::uint16_t workers;
  std::uint16_t needed;  // complete a chunk
  std::uint32_t slots;
  std::uint32_t chunk;
  float timeout;  // seconds, after which the aggregator says who is missing
};
static_assert(sizeof(Welcome) == 16);

}  // namespace bh::gradients
