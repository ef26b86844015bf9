// Bytes from three peers at an aggregator, in any order: what is refused ends a connection, what is added fits its
// lanes, and what is kept for a peer is bounded. Each step is a byte that says who and how many, then as many bytes of
// theirs; frames whose checksum is zero get a valid one, so that what lies behind it is tried too.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "gradients/aggregation.h"

namespace gradients = bh::gradients;

namespace {

constexpr std::size_t kWorkers = 3;
constexpr gradients::ServiceOptions kOptions{
    .workers = kWorkers, .needed = 2, .slots = 2, .chunk = 512, .lanes = 8, .timeout = 5, .token = {}};
constexpr std::size_t kMostKept = 1 << 20;

void seal(std::vector<std::byte>& bytes) {
  for (std::size_t at = 0; at + gradients::kHeaderBytes <= bytes.size();) {
    gradients::FrameHeader header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    const std::size_t whole = gradients::kHeaderBytes + header.payload;
    if (header.magic != gradients::FrameHeader::kMagic || header.crc != 0 || whole > bytes.size() - at) return;
    std::vector<std::byte> frame(bytes.begin() + at, bytes.begin() + at + whole);
    gradients::seal_frame(frame, 0);
    std::copy(frame.begin(), frame.end(), bytes.begin() + at);
    at += whole;
  }
}

// Every frame that an aggregator writes is whole and valid, and its sums are of at most all workers.
void check_answers(const std::vector<std::byte>& out) {
  for (bh::Bytes left = out; !left.empty();) {
    const std::size_t whole = gradients::frame_bytes(left, kMostKept);
    if (whole == 0 || whole > left.size()) __builtin_trap();
    const gradients::FrameHeader header = gradients::checked_header(left.first(whole));
    if (header.type == gradients::FrameType::result && (header.worker < 2 || header.worker > kWorkers))
      __builtin_trap();
    left = left.subspan(whole);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gradients::Aggregation rules(kOptions);
  std::array<gradients::Peer, 4> peers;
  double now = 0;
  for (std::size_t at = 0; at < size;) {
    const std::uint8_t step = data[at++];
    gradients::Peer& peer = peers[step & 3];
    if ((step >> 2) == 0) {
      rules.leave(peer, now);
      check_answers(peer.out);
      peer = {};
    } else if ((step >> 2) == 1) {
      rules.tick(now += 3);
    } else {
      const std::size_t many = std::min<std::size_t>(size - at, static_cast<std::size_t>(step >> 2) * 16);
      const auto* const first = reinterpret_cast<const std::byte*>(data + at);
      std::vector<std::byte> bytes(first, first + many);
      at += many;
      seal(bytes);
      if (!rules.crowded(peer)) rules.receive(peer, bytes, now);
    }
    for (const gradients::Peer& each : peers)
      if (each.inbox.size() > kMostKept || each.out.size() > kMostKept || (each.rank && *each.rank >= kWorkers))
        __builtin_trap();
  }
  for (const gradients::Peer& each : peers) check_answers(each.out);
  return 0;
}
