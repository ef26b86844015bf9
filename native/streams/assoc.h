// Space Saving in buckets of eight slots: a key can only take over the smallest counter of its own bucket, so an update
// touches two cache lines and needs neither an index nor a global minimum. Certified as Space Saving is, with the
// bucket's minimum in place of the global one; but there is no bound before the stream has been seen.
//
// Invariants: tracked keys have count - error <= f <= count, others f <= the minimum of their bucket; the counts of a
// bucket, and so of all, add up to the total weight at most; no error exceeds the minimum of its bucket.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>
#include <vector>

#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/labels.h"
#include "streams/merging.h"
#include "support/hash.h"
#include "support/storage.h"

namespace bh::streams {

class Assoc {
 public:
  static constexpr std::size_t kLanes = 8;

  // All zero is an empty bucket: a lane is used if its count is above 0, and lanes fill in order. So key 0 needs no
  // special case: unless it is tracked, the first lane that holds 0 is the first free one.
  template <typename Count>
  struct alignas(64) Bucket {
    std::array<std::uint64_t, kLanes> keys;
    std::array<Count, kLanes> counts, errors;
  };
  template <typename Count>
  using Buckets = Storage<Bucket<Count>>;

  Assoc(std::uint32_t capacity, std::uint64_t seed);  // a multiple of 8
  explicit Assoc(SectionReader& reader);

  Assoc emptied() const { return {capacity(), seed_}; }

  // `labels`, if there are any, hear of each slot that changes owner. Ids and weights, which are empty (all 1) or as
  // many, must not change meanwhile. Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels);
  // Of the same capacity and seed. Returns the keys that it kept, slot by slot, the free ones included.
  std::vector<Merged> merge(const Assoc& other);

  Bounds bounds(std::uint64_t id) const;
  double estimate(std::uint64_t id, Estimator estimator) const;
  double guaranteed_error(std::uint64_t) const { return std::numeric_limits<double>::infinity(); }
  std::uint64_t error_bound() const;  // the largest minimum of a bucket, which no error exceeds either
  std::uint64_t untracked_bound() const { return error_bound(); }  // of any key without a slot

  std::uint32_t capacity() const { return static_cast<std::uint32_t>(kLanes * buckets()); }
  std::uint32_t slots() const { return capacity(); }  // used ones may lie anywhere among them
  std::uint32_t size() const;
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return 0; }
  std::uint64_t seed() const { return seed_; }
  std::size_t nbytes() const;

  // Calls visit(slot, id, estimate, bounds) for each key that has a slot.
  template <typename Visit>
  void each(Estimator estimator, const Visit& visit) const {
    std::visit(
        [&](const auto& buckets) {
          for (std::size_t i = 0; i < buckets.size(); ++i)
            for (std::size_t lane = 0; lane < kLanes && buckets[i].counts[lane] > 0; ++lane) {
              const Bounds at = bounds_at(buckets[i], lane);
              visit(static_cast<std::uint32_t>(kLanes * i + lane), buckets[i].keys[lane], estimate_of(at, estimator),
                    at);
            }
        },
        buckets_);
  }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  template <typename Count>
  static Bounds bounds_at(const Bucket<Count>& bucket, std::size_t lane) {
    return {bucket.counts[lane] - std::uint64_t{bucket.errors[lane]}, bucket.counts[lane]};
  }
  std::uint64_t buckets() const;
  std::uint64_t bucket_of(std::uint64_t id, std::uint64_t buckets) const { return range(mix_(id), buckets); }
  void hold(std::uint64_t total);  // makes room for counts up to `total`
  template <typename Count>
  void read(SectionReader& reader);
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs

  Mix mix_;
  std::uint64_t seed_, total_ = 0;
  bool merged_ = false;
  std::variant<Buckets<std::uint32_t>, Buckets<std::uint64_t>> buckets_;
};

}  // namespace bh::streams
