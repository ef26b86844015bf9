// The rules of an aggregator: what it does with the bytes of its peers, without sockets, threads or a clock.
//
// It serves one job at a time, of a known number of workers, and takes the next when all of the last have left. Nothing
// is allocated by what a frame claims. What it keeps for a peer is bounded: at most one incomplete frame of its bytes,
// and, as the caller does not read from a peer whose answers are `crowded`, answers to what it may still have sent.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gradients/slots.h"
#include "gradients/wire.h"

namespace bh::gradients {

struct ServiceOptions {
  std::size_t workers;
  std::size_t needed;  // complete a chunk
  std::size_t slots;
  std::size_t chunk;  // coordinates, a multiple of kGroup
  int lanes;          // 8 or 16
  double timeout;     // seconds
  std::array<std::byte, 32> token;
};

// Bytes of slots and of gathered payloads.
std::size_t service_bytes(const ServiceOptions& options);

// One connection.
struct Peer {
  double since = 0;                 // when it came
  std::optional<std::size_t> rank;  // after its HELLO
  std::vector<std::byte> inbox;     // an incomplete frame
  std::vector<std::byte> out;       // answers that the caller sends
  bool ended = false;               // send what is in `out`, then close
  bool said_bye = false;
  bool silent() const { return !rank && !ended; }  // has not said who it is
};

struct ServiceCounts {
  std::uint64_t frames = 0;   // whole and valid ones
  std::uint64_t results = 0;  // chunks that were completed
  std::uint64_t late = 0;     // messages that were not added, as their chunk was complete
  std::uint64_t gone = 0;     // and those whose slot had moved on
  std::uint64_t refused = 0;  // peers that broke a rule
  std::uint64_t lost = 0;     // workers that left before the job was done
};

class Aggregation {
 public:
  explicit Aggregation(const ServiceOptions& options);

  // Takes bytes of a peer; answers to it and to others are added to their `out`.
  void receive(Peer& peer, Bytes bytes, double now);
  // The peer's connection is closed.
  void leave(Peer& peer, double now);
  // Ends what has waited too long; returns whether anything waits.
  bool tick(double now);
  // A peer that has not yet said who it is, and has had the time to.
  bool overdue(const Peer& peer, double now) const { return peer.silent() && now - peer.since > options_.timeout; }
  bool crowded(const Peer& peer) const { return peer.out.size() > crowd_; }

  const ServiceCounts& counts() const { return counts_; }
  std::size_t connected() const;

 private:
  enum class Standing : std::uint8_t { expected, connected, lost };
  struct Worker {
    Standing standing = Standing::expected;
    Peer* peer = nullptr;
    bool gathering = false;  // its payload of the gather in progress is here
    bool reachable() const { return standing == Standing::connected && !peer->ended; }
  };
  struct Job {
    std::uint64_t id;
    int bits;
    std::vector<std::vector<std::uint16_t>> tables;
  };

  std::size_t most_payload(const Peer& peer) const;
  void handle(Peer& peer, Bytes frame, double now);
  void hello(Peer& peer, const FrameHeader& header, Bytes payload);
  void gather(Peer& peer, const FrameHeader& header, Bytes payload, double now);
  void finish_gather();
  void codes(Peer& peer, const FrameHeader& header, Bytes payload, double now);
  void send_result(Peer& peer, std::size_t slot, std::uint32_t epoch);
  void refuse(Peer& peer, ErrorKind kind, const std::string& text);
  void lose(std::size_t rank, const std::string& why, double now);
  void fail(ErrorKind kind, const std::string& text);
  bool waiting(std::size_t rank) const;
  std::size_t remaining() const;
  void reset();

  ServiceOptions options_;
  std::size_t crowd_;
  Slots slots_;
  std::vector<Worker> workers_;
  std::optional<Job> job_;
  std::vector<std::byte> gathered_;  // kMostGathered bytes for each worker
  std::size_t gather_bytes_ = 0;     // of one worker's payload, while gathering
  std::size_t gathering_ = 0;        // workers
  std::uint32_t gather_number_ = 0;
  std::vector<std::byte> result_;  // the frame of the last complete chunk
  double progress_ = 0;            // when something was added last
  ErrorKind failure_kind_ = ErrorKind::closed;
  std::string failure_;  // why the job cannot go on
  ServiceCounts counts_;
};

}  // namespace bh::gradients
