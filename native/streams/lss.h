// LSS, our reconstruction of the idea of arXiv:2406.16270, whose pseudo-code we could not read: Space Saving in which
// keys that a predictor calls heavy keep their slots for ever, and those that it calls light must first fill a counting
// Bloom filter, which is never cleared.
// Invariants, whatever the predictor says: lower <= true weight <= upper; upper - lower <= total / (capacity - pins) +
// kTau.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "streams/classes.h"
#include "streams/counters.h"
#include "streams/counting_filter.h"
#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/labels.h"

namespace bh::streams {

class Lss {
 public:
  static constexpr std::uint32_t kTau = 4;  // what a light key loses at most

  // `filter` is the number of cells of the Bloom filter.
  Lss(std::uint32_t capacity, std::uint64_t filter, const Classes& classes, std::uint64_t seed);
  explicit Lss(SectionReader& reader);

  Lss emptied() const { return {capacity(), filter_.cells(), classes_, seed_}; }

  // What is known of a key without asking a predictor: the mark of a pinned one; -1 for all others.
  int known(std::uint64_t id) const;
  std::uint8_t mark(float prediction) const { return mark_of(prediction, classes_); }
  // marks[i] is what the predictor says of ids[i]; otherwise as SpaceSaving::update.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
              std::span<const std::uint8_t> marks, Labels* labels);

  Bounds bounds(std::uint64_t id) const;
  double estimate(std::uint64_t id, Estimator estimator) const;
  // Calls visit(slot, id, estimate, bounds) for each key that has a slot.
  template <typename Visit>
  void each(Estimator estimator, const Visit& visit) const {
    counters_.with([&](const auto& table) {
      for (std::uint32_t slot = 0; slot < table.size(); ++slot)
        visit(slot, table.key(slot), estimate_at(table, slot, estimator), bounds_at(table, slot));
    });
  }
  std::uint64_t untracked_bound() const { return floor_ + filter_.highest(); }  // of any key without a slot
  std::uint64_t error_bound() const;
  double guaranteed_error(std::uint64_t total) const;

  std::uint32_t capacity() const;
  std::uint32_t size() const;
  std::uint32_t slots() const { return size(); }
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return 0; }
  std::uint64_t seed() const { return seed_; }
  const Classes& classes() const { return classes_; }
  std::uint64_t filter_cells() const { return filter_.cells(); }
  std::uint32_t pinned() const { return pinned_; }  // slots
  std::size_t nbytes() const;

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs
  template <typename Table>
  Bounds bounds_at(const Table& table, std::uint32_t slot) const {
    const std::uint64_t count = table.count(slot);
    return {count - table.error(slot), count + filter_.value(table.key(slot))};
  }
  // A pinned key has had its slot since its error was the floor, most of which was not its own.
  template <typename Table>
  double estimate_at(const Table& table, std::uint32_t slot, Estimator estimator) const {
    const Bounds bounds = bounds_at(table, slot);
    const std::uint64_t count = table.count(slot), lost = bounds.upper - count;
    if (estimator == Estimator::lower || estimator == Estimator::upper) return estimate_of(bounds, estimator);
    if (table.pinned(slot)) return static_cast<double>(bounds.lower + lost);
    return estimate_of({bounds.lower, count}, estimator) + static_cast<double>(lost);
  }

  std::uint64_t seed_, floor_ = 0, total_ = 0;
  Classes classes_;
  CountingFilter filter_;
  AnyCounters counters_;
  std::uint32_t pinned_ = 0;  // slots
};

}  // namespace bh::streams
