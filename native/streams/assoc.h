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
#include <span>
#include <variant>

#include "streams/format.h"
#include "streams/space_saving.h"
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

  // Slots that change owner are appended to `changes`, if there is such a list. Ids and weights, which are empty (all
  // 1) or as many, must not change meanwhile. Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, OwnerChanges* changes);
  void merge(const Assoc& other);  // of the same capacity and seed

  Bounds bounds(std::uint64_t id) const;
  std::uint64_t error_bound() const;  // the largest minimum of a bucket, which no error exceeds either
  std::uint64_t untracked_bound() const { return error_bound(); }  // of any key without a slot

  std::uint32_t capacity() const { return static_cast<std::uint32_t>(kLanes * buckets()); }
  std::uint32_t size() const;
  std::uint64_t total() const { return total_; }
  std::uint64_t seed() const { return seed_; }
  std::size_t nbytes() const;

  // Calls visit(slot, key, count, error) for every slot that is used.
  template <typename Visit>
  void each(const Visit& visit) const {
    std::visit(
        [&](const auto& buckets) {
          for (std::size_t i = 0; i < buckets.size(); ++i)
            for (std::size_t lane = 0; lane < kLanes && buckets[i].counts[lane] > 0; ++lane)
              visit(static_cast<std::uint32_t>(kLanes * i + lane), buckets[i].keys[lane],
                    std::uint64_t{buckets[i].counts[lane]}, std::uint64_t{buckets[i].errors[lane]});
        },
        buckets_);
  }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
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
