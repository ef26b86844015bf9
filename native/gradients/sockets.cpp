#include "gradients/sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>

#include "support/errors.h"

namespace bh::gradients {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif

void prepare(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
  ::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0)
    throw InvalidInput("address has the host '" + host + "', which is not known (" + ::gai_strerror(failed) +
                       "); pass one as 127.0.0.1:5000");
  return {found, &::freeaddrinfo};
}

}  // namespace

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Socket listen_at(const std::string& host, std::uint16_t port) {
  const Addresses addresses = resolve(host, port, AI_PASSIVE);
  Socket socket(::socket(addresses->ai_family, addresses->ai_socktype, addresses->ai_protocol));
  if (socket.fd() >= 0) {
    prepare(socket.fd());
    const int on = 1;
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (socket.fd() < 0 || ::bind(socket.fd(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
      ::listen(socket.fd(), 1024) != 0)
    throw InvalidInput("nothing can listen at " + host + ":" + std::to_string(port) + " (" + std::strerror(errno) +
                       "); bind to an address of this machine, and to a free port or 0");
  return socket;
}

std::uint16_t port_of(const Socket& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Socket accept_at(const Socket& listener) {
  Socket socket(::accept(listener.fd(), nullptr, nullptr));
  if (socket.fd() >= 0) prepare(socket.fd());
  return socket;
}

Socket connect_to(const std::string& host, std::uint16_t port) {
  const Addresses addresses = resolve(host, port, 0);
  Socket socket(::socket(addresses->ai_family, addresses->ai_socktype, addresses->ai_protocol));
  if (socket.fd() < 0) throw Closed(std::string("no socket can be opened (") + std::strerror(errno) + ")");
  prepare(socket.fd());
  if (::connect(socket.fd(), addresses->ai_addr, addresses->ai_addrlen) != 0 && errno != EINPROGRESS)
    throw Closed("no aggregator answers at " + host + ":" + std::to_string(port) + " (" + std::strerror(errno) + ")");
  return socket;
}

std::string trouble_of(const Socket& socket) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? std::string() : std::strerror(error);
}

std::pair<Socket, Socket> wake_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) throw Closed(std::string("no pipe can be opened (") + std::strerror(errno) + ")");
  for (const int fd : ends) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return {Socket(ends[0]), Socket(ends[1])};
}

std::ptrdiff_t send_some(const Socket& socket, std::span<const std::byte> bytes) {
  const std::ptrdiff_t sent = ::send(socket.fd(), bytes.data(), bytes.size(), kNoSignal);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

std::ptrdiff_t receive_some(const Socket& socket, std::span<std::byte> bytes) {
  const std::ptrdiff_t received = ::recv(socket.fd(), bytes.data(), bytes.size(), 0);
  if (received > 0) return received;
  return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

void end_sending(const Socket& socket) { ::shutdown(socket.fd(), SHUT_WR); }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace bh::gradients
