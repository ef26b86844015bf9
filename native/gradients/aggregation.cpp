#include "gradients/aggregation.h"

#include <algorithm>
#include <cstring>

#include "support/errors.h"

namespace bh::gradients {
namespace {

// Equal, in a time that does not tell how far.
bool same_token(const std::array<std::byte, 32>& a, const std::array<std::byte, 32>& b) {
  std::byte differs{};
  for (std::size_t i = 0; i < a.size(); ++i) differs |= a[i] ^ b[i];
  return differs == std::byte{};
}

std::string number(std::size_t n) { return std::to_string(n); }

}  // namespace

std::size_t service_bytes(const ServiceOptions& options) {
  return options.slots * 2 * options.chunk * static_cast<std::size_t>(options.lanes) / 8 +
         options.workers * kMostGathered;
}

Aggregation::Aggregation(const ServiceOptions& options)
    : options_(options),
      crowd_((options.slots + 1) * (kHeaderBytes + options.chunk * static_cast<std::size_t>(options.lanes) / 8)),
      slots_(options.slots, options.chunk, options.lanes, options.workers, options.needed),
      workers_(options.workers),
      gathered_(options.workers * kMostGathered) {}

std::size_t Aggregation::connected() const {
  return static_cast<std::size_t>(std::count_if(
      workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.standing == Standing::connected; }));
}

std::size_t Aggregation::remaining() const {
  return static_cast<std::size_t>(std::count_if(
      workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.standing != Standing::lost; }));
}

std::size_t Aggregation::most_payload(const Peer& peer) const {
  if (!peer.rank) return kMostHello;
  return std::max(kMostGathered, packed_bytes(options_.chunk, job_->bits));
}

void Aggregation::receive(Peer& peer, Bytes bytes, double now) {
  try {
    while (!bytes.empty() && !peer.ended) {
      if (peer.inbox.empty()) {
        const std::size_t whole = frame_bytes(bytes, most_payload(peer));
        if (whole == 0 || bytes.size() < whole) {
          peer.inbox.assign(bytes.begin(), bytes.end());
          return;
        }
        handle(peer, bytes.first(whole), now);
        bytes = bytes.subspan(whole);
        continue;
      }
      const std::size_t had = peer.inbox.size();
      const std::size_t wanted = had < kHeaderBytes ? kHeaderBytes : frame_bytes(peer.inbox, most_payload(peer));
      const std::size_t taken = std::min(wanted - had, bytes.size());
      peer.inbox.insert(peer.inbox.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (peer.inbox.size() == frame_bytes(peer.inbox, most_payload(peer))) {
        handle(peer, peer.inbox, now);
        peer.inbox.clear();
      }
    }
  } catch (const CorruptData& error) {
    refuse(peer, ErrorKind::corrupt, error.what());
  } catch (const InvalidInput& error) {
    refuse(peer, ErrorKind::invalid, error.what());
  } catch (const CapacityExceeded& error) {
    refuse(peer, ErrorKind::capacity, error.what());
  }
}

void Aggregation::handle(Peer& peer, Bytes frame, double now) {
  const FrameHeader header = checked_header(frame);
  const Bytes payload = frame.subspan(kHeaderBytes);
  ++counts_.frames;
  if (!peer.rank) {
    if (header.type != FrameType::hello) throw CorruptData("the first frame of a worker must be a HELLO");
    return hello(peer, header, payload);
  }
  if (header.job != job_->id || header.worker != *peer.rank)
    throw CorruptData("a frame is of another job or worker than its connection");
  switch (header.type) {
    case FrameType::gather: return gather(peer, header, payload, now);
    case FrameType::codes: return codes(peer, header, payload, now);
    case FrameType::bye: peer.ended = peer.said_bye = true; return;
    default:
      throw CorruptData("a frame has type " + std::to_string(static_cast<int>(header.type)) +
                        ", which an aggregator sends but does not take");
  }
}

void Aggregation::hello(Peer& peer, const FrameHeader& header, Bytes payload) {
  Hello hello = read_hello(payload);
  const std::size_t rank = header.worker;
  if (!same_token(hello.token, options_.token))
    throw InvalidInput("the token is wrong; pass the one that the aggregator was started with");
  if (hello.workers != options_.workers)
    throw InvalidInput("worker " + number(rank) + " says that there are " + number(hello.workers) +
                       " workers, but the aggregator was started for " + number(options_.workers));
  if (rank >= options_.workers)
    throw InvalidInput("rank is " + number(rank) + ", but must be below " + number(options_.workers));
  const std::size_t most = (std::size_t{1} << options_.lanes) - 1;
  for (const auto& points : hello.tables)
    if (options_.workers * points.back() > most)
      throw CapacityExceeded(
          number(options_.workers) + " workers x granularity " + number(points.back()) + " = " +
          number(options_.workers * points.back()) + " > " + number(most) +
          ": start the aggregator with lanes=16, or take granularity <= " + number(most / options_.workers));
  if (job_ && job_->id != header.job)
    throw InvalidInput("the aggregator serves another job; wait until its workers have left, or start a second one");
  if (job_ && (job_->bits != hello.bits || job_->tables != hello.tables))
    throw InvalidInput("worker " + number(rank) +
                       " has other tables than those before it; open all workers with one codec");
  Worker& worker = workers_[rank];
  if (worker.standing == Standing::connected)
    throw InvalidInput("worker " + number(rank) + " is connected already; give each worker a rank of its own");
  if (worker.standing == Standing::lost)
    throw InvalidInput("worker " + number(rank) +
                       " has left this job, which went on without it; begin a new job to bring it back");
  if (!job_) job_ = Job{header.job, hello.bits, std::move(hello.tables)};
  worker = {.standing = Standing::connected, .peer = &peer};
  peer.rank = rank;
  const Welcome welcome{static_cast<std::uint16_t>(options_.workers), static_cast<std::uint16_t>(options_.needed),
                        static_cast<std::uint32_t>(options_.slots), static_cast<std::uint32_t>(options_.chunk),
                        static_cast<float>(options_.timeout)};
  put_frame({.type = FrameType::welcome,
             .lanes = static_cast<std::uint8_t>(options_.lanes),
             .job = job_->id,
             .worker = header.worker},
            std::as_bytes(std::span(&welcome, 1)), peer.out);
}

void Aggregation::gather(Peer& peer, const FrameHeader& header, Bytes payload, double now) {
  if (!failure_.empty()) return refuse(peer, failure_kind_, failure_);
  Worker& worker = workers_[*peer.rank];
  if (payload.size() > kMostGathered) throw CorruptData("a GATHER has more bytes than an aggregator keeps");
  if (header.epoch != gather_number_ || worker.gathering)
    throw CorruptData("worker " + number(*peer.rank) + " gathers round " + number(header.epoch) + ", but round " +
                      number(gather_number_) + " is in progress");
  if (gathering_ > 0 && payload.size() != gather_bytes_)
    throw InvalidInput("worker " + number(*peer.rank) + " gathers " + number(payload.size()) +
                       " bytes, but those before it " + number(gather_bytes_) +
                       "; open all workers with one codec and layout");
  gather_bytes_ = payload.size();
  std::copy(payload.begin(), payload.end(),
            gathered_.begin() + static_cast<std::ptrdiff_t>(*peer.rank * kMostGathered));
  worker.gathering = true;
  ++gathering_;
  progress_ = now;
  finish_gather();
}

// Answers all, if nobody who is still expected is missing.
void Aggregation::finish_gather() {
  if (gathering_ == 0) return;
  for (const Worker& worker : workers_)
    if (worker.standing != Standing::lost && !worker.gathering) return;
  std::vector<std::byte> frame;
  const std::size_t row = 1 + gather_bytes_;
  begin_frame({.type = FrameType::gathered, .job = job_->id, .epoch = gather_number_}, row * workers_.size(), frame);
  for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
    if (!workers_[rank].gathering) continue;
    std::byte* const at = frame.data() + kHeaderBytes + rank * row;
    *at = std::byte{1};
    std::copy_n(gathered_.data() + rank * kMostGathered, gather_bytes_, at + 1);
  }
  seal_frame(frame, 0);
  for (Worker& worker : workers_) {
    if (worker.reachable()) worker.peer->out.insert(worker.peer->out.end(), frame.begin(), frame.end());
    worker.gathering = false;
  }
  gathering_ = 0;
  ++gather_number_;
}

void Aggregation::codes(Peer& peer, const FrameHeader& header, Bytes payload, double now) {
  if (header.bits != job_->bits || header.lanes != options_.lanes || header.table >= job_->tables.size() ||
      header.slot >= options_.slots || payload.size() != packed_bytes(options_.chunk, job_->bits))
    throw CorruptData("codes do not fit the job: their bits, lanes, table, slot or length differ");
  const std::span packed(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
  switch (slots_.receive(*peer.rank, header.slot, header.epoch, packed, job_->tables[header.table], job_->bits,
                         header.table)) {
    case Verdict::added:
      progress_ = now;
      if (!failure_.empty()) refuse(peer, failure_kind_, failure_);
      return;
    case Verdict::complete:
      progress_ = now;
      ++counts_.results;
      result_.clear();
      for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
        const Worker& worker = workers_[rank];
        // Those who have not sent it get it too, unless they do not read what they were sent before.
        if (worker.reachable() && (slots_.has(header.slot, header.epoch, rank) || !crowded(*worker.peer)))
          send_result(*worker.peer, header.slot, header.epoch);
      }
      return;
    case Verdict::late: ++counts_.late; [[fallthrough]];
    case Verdict::repeat: result_.clear(); return send_result(peer, header.slot, header.epoch);
    case Verdict::gone:
      ++counts_.gone;
      return put_frame({.type = FrameType::gone, .job = job_->id, .epoch = header.epoch, .slot = header.slot}, {},
                       peer.out);
    case Verdict::duplicate: return;
    case Verdict::ahead: throw CorruptData("codes are of an epoch that no worker can have reached");
    case Verdict::other_table:
      throw InvalidInput("worker " + number(*peer.rank) +
                         " has codes of another table than those before it; open all workers with one codec");
  }
}

// The frame is made once for all who get it: who clears `result_` asks for a new one.
void Aggregation::send_result(Peer& peer, std::size_t slot, std::uint32_t epoch) {
  if (result_.empty()) {
    const Slots::Bank& bank = slots_.bank(slot, epoch);
    begin_frame({.type = FrameType::result,
                 .lanes = static_cast<std::uint8_t>(options_.lanes),
                 .table = bank.table,
                 .job = job_->id,
                 .epoch = epoch,
                 .slot = static_cast<std::uint16_t>(slot),
                 .worker = static_cast<std::uint16_t>(bank.count)},
                slots_.result_bytes(), result_);
    slots_.write_result(slot, epoch, std::span(result_).subspan(kHeaderBytes));
    seal_frame(result_, 0);
  }
  peer.out.insert(peer.out.end(), result_.begin(), result_.end());
}

void Aggregation::refuse(Peer& peer, ErrorKind kind, const std::string& text) {
  if (peer.ended) return;
  ++counts_.refused;
  const std::string_view shown = std::string_view(text).substr(0, kMostText);
  put_frame({.type = FrameType::error, .table = static_cast<std::uint8_t>(kind), .job = job_ ? job_->id : 0},
            std::as_bytes(std::span(shown)), peer.out);
  peer.ended = true;
}

void Aggregation::leave(Peer& peer, double now) {
  if (!peer.rank) return;
  const std::size_t rank = *peer.rank;
  if (!peer.said_bye) ++counts_.lost;
  lose(rank, "worker " + number(rank) + " has left", now);
  if (connected() == 0) reset();
}

// Takes a worker out of the job, which goes on if enough remain.
void Aggregation::lose(std::size_t rank, const std::string& why, double now) {
  Worker& worker = workers_[rank];
  if (worker.peer) worker.peer->rank.reset();
  if (worker.gathering) --gathering_;
  worker = {.standing = Standing::lost};
  if (remaining() < options_.needed) {
    fail(ErrorKind::closed, why + ", and " + number(remaining()) + " of " + number(options_.workers) +
                                " workers are fewer than the " + number(options_.needed) + " that complete a sum");
    return;
  }
  progress_ = now;
  finish_gather();
}

// Tells all who wait; those who read their last results find out if they ask for more.
void Aggregation::fail(ErrorKind kind, const std::string& text) {
  if (!failure_.empty()) return;
  failure_kind_ = kind;
  failure_ = text;
  for (std::size_t rank = 0; rank < workers_.size(); ++rank)
    if (workers_[rank].reachable() && waiting(rank)) refuse(*workers_[rank].peer, kind, text);
}

bool Aggregation::waiting(std::size_t rank) const {
  bool found = workers_[rank].gathering;
  slots_.each_open([&](std::size_t slot, std::uint32_t epoch) { found |= slots_.has(slot, epoch, rank); });
  return found;
}

bool Aggregation::tick(double now) {
  const bool waits = gathering_ > 0 || slots_.open_banks() > 0;
  if (!waits || !failure_.empty() || now - progress_ <= options_.timeout) return waits;
  std::vector<bool> silent(workers_.size(), false);
  for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
    if (workers_[rank].standing == Standing::lost) continue;
    silent[rank] = gathering_ > 0 && !workers_[rank].gathering;
    slots_.each_open([&](std::size_t slot, std::uint32_t epoch) {
      if (!slots_.has(slot, epoch, rank)) silent[rank] = true;
    });
  }
  const auto many = static_cast<std::size_t>(std::count(silent.begin(), silent.end(), true));
  const auto first = static_cast<std::size_t>(std::find(silent.begin(), silent.end(), true) - silent.begin());
  const std::string why = "worker " + number(first) + (many > 1 ? " and " + number(many - 1) + " more" : "") +
                          " sent nothing for " + shown(options_.timeout) + " seconds";
  if (remaining() - many < options_.needed) {
    fail(ErrorKind::timed_out, why + "; see what keeps them, or start the aggregator with a larger timeout");
    return false;
  }
  for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
    if (!silent[rank]) continue;
    ++counts_.lost;
    if (workers_[rank].peer) refuse(*workers_[rank].peer, ErrorKind::timed_out, why + ", and the job went on");
    lose(rank, why, now);
  }
  return true;
}

// The next job finds all as it was at the start.
void Aggregation::reset() {
  std::fill(workers_.begin(), workers_.end(), Worker{});
  slots_.clear();
  job_.reset();
  gathering_ = 0;
  gather_number_ = 0;
  failure_.clear();
}

}  // namespace bh::gradients
