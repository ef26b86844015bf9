// Filtered Space-Saving behind a gate, ours: a key without a counter first loses up to kTau units in a small counting
// filter, which is cleared from time to time. What a key can have lost there is known, epoch by epoch, and is frozen
// once it has a counter, so that heavy keys keep tight bounds for ever. Clears wait until the loss is at most
// `gate_slack` times the least count.
//
// Three policies are this one kernel: gated; calibrated, in which a predictor sorts untracked keys into bins (bins.h)
// and changes nothing else; and LSS+, our reconstruction of the faster variant in arXiv:2406.16270, in which the
// predicted class of a key says who must pass the gate and who keeps its slot for ever.
// Invariants, whoever passes the gate: lower <= true weight <= upper; unless merged, upper - lower <= (1 + gate_slack)
// total / (capacity - pins) + kTau unit, of which calibrated may exceed what the gate loses by 1 part in 128.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "streams/bins.h"
#include "streams/cells.h"
#include "streams/classes.h"
#include "streams/counters.h"
#include "streams/counting_filter.h"
#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/labels.h"
#include "streams/merging.h"

namespace bh::streams {

struct GatedSizes {
  std::uint32_t capacity;
  std::uint64_t cells, gate_cells;
  std::uint32_t registers;
};

class Gated {
 public:
  static constexpr std::uint32_t kTau = 15;

  // `kind` is gated, calibrated or lss_plus; only the last has classes.
  Gated(Kind kind, const GatedSizes& sizes, double gate_slack, std::uint64_t seed, std::optional<Classes> classes = {});
  explicit Gated(SectionReader& reader);
  Gated emptied() const;

  // What is known of a key without asking a predictor: the mark of one with a slot; -1 for all others.
  int known(std::uint64_t id) const;
  // marks[i] is what the predictor says of ids[i]; empty without a predictor. Otherwise as SpaceSaving::update.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
              std::span<const std::uint8_t> marks, Labels* labels);
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels) {
    update(ids, weights, {}, labels);
  }
  // Of the same sizes, unit and seed; returns the keys that it kept, slot by slot.
  std::vector<Merged> merge(const Gated& other);

  Bounds bounds(std::uint64_t id) const;
  // `mark` counts for keys without a slot only.
  double estimate(std::uint64_t id, Estimator estimator, std::uint8_t mark = 0) const;
  // Calls visit(slot, id, estimate, bounds) for each key that has a slot.
  template <typename Visit>
  void each(Estimator estimator, const Visit& visit) const {
    counters_.with([&](const auto& table) {
      for (std::uint32_t slot = 0; slot < table.size(); ++slot)
        visit(slot, table.key(slot), estimate_at(table, slot, estimator), bounds_at(table, slot));
    });
  }
  std::uint64_t untracked_bound() const;
  std::uint64_t error_bound() const;
  double guaranteed_error(std::uint64_t total) const;

  Kind kind() const { return kind_; }
  std::uint32_t capacity() const;
  std::uint32_t size() const;
  std::uint32_t slots() const { return size(); }
  std::uint32_t pins() const { return classes_ ? classes_->pins(capacity()) : 0; }  // slots that heavy keys may keep
  std::uint32_t pinned() const { return pinned_; }                                  // and that they keep
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return 0; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t unit() const { return unit_; }
  std::uint32_t epochs() const { return epochs_; }
  double gate_slack() const { return gate_slack_; }
  GatedSizes sizes() const;
  std::size_t nbytes() const;

  const AnyCounters& counters() const { return counters_; }
  const Bins& bins() const { return bins_; }
  const std::optional<Classes>& classes() const { return classes_; }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  template <typename Table>
  std::uint32_t take_in(Table& table, std::uint64_t id, std::uint64_t weight, std::uint8_t mark);
  template <typename Table>
  void enter(Table& table, std::uint32_t slot, std::uint8_t mark, bool pin);
  template <typename Table>
  void clear_gate(Table& table);
  void fix_unit(std::uint64_t arrivals, std::uint64_t total);

  // Epochs in which a key may have lost something until now.
  std::uint16_t reached() const { return static_cast<std::uint16_t>(epochs_ + (gate_.nonzero() > 0)); }
  std::uint64_t lost(std::uint64_t units) const;  // weight of so many units
  template <typename Table>
  Bounds bounds_at(const Table& table, std::uint32_t slot) const {
    const std::uint64_t count = table.count(slot);
    return {count - table.error(slot), count + lost(std::uint64_t{kTau} * table.epoch(slot))};
  }
  template <typename Table>
  double estimate_at(const Table& table, std::uint32_t slot, Estimator estimator) const {
    const Bounds at = bounds_at(table, slot);
    const auto lower = static_cast<double>(at.lower), error = static_cast<double>(table.error(slot));
    if (estimator == Estimator::lower) return lower;
    if (estimator == Estimator::upper) return static_cast<double>(at.upper);
    if (table.pinned(slot)) return lower;  // as if it had had its slot since it first came
    const auto slack = static_cast<double>(lost(table.epoch(slot) > 0 ? kTau : 0));
    return lower + (estimator == Estimator::count ? error : error / 2) + slack;
  }
  std::uint64_t untracked_upper(std::uint64_t id) const;
  double mean(std::uint32_t bin) const;
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs

  Kind kind_;
  std::uint64_t seed_, total_ = 0;
  std::uint64_t unit_ = 1;      // weight that counts as 1 in the gate: a power of two, fixed once the table is full
  std::uint64_t arrivals_ = 0;  // until the table is full
  std::uint32_t epochs_ = 0;    // that the gate has closed
  std::uint32_t least_capacity_, pinned_ = 0;
  bool merged_ = false;
  double gate_slack_ = 1;
  std::optional<Classes> classes_;
  AnyCounters counters_;
  Cells cells_;
  CountingFilter gate_;
  Bins bins_;
  mutable std::vector<double> means_;  // of the bins, since the last change; empty if unknown
};

}  // namespace bh::streams
