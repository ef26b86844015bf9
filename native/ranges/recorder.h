// A sample of the range queries that a system sees: the latest `capacity` of about every `every`-th.
//
// The ring keeps each query until it is full; from then on the i-th gap between two that are kept is
// 1 + range(kth(seed, i), 2 * every - 1), of mean `every`: a fixed step would resonate with a period of the workload.
// A query that is not kept costs one atomic decrement; whoever keeps one takes the mutex.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "support/errors.h"
#include "support/hash.h"

namespace bh::ranges {

template <typename Bound>
struct ClosedRange {
  Bound lo, hi;
  bool operator==(const ClosedRange&) const = default;
};

class QueryRecorder {
 public:
  using Codes = ClosedRange<std::uint64_t>;
  using Strings = ClosedRange<std::string>;
  static constexpr std::uint16_t kUnsettled = 0xFFFF;

  explicit QueryRecorder(std::uint64_t capacity = 20'000, std::uint64_t every = 100, std::uint64_t seed = 0)
      : capacity_(capacity), every_(every), seed_(seed) {
    if (capacity < 1 || capacity > kMost) refuse("capacity", capacity);
    if (every < 1 || every > kMost) refuse("every", every);
  }
  QueryRecorder(const QueryRecorder&) = delete;
  QueryRecorder& operator=(const QueryRecorder&) = delete;

  // All queries of a recorder are of one kind of keys: false if it is settled on another one.
  bool settle(std::uint16_t kind) {
    std::uint16_t before = kUnsettled;
    return kind_.compare_exchange_strong(before, kind) || before == kind;
  }
  std::uint16_t kind() const { return kind_.load(); }

  // Both ends belong to the range. Callable from many threads.
  void record(std::uint64_t lo, std::uint64_t hi) {
    const auto left = countdown_.fetch_sub(1, std::memory_order_relaxed);
    if (left <= 1) consider(codes_, left, [&] { return Codes{lo, hi}; });
  }
  void record(std::string_view lo, std::string_view hi) {
    const auto left = countdown_.fetch_sub(1, std::memory_order_relaxed);
    if (left <= 1) consider(strings_, left, [&] { return Strings{std::string(lo), std::string(hi)}; });
  }

  // Copies of what is kept, by lo.
  std::vector<Codes> codes() const { return copy(codes_); }
  std::vector<Strings> strings() const { return copy(strings_); }

  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t every() const { return every_; }
  std::uint64_t seed() const { return seed_; }
  // How many queries came by.
  std::uint64_t seen() const {
    const std::lock_guard guard(mutex_);
    return static_cast<std::uint64_t>(issued_ - countdown_.load());
  }
  // Forgets all, and fills again; the kind of the keys stays.
  void clear() {
    const std::lock_guard guard(mutex_);
    codes_.clear();
    strings_.clear();
    countdown_.store(0);
    issued_ = 0;
    next_ = gaps_ = 0;
  }

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 32;

  [[noreturn]] static void refuse(const char* name, std::uint64_t value) {
    throw InvalidInput(std::string(name) + " is " + std::to_string(value) + ", but must be from 1 to 2**32");
  }

  // `left` is what the countdown held before this query: at 1 it is the one to keep. Below, others came while somebody
  // was about to set the next gap; while the ring fills, all are there, and all are kept.
  template <typename Ring, typename Make>
  void consider(Ring& ring, std::int64_t left, Make&& make) {
    const std::lock_guard guard(mutex_);
    if (ring.size() < capacity_) {
      ring.push_back(make());
      if (ring.size() == capacity_) advance(static_cast<std::int64_t>(capacity_));
    } else if (left == 1) {
      ring[next_] = make();
      next_ = next_ + 1 == capacity_ ? 0 : next_ + 1;
      advance(0);
    }
  }

  void advance(std::int64_t more) {
    do {
      more += 1 + static_cast<std::int64_t>(range(kth(seed_, ++gaps_), 2 * every_ - 1));
      issued_ += more;
      if (countdown_.fetch_add(more) + more > 0) return;
      more = 0;  // more queries came meanwhile than the gap is long
    } while (true);
  }

  template <typename Ring>
  Ring copy(const Ring& ring) const {
    Ring copied;
    {
      const std::lock_guard guard(mutex_);
      copied = ring;
    }
    std::sort(copied.begin(), copied.end(),
              [](const auto& a, const auto& b) { return std::tie(a.lo, a.hi) < std::tie(b.lo, b.hi); });
    return copied;
  }

  const std::uint64_t capacity_, every_, seed_;
  std::atomic<std::uint16_t> kind_ = kUnsettled;
  alignas(64) std::atomic<std::int64_t> countdown_ = 0;
  alignas(64) mutable std::mutex mutex_;
  std::vector<Codes> codes_;
  std::vector<Strings> strings_;
  std::int64_t issued_ = 0;  // what was ever added to the countdown
  std::size_t next_ = 0;     // the oldest, once the ring is full
  std::uint64_t gaps_ = 0;
};

}  // namespace bh::ranges
