// A worker's end of a connection to an aggregator.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gradients/sockets.h"
#include "gradients/wire.h"

namespace bh::gradients {

class AggregatorClient {
 public:
  struct Identity {
    std::uint16_t rank;
    std::uint64_t job;
    double timeout;  // seconds without anything new, after which a wait ends; 0 is a bit longer than the aggregator's
  };
  // Called now and then while it waits; throws to give up.
  using Pause = std::function<void()>;

  // Connects and says hello. Throws what the aggregator answers; Closed or TimedOut if it does not.
  AggregatorClient(const std::string& host, std::uint16_t port, const Hello& hello, const Identity& identity,
                   const Pause& pause);
  ~AggregatorClient() { close(); }
  const Welcome& welcome() const { return welcome_; }
  int lanes() const { return lanes_; }
  int bits() const { return bits_; }

  // Bytes of every worker, by rank, each row after a byte that is 0 for one that has left.
  void gather(std::span<const std::uint8_t> payload, std::span<std::uint8_t> rows, const Pause& pause);

  // Sends packed codes of sums.size() coordinates, and takes the sums and how many workers are in those of each chunk:
  // 0 where the sum is gone. Sum is a byte or a word, by the lanes.
  template <typename Sum>
  void combine(std::uint8_t table, std::span<const std::uint8_t> packed, std::span<Sum> sums,
               std::span<std::uint16_t> counts, const Pause& pause);

  // Says goodbye. Later calls throw Closed, and so does one that waits on another thread.
  void close();

 private:
  struct Frame {
    FrameHeader header;
    Bytes payload;
  };

  FrameHeader header(FrameType type) const { return {.type = type, .job = identity_.job, .worker = identity_.rank}; }
  void put_chunk(std::size_t chunk, std::uint8_t table, std::span<const std::uint8_t> packed);
  // The next whole frame, which lives until the next call; sends what is to be sent meanwhile.
  Frame next_frame(const Pause& pause);
  bool take_frame(Frame& frame);
  void flush();

  // One call at a time, and none after close().
  class Call {
   public:
    explicit Call(AggregatorClient& client);
    ~Call();

   private:
    AggregatorClient& client_;
  };

  Identity identity_;
  std::string address_;
  Socket socket_;
  Welcome welcome_{};
  int lanes_ = 0, bits_;
  std::vector<std::byte> in_, out_;
  std::size_t begin_ = 0, end_ = 0;  // of what was received and not yet taken
  std::size_t out_sent_ = 0;
  std::uint32_t gathers_ = 0;
  std::uint64_t position_ = 0;  // of the next chunk in the run
  std::atomic<bool> busy_ = false, leaving_ = false;
};

}  // namespace bh::gradients
