// Space Saving (Metwally, Agrawal, El Abbadi, ICDT 2005): a key without a counter takes over that of least count.
// The floor is the most that a key without a counter can have come; a new key starts from it, and this one rule serves
// insertion, deletion and merging.
// Invariants: lower <= true weight <= upper; upper - lower <= total / (the least capacity ever merged).
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "streams/counters.h"
#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/labels.h"
#include "streams/merging.h"

namespace bh::streams {

// Gives an untracked key a slot: a free one or the victim's.
template <typename Table>
std::uint32_t take_slot(Table& table, std::uint64_t& floor, std::uint64_t key, std::uint64_t weight) {
  using Count = typename Table::Count;
  if (!table.full()) return table.insert(key, static_cast<Count>(floor + weight), static_cast<Count>(floor));
  const std::uint32_t victim = table.victim();
  floor = std::max<std::uint64_t>(floor, table.count(victim));
  table.replace(victim, key, static_cast<Count>(floor + weight), static_cast<Count>(floor));
  table.dismiss(victim);
  return victim;
}

class SpaceSaving {
 public:
  SpaceSaving(std::uint32_t capacity, std::uint64_t seed, bool deletions = false);
  explicit SpaceSaving(SectionReader& reader);

  SpaceSaving emptied() const { return {capacity(), seed_, deletions_}; }

  // `labels`, if there are any, hear of each slot that changes owner. The ids are a copy that nobody changes meanwhile.
  // Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels);
  // Lowers the counts of tracked keys; throws InvalidInput before any change if one would fall below 0.
  void remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);
  // Of the same seed, both with deletions or without. Returns the keys that it kept, slot by slot.
  std::vector<Merged> merge(const SpaceSaving& other);

  Bounds bounds(std::uint64_t id) const;
  double estimate(std::uint64_t id, Estimator estimator) const;
  // Calls visit(slot, id, estimate, bounds) for each key that has a slot.
  template <typename Visit>
  void each(Estimator estimator, const Visit& visit) const {
    counters_.with([&](const auto& table) {
      for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
        const Bounds at = bounds_at(table, slot);
        visit(slot, table.key(slot), estimate_of(at, estimator), at);
      }
    });
  }
  std::uint64_t untracked_bound() const { return floor_; }  // of any key without a slot
  std::uint64_t error_bound() const;
  double guaranteed_error(std::uint64_t total) const;

  std::uint32_t capacity() const;
  std::uint32_t least_capacity() const { return least_capacity_; }
  std::uint32_t size() const;
  std::uint32_t slots() const { return size(); }
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return deleted_; }
  std::uint64_t seed() const { return seed_; }
  bool deletions() const { return deletions_; }
  std::size_t nbytes() const;

  const AnyCounters& counters() const { return counters_; }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs
  template <typename Table>
  static Bounds bounds_at(const Table& table, std::uint32_t slot) {
    const std::uint64_t count = table.count(slot), error = table.error(slot);
    return {count - std::min(count, error), count};  // deletions may leave a count below its error
  }

  std::uint64_t seed_, floor_ = 0, total_ = 0, deleted_ = 0;
  std::uint32_t least_capacity_;
  bool deletions_, merged_ = false;
  AnyCounters counters_;
};

}  // namespace bh::streams
