#include "gradients/aggregator.h"

#include <poll.h>

#include <algorithm>
#include <array>

namespace bh::gradients {
namespace {

constexpr std::size_t kBatch = 1 << 16;  // bytes that are read from a peer before the others have their turn
constexpr std::size_t kStrangers = 64;   // connections beyond those of the workers
constexpr std::size_t kAccepted = 16;    // in a round: fewer than strangers, so that none gives way before it was read
constexpr double kDrain = 2;             // seconds in which a refused peer may read why
constexpr int kTick = 100;               // milliseconds between looks at what waits

}  // namespace

Aggregator::Aggregator(const std::string& host, std::uint16_t port, const ServiceOptions& options)
    : options_(options), rules_(options), listener_(listen_at(host, port)), batch_(kBatch) {
  auto [woken, wake] = wake_pipe();
  woken_ = std::move(woken);
  wake_ = std::move(wake);
  thread_ = std::thread([this] { run(); });
}

void Aggregator::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake_.close();
  thread_.join();
  connections_.clear();
  listener_.close();
}

ServiceStats Aggregator::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Aggregator::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign({{woken_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}});
    for (const Connection& each : connections_) {
      const bool reads = each.peer.ended || !rules_.crowded(each.peer);
      polled.push_back(
          {each.socket.fd(), static_cast<short>((reads ? POLLIN : 0) | (each.peer.out.empty() ? 0 : POLLOUT)), 0});
    }
    ::poll(polled.data(), polled.size(), connections_.empty() ? -1 : kTick);
    if (stopping_) return;
    const double now = seconds_now();
    std::size_t i = 2;
    for (Connection& each : connections_)
      if (polled[i++].revents & (POLLIN | POLLERR | POLLHUP)) read(each, now);
    if (polled[1].revents) accept(now);
    rules_.tick(now);
    for (Connection& each : connections_) write(each, now);
    for (auto each = connections_.begin(); each != connections_.end();) {
      if (each->closed) rules_.leave(each->peer, now);
      each = each->closed ? connections_.erase(each) : std::next(each);
    }
    const std::lock_guard lock(mutex_);
    stats_ = {rules_.counts(), rules_.connected(), connections_.size(), received_, sent_};
  }
}

void Aggregator::accept(double now) {
  for (std::size_t i = 0; i < kAccepted; ++i) {
    Socket socket = accept_at(listener_);
    if (socket.fd() < 0) return;
    if (connections_.size() >= options_.workers + kStrangers) make_room();
    connections_.emplace_back().socket = std::move(socket);
    connections_.back().peer.since = now;
  }
}

// Closes the connection that has kept its place for the longest without saying who it is; if none does, one that was
// refused and may not have read why. There is one: at most `workers` connections have a rank.
void Aggregator::make_room() {
  const auto end = connections_.end();
  auto found = std::find_if(connections_.begin(), end, [](const Connection& each) { return each.peer.silent(); });
  if (found == end)
    found = std::find_if(connections_.begin(), end, [](const Connection& each) { return !each.peer.rank; });
  if (found != end) connections_.erase(found);
}

void Aggregator::read(Connection& connection, double now) {
  const std::ptrdiff_t received = receive_some(connection.socket, batch_);
  if (received < 0) {
    connection.closed = true;
    return;
  }
  received_ += static_cast<std::uint64_t>(received);
  rules_.receive(connection.peer, std::span(batch_).first(static_cast<std::size_t>(received)), now);
}

// Sends what it can. A peer that has ended reads the last of it, and only then is its connection closed: unread bytes
// of its own would else destroy what is on the way to it.
void Aggregator::write(Connection& connection, double now) {
  Peer& peer = connection.peer;
  if (connection.closed) return;
  while (!peer.out.empty()) {
    const std::ptrdiff_t sent = send_some(connection.socket, peer.out);
    if (sent < 0) connection.closed = true;
    if (sent <= 0) break;
    sent_ += static_cast<std::uint64_t>(sent);
    peer.out.erase(peer.out.begin(), peer.out.begin() + sent);
  }
  if (!peer.ended) {
    connection.closed |= rules_.overdue(peer, now);
    return;
  }
  if (connection.until == 0) connection.until = now + kDrain;
  if (peer.out.empty()) end_sending(connection.socket);
  if (now > connection.until || peer.said_bye) connection.closed = true;
}

}  // namespace bh::gradients
