// TCP as an aggregator and its clients use it: non-blocking, without delay, and with a timeout on every wait.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace bh::gradients {

// Owns a file descriptor.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { close(); }
  int fd() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

// Throws InvalidInput if nothing can listen there. Port 0 takes a free one.
Socket listen_at(const std::string& host, std::uint16_t port);
std::uint16_t port_of(const Socket& listener);
// The next connection, or one that is not open if none waits.
Socket accept_at(const Socket& listener);
// Begins to connect; it is open once it can be written to. Throws InvalidInput for an unknown host.
Socket connect_to(const std::string& host, std::uint16_t port);
// What went wrong on this socket; empty if nothing did.
std::string trouble_of(const Socket& socket);

// A pair of ends; writing to the second wakes who polls the first.
std::pair<Socket, Socket> wake_pipe();

// Bytes moved, 0 if it would wait now, -1 if the connection has ended.
std::ptrdiff_t send_some(const Socket& socket, std::span<const std::byte> bytes);
std::ptrdiff_t receive_some(const Socket& socket, std::span<std::byte> bytes);
void end_sending(const Socket& socket);

double seconds_now();

}  // namespace bh::gradients
