// A server that adds the codes of workers: the rules of Aggregation, on a thread and a TCP port of its own.
#pragma once
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gradients/aggregation.h"
#include "gradients/sockets.h"

namespace bh::gradients {

struct ServiceStats {
  ServiceCounts counts;
  std::uint64_t workers = 0;      // connected now
  std::uint64_t connections = 0;  // these, and those that have not said who they are
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
};

class Aggregator {
 public:
  // Listens at once. Throws InvalidInput if nothing can listen there.
  Aggregator(const std::string& host, std::uint16_t port, const ServiceOptions& options);
  ~Aggregator() { stop(); }
  std::uint16_t port() const { return port_of(listener_); }
  ServiceStats stats() const;
  // Closes all connections; then nothing listens any more.
  void stop();

 private:
  struct Connection {
    Socket socket;
    Peer peer;
    double until = 0;  // while it drains: when it is closed at the latest
    bool closed = false;
  };

  void run();
  void accept(double now);
  void make_room();
  void read(Connection& connection, double now);
  void write(Connection& connection, double now);

  ServiceOptions options_;
  Aggregation rules_;
  Socket listener_, woken_, wake_;
  std::list<Connection> connections_;
  std::vector<std::byte> batch_;
  std::uint64_t received_ = 0, sent_ = 0;
  mutable std::mutex mutex_;
  ServiceStats stats_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace bh::gradients
