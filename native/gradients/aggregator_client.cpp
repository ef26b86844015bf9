#include "gradients/aggregator_client.h"

#include <poll.h>

#include <algorithm>
#include <cstring>

#include "gradients/lanes.h"
#include "gradients/thc_codes.h"
#include "support/errors.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kBatch = 1 << 18;
constexpr const char* kLeft = "this worker has left the aggregator; connect again for a new job";
constexpr double kWelcomed = 30;  // seconds in which an aggregator answers a HELLO
constexpr double kLonger = 10;  // seconds by which a client waits longer than the aggregator, who says what is missing
constexpr int kSlice = 100;     // milliseconds between pauses

void take_sums(Bytes payload, std::span<std::uint8_t> sums) { std::memcpy(sums.data(), payload.data(), sums.size()); }

void take_sums(Bytes payload, std::span<std::uint16_t> sums) {
  std::vector<std::int32_t> containers(payload.size() / 4);
  std::memcpy(containers.data(), payload.data(), payload.size());
  std::vector<std::uint16_t> chunk(2 * containers.size());
  unpack_lanes<std::uint16_t, std::int32_t>(containers, 16, chunk);
  std::copy_n(chunk.begin(), sums.size(), sums.begin());
}

}  // namespace

AggregatorClient::AggregatorClient(const std::string& host, std::uint16_t port, const Hello& hello,
                                   const Identity& identity, const Pause& pause)
    : identity_(identity),
      address_(host + ":" + std::to_string(port)),
      socket_(connect_to(host, port)),
      bits_(hello.bits),
      in_(kBatch) {
  if (identity.timeout == 0) identity_.timeout = kWelcomed;
  const std::vector<std::byte> payload = hello_bytes(hello);
  put_frame(header(FrameType::hello), payload, out_);
  const Frame frame = next_frame(pause);
  if (frame.header.type != FrameType::welcome || frame.payload.size() != sizeof welcome_ ||
      (frame.header.lanes != 8 && frame.header.lanes != 16))
    throw CorruptData("the aggregator at " + address_ + " does not answer a HELLO as this version does");
  std::memcpy(&welcome_, frame.payload.data(), sizeof welcome_);
  lanes_ = frame.header.lanes;
  const std::size_t result = std::size_t{welcome_.chunk} * static_cast<std::size_t>(lanes_) / 8;
  if (welcome_.workers != hello.workers || welcome_.slots < 1 || welcome_.slots > 1 << 16 ||
      welcome_.chunk % kGroup != 0 || welcome_.chunk < kGroup || result > kBatch / 2 || !(welcome_.timeout > 0))
    throw CorruptData("the aggregator at " + address_ + " offers slots and chunks that this version does not know");
  if (identity.timeout == 0) identity_.timeout = welcome_.timeout + kLonger;
}

AggregatorClient::Call::Call(AggregatorClient& client) : client_(client) {
  if (client.busy_.exchange(true))
    throw InvalidInput("this client is in use on another thread; give each thread a worker of its own");
  if (client.socket_.fd() < 0) {
    client.busy_ = false;
    throw Closed(kLeft);
  }
}

AggregatorClient::Call::~Call() {
  client_.busy_ = false;
  if (client_.leaving_) client_.close();
}

void AggregatorClient::close() {
  leaving_ = true;
  if (busy_.exchange(true)) return;  // the call in progress sees that it is leaving
  if (socket_.fd() >= 0) {
    put_frame(header(FrameType::bye), {}, out_);
    flush();
    socket_.close();
  }
  busy_ = false;
}

void AggregatorClient::flush() {
  while (out_sent_ < out_.size()) {
    const std::ptrdiff_t sent = send_some(socket_, std::span<const std::byte>(out_).subspan(out_sent_));
    if (sent <= 0) return;  // what ended the connection is read first: it may be an ERROR
    out_sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  out_sent_ = 0;
}

bool AggregatorClient::take_frame(Frame& frame) {
  const Bytes there = Bytes(in_).subspan(begin_, end_ - begin_);
  const std::size_t whole = frame_bytes(there, in_.size() - kHeaderBytes);
  if (whole == 0 || whole > there.size()) return false;
  frame = {checked_header(there.first(whole)), there.subspan(kHeaderBytes, whole - kHeaderBytes)};
  begin_ += whole;
  if (frame.header.type == FrameType::error) {
    const std::string text(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
    socket_.close();
    throw_error(frame.header.table, text);
  }
  return true;
}

AggregatorClient::Frame AggregatorClient::next_frame(const Pause& pause) {
  Frame frame{};
  if (take_frame(frame)) return frame;
  for (const double start = seconds_now(); !take_frame(frame);) {
    if (leaving_) {
      socket_.close();
      throw Closed(kLeft);
    }
    flush();
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    pollfd polled{socket_.fd(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0};
    if (::poll(&polled, 1, kSlice) <= 0) pause();
    if (polled.revents & (POLLIN | POLLERR | POLLHUP)) {
      const std::string trouble = trouble_of(socket_);
      const std::ptrdiff_t received = receive_some(socket_, std::span(in_).subspan(end_));
      if (received < 0) {
        socket_.close();
        throw Closed("the aggregator at " + address_ + " has closed the connection, or never took it" +
                     (trouble.empty() ? "" : " (" + trouble + ")") + "; see whether it still runs there");
      }
      end_ += static_cast<std::size_t>(received);
    }
    if (seconds_now() - start > identity_.timeout) {
      socket_.close();
      throw TimedOut("the aggregator at " + address_ + " sent nothing for " + shown(identity_.timeout) +
                     " seconds; see whether it and all workers still run, or take a larger timeout");
    }
  }
  return frame;
}

void AggregatorClient::gather(std::span<const std::uint8_t> payload, std::span<std::uint8_t> rows, const Pause& pause) {
  const Call call(*this);
  if (payload.size() > kMostGathered)
    throw InvalidInput("an aggregator gathers at most " + std::to_string(kMostGathered) + " bytes of a worker, but " +
                       std::to_string(payload.size()) + " were given; take smaller buckets");
  if (in_.size() < 2 * kHeaderBytes + rows.size()) in_.resize(2 * kHeaderBytes + rows.size());
  FrameHeader asked = header(FrameType::gather);
  asked.epoch = gathers_++;
  put_frame(asked, std::as_bytes(payload), out_);
  for (;;) {
    const Frame frame = next_frame(pause);
    if (frame.header.type == FrameType::result || frame.header.type == FrameType::gone) continue;  // answered before
    if (frame.header.type != FrameType::gathered || frame.header.epoch != asked.epoch ||
        frame.payload.size() != rows.size())
      throw CorruptData("the aggregator at " + address_ + " does not answer a GATHER as this version does");
    std::memcpy(rows.data(), frame.payload.data(), rows.size());
    return;
  }
}

void AggregatorClient::put_chunk(std::size_t chunk, std::uint8_t table, std::span<const std::uint8_t> packed) {
  const std::size_t bytes = packed_bytes(welcome_.chunk, bits_), first = chunk * bytes;
  FrameHeader codes = header(FrameType::codes);
  codes.bits = static_cast<std::uint8_t>(bits_);
  codes.lanes = static_cast<std::uint8_t>(lanes_);
  codes.table = table;
  codes.slot = static_cast<std::uint16_t>((position_ + chunk) % welcome_.slots);
  codes.epoch = static_cast<std::uint32_t>((position_ + chunk) / welcome_.slots);
  put_frame(codes, std::as_bytes(packed.subspan(first, std::min(bytes, packed.size() - first))), out_, bytes);
}

template <typename Sum>
void AggregatorClient::combine(std::uint8_t table, std::span<const std::uint8_t> packed, std::span<Sum> sums,
                               std::span<std::uint16_t> counts, const Pause& pause) {
  const Call call(*this);
  const std::size_t chunks = counts.size(), slots = welcome_.slots;
  std::vector<bool> waiting(chunks, false);
  const auto ask = [&](std::size_t chunk) {
    put_chunk(chunk, table, packed);
    waiting[chunk] = true;
  };
  for (std::size_t chunk = 0; chunk < std::min(slots, chunks); ++chunk) ask(chunk);
  for (std::size_t left = chunks; left > 0;) {
    const Frame frame = next_frame(pause);
    const bool gone = frame.header.type == FrameType::gone;
    if (!gone && frame.header.type != FrameType::result)
      throw CorruptData("the aggregator at " + address_ + " does not answer CODES as this version does");
    // The position of the chunk, of which the frame knows the lower bits: those of earlier rounds wrap far beyond.
    const std::uint32_t ahead = frame.header.epoch - static_cast<std::uint32_t>(position_ / slots);
    const std::uint64_t chunk = ahead * std::uint64_t{slots} + frame.header.slot - position_ % slots;
    if (chunk >= chunks || !waiting[chunk]) continue;  // answered before
    const std::size_t first = chunk * welcome_.chunk, many = std::min<std::size_t>(welcome_.chunk, sums.size() - first);
    if (!gone) {
      if (frame.payload.size() != welcome_.chunk * sizeof(Sum) || frame.header.worker == 0 ||
          frame.header.worker > welcome_.workers)
        throw CorruptData("the aggregator at " + address_ + " sends sums of another length");
      take_sums(frame.payload, sums.subspan(first, many));
    }
    counts[chunk] = gone ? 0 : frame.header.worker;
    waiting[chunk] = false;
    --left;
    if (chunk + slots < chunks) ask(chunk + slots);
  }
  position_ += chunks;
}

template void AggregatorClient::combine(std::uint8_t, std::span<const std::uint8_t>, std::span<std::uint8_t>,
                                        std::span<std::uint16_t>, const Pause&);
template void AggregatorClient::combine(std::uint8_t, std::span<const std::uint8_t>, std::span<std::uint16_t>,
                                        std::span<std::uint16_t>, const Pause&);

}  // namespace bh::gradients
