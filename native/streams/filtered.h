// Filtered Space-Saving (Homem and Carvalho, Information Sciences 2010): keys without a counter share cells, and one of
// them takes over the least counter only once its cell has reached that.
// Invariants: lower <= true weight <= upper; upper - lower <= total / (the least capacity ever merged).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "streams/cells.h"
#include "streams/counters.h"
#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/labels.h"
#include "streams/merging.h"

namespace bh::streams {

class Filtered {
 public:
  Filtered(std::uint32_t capacity, std::uint64_t cells, std::uint64_t seed);
  explicit Filtered(SectionReader& reader);
  Filtered emptied() const { return {capacity(), cells_.first(), seed_}; }

  // As SpaceSaving::update.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels);
  // Of the same capacity, cells and seed; returns the keys that it kept, slot by slot.
  std::vector<Merged> merge(const Filtered& other);

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
  std::uint64_t untracked_bound() const { return cells_.highest(); }
  std::uint64_t error_bound() const;
  double guaranteed_error(std::uint64_t total) const;

  std::uint32_t capacity() const;
  std::uint32_t size() const;
  std::uint32_t slots() const { return size(); }
  std::uint64_t cells() const { return cells_.first(); }
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return 0; }
  std::uint64_t seed() const { return seed_; }
  std::size_t nbytes() const;

  const AnyCounters& counters() const { return counters_; }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs
  template <typename Table>
  static Bounds bounds_at(const Table& table, std::uint32_t slot) {
    return {std::uint64_t{table.count(slot)} - table.error(slot), table.count(slot)};
  }

  std::uint64_t seed_, total_ = 0;
  std::uint32_t least_capacity_;
  bool merged_ = false;
  AnyCounters counters_;
  Cells cells_;
};

}  // namespace bh::streams
