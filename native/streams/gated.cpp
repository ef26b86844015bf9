#include "streams/gated.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "streams/weights.h"
#include "support/bits.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

constexpr std::uint32_t kMostCleared = 65000;  // epochs that the gate closes by itself
constexpr std::uint64_t kMostEpochs = 65534;   // after merging

SlotColumns columns_of(Kind kind) {
  return {.epochs = true, .marks = kind == Kind::lss_plus, .bins = kind == Kind::calibrated};
}
std::uint32_t bins_of(Kind kind) { return kind == Kind::gated ? 1 : kBins; }

}  // namespace

Gated::Gated(Kind kind, const GatedSizes& sizes, double gate_slack, std::uint64_t seed, std::optional<Classes> classes)
    : kind_(kind),
      seed_(seed),
      least_capacity_(sizes.capacity),
      gate_slack_(gate_slack),
      classes_(classes),
      counters_(sizes.capacity, seed, columns_of(kind)),
      cells_(sizes.cells, seed),
      gate_(sizes.gate_cells, kTau, seed),
      bins_(bins_of(kind), sizes.registers, seed) {}

Gated Gated::emptied() const { return {kind_, sizes(), gate_slack_, seed_, classes_}; }

int Gated::known(std::uint64_t id) const {
  return counters_.with([&](const auto& table) -> int {
    const std::uint32_t slot = table.find(id);
    return slot == kNoSlot ? -1 : table.mark(slot) & ~kPinned;
  });
}

void Gated::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
                   std::span<const std::uint8_t> marks, Labels* labels) {
  const std::uint64_t before = total_;
  total_ = total_after(total_, ids.size(), weights);
  counters_.hold(total_);
  means_.clear();
  counters_.with([&](auto& table) {
    bool filling = !table.full();
    count_batch(table, ids, weights, [&](std::size_t i, std::uint64_t weight) {
      const std::uint32_t slot = take_in(table, ids[i], weight, marks.empty() ? 0 : marks[i]);
      if (labels && slot != kNoSlot) labels->took(slot, i);
      if (filling && table.full()) {
        filling = false;
        fix_unit(arrivals_ + i + 1, total_after(before, i + 1, weights.first(weights.empty() ? 0 : i + 1)));
      }
    });
    if (!table.full()) arrivals_ += ids.size();
  });
}

// What comes of a key without a slot; returns its slot if it has one now.
template <typename Table>
std::uint32_t Gated::take_in(Table& table, std::uint64_t id, std::uint64_t weight, std::uint8_t mark) {
  using Count = typename Table::Count;
  const std::uint32_t bin = kind_ == Kind::gated ? 0 : bin_of(mark);
  const Class kind = classes_ ? class_of(mark) : Class::light;
  const bool pin = kind == Class::heavy && pinned_ < pins();
  bins_.see(bin, id);
  if (!table.full()) {
    const std::uint64_t held = cells_.value(id);
    const std::uint32_t slot = table.insert(id, static_cast<Count>(held + weight), static_cast<Count>(held));
    enter(table, slot, mark, pin);
    return slot;
  }
  if (kind == Class::light) {
    clear_gate(table);
    if (gate_.absorb(id, unit_ == 1 ? weight : (weight - 1) / unit_ + 1)) {
      bins_.absorb(bin, weight);
      return kNoSlot;
    }
  }
  const std::uint64_t held = cells_.value(id), count = held + weight;
  const std::uint32_t victim = table.victim();
  const std::uint64_t least = table.count(victim);
  if (!pin && count < least) {
    cells_.raise(id, count);
    bins_.absorb(bin, weight);
    return kNoSlot;
  }
  bins_.absorb(kind_ == Kind::gated ? 0 : bin_of(table.mark(victim)), least - table.error(victim));
  cells_.raise(table.key(victim), least);
  table.replace(victim, id, static_cast<Count>(count), static_cast<Count>(held));
  enter(table, victim, mark, pin);
  return victim;
}

// What a key has lost in the gate is counted from here on: all epochs until now, if it holds something also this one,
// and whether or not this key had to pass it, as a predictor may have called it light before.
template <typename Table>
void Gated::enter(Table& table, std::uint32_t slot, std::uint8_t mark, bool pin) {
  table.set_epoch(slot, reached());
  if (kind_ == Kind::gated) return;
  table.set_mark(slot, mark & ~kPinned);
  if (!pin) return;
  table.pin(slot);
  ++pinned_;
}

template <typename Table>
void Gated::clear_gate(Table& table) {
  if (gate_.nonzero() <= gate_.cells() / 2 || epochs_ >= kMostCleared) return;
  const auto least = static_cast<double>(table.count(table.victim()));
  if (static_cast<double>(lost(std::uint64_t{kTau} * (epochs_ + 1))) > gate_slack_ * least) return;
  gate_.clear();
  ++epochs_;
}

// The least power of two that is at least the mean weight so far.
void Gated::fix_unit(std::uint64_t arrivals, std::uint64_t total) {
  while (unit_ * arrivals < total) unit_ *= 2;
}

std::uint64_t Gated::lost(std::uint64_t units) const {
  return std::min(checked_product(units, unit_).value_or(kMostTotal), kMostTotal);
}

std::vector<Merged> Gated::merge(const Gated& other) {
  const std::uint64_t total = added(total_, other.total_);
  const Gated* const sides[2] = {this, &other};
  const std::uint64_t unit = std::max(unit_, other.unit_);
  // Epochs of each side, in the common unit.
  const auto scaled = [&](int side, std::uint64_t epochs) { return (epochs * sides[side]->unit_ + unit - 1) / unit; };
  const std::uint64_t reached[2] = {scaled(0, this->reached()), scaled(1, other.reached())};
  if (reached[0] + reached[1] > kMostEpochs)
    throw CapacityExceeded("the gates have closed " + std::to_string(reached[0] + reached[1]) +
                           " epochs together, but 65534 are the most; merge fewer summaries");
  const std::uint32_t most = capacity();
  auto keys = merged_keys(counters_, other.counters_, most,
                          [&](int side, std::uint64_t id) { return sides[side]->cells_.value(id); });
  const auto weighted = [](const auto& table) { return table.weighted(); };
  const auto full = [](const auto& table) { return table.full(); };
  const bool was_full = counters_.with(full) || other.counters_.with(full);
  const auto mark_in = [&](const Merged& key) -> std::uint8_t {
    if (kind_ == Kind::gated) return 0;
    const int side = key.slots[0] == kNoSlot;
    return sides[side]->counters_.with([&](const auto& table) { return table.mark(key.slots[side]); });
  };
  AnyCounters merged = table_of(keys, most, seed_, columns_of(kind_), total > 0xFFFFFFFF,
                                counters_.with(weighted) || other.counters_.with(weighted));
  std::uint32_t pinned = 0;
  merged.with([&](auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      std::uint64_t epochs = 0;
      for (const int side : {0, 1}) {
        const std::uint32_t before = keys[slot].slots[side];
        epochs += before == kNoSlot ? reached[side] : scaled(side, sides[side]->counters_.with([&](const auto& from) {
          return std::uint64_t{from.epoch(before)};
        }));
      }
      // Those of calibrated have been rounded upward on both sides.
      table.set_epoch(slot, static_cast<std::uint32_t>(std::min(epochs, reached[0] + reached[1])));
      if (kind_ == Kind::gated) continue;
      const std::uint8_t mark = mark_in(keys[slot]);
      table.set_mark(slot, mark & ~kPinned);
      if ((mark & kPinned) == 0 || pinned == pins()) continue;
      table.pin(slot);
      ++pinned;
    }
  });
  cells_.merge(other.cells_);
  bins_.merge(other.bins_);
  for (std::size_t i = most; i < keys.size(); ++i) {
    cells_.raise(keys[i].key, keys[i].count);
    bins_.absorb(kind_ == Kind::gated ? 0 : bin_of(mark_in(keys[i])), keys[i].count - keys[i].error);
  }
  keys.resize(std::min<std::size_t>(keys.size(), most));
  counters_ = std::move(merged);
  pinned_ = pinned;
  epochs_ = static_cast<std::uint32_t>(reached[0] + reached[1]);
  unit_ = unit;
  gate_.clear();
  means_.clear();
  total_ = total;
  arrivals_ += other.arrivals_;
  least_capacity_ = std::min(least_capacity_, other.least_capacity_);
  merged_ = true;
  if (counters_.with(full) && !was_full) fix_unit(arrivals_, total_);
  return keys;
}

std::uint64_t Gated::untracked_upper(std::uint64_t id) const {
  return std::min(kMostTotal, cells_.value(id) + lost(std::uint64_t{kTau} * epochs_ + gate_.value(id)));
}

Bounds Gated::bounds(std::uint64_t id) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    return slot == kNoSlot ? Bounds{0, untracked_upper(id)} : bounds_at(table, slot);
  });
}

double Gated::estimate(std::uint64_t id, Estimator estimator, std::uint8_t mark) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    if (slot != kNoSlot) return estimate_at(table, slot, estimator);
    if (estimator == Estimator::lower || estimator == Estimator::count) return 0.0;
    const auto upper = static_cast<double>(untracked_upper(id));
    return estimator == Estimator::upper ? upper : std::min(upper, mean(kind_ == Kind::gated ? 0 : bin_of(mark)));
  });
}

double Gated::mean(std::uint32_t bin) const {
  if (means_.empty())
    for (std::uint32_t i = 0; i < bins_.bins(); ++i) means_.push_back(bins_.mean(i));
  return means_[bin];
}

std::uint64_t Gated::untracked_bound() const {
  return std::min(kMostTotal, cells_.highest() + lost(std::uint64_t{kTau} * epochs_ + gate_.highest()));
}

std::uint64_t Gated::error_bound() const {
  return counters_.with([&](const auto& table) {
    std::uint64_t most = untracked_bound();
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      const Bounds at = bounds_at(table, slot);
      most = std::max(most, at.upper - at.lower);
    }
    return most;
  });
}

double Gated::guaranteed_error(std::uint64_t total) const {
  if (merged_) return std::numeric_limits<double>::infinity();
  const double rounded = kind_ == Kind::calibrated ? 1 + 1.0 / 128 : 1;  // epochs beside bins
  return (1 + gate_slack_ * rounded) * static_cast<double>(total) / (capacity() - pins()) +
         static_cast<double>(lost(kTau)) * rounded;
}

GatedSizes Gated::sizes() const { return {capacity(), cells_.first(), gate_.cells(), bins_.registers_per_bin()}; }
std::uint32_t Gated::capacity() const {
  return counters_.with([](const auto& table) { return table.capacity(); });
}
std::uint32_t Gated::size() const {
  return counters_.with([](const auto& table) { return table.size(); });
}
std::size_t Gated::nbytes() const {
  return counters_.with([](const auto& table) { return table.nbytes(); }) + cells_.nbytes() + gate_.nbytes() +
         bins_.bytes();
}

Header Gated::header() const {
  Header header = counters_.header(kind_, seed_, total_);
  if (merged_) header.flags |= Header::merged;
  header.least_capacity = least_capacity_;
  return header;
}

// While slots are free the unit is 1, and arrivals stand in its place.
void Gated::write(SectionWriter& writer) const {
  counters_.with([&](const auto& table) { table.write(writer); });
  cells_.write(writer);
  const bool full = counters_.with([](const auto& table) { return table.full(); });
  gate_.write(writer, epochs_, full ? unit_ : arrivals_, gate_slack_);
  bins_.write(writer);
  if (classes_) classes_->write(writer);
}

Gated::Gated(SectionReader& reader)
    : kind_(reader.header().kind),
      seed_(reader.header().seed),
      total_(reader.header().total),
      least_capacity_(reader.header().least_capacity),
      merged_((reader.header().flags & Header::merged) != 0),
      counters_(reader, columns_of(kind_)),
      cells_(reader),
      gate_(0, kTau, seed_),
      bins_(0, 16, seed_) {
  CountingFilter::Read gate = CountingFilter::read(reader, kTau);
  gate_ = std::move(gate.filter);
  epochs_ = gate.epochs;
  gate_slack_ = gate.slack;
  bins_ = Bins::read(reader, seed_);
  if (kind_ == Kind::lss_plus) classes_ = Classes::read(reader);
  const bool full = counters_.with([](const auto& table) { return table.full(); });
  (full ? unit_ : arrivals_) = gate.unit;
  if (classes_) {
    if (const char* wrong = broken_marks(counters_)) reader.fail(wrong);
    pinned_ = counters_.with([](const auto& table) { return table.size() - table.unpinned(); });
  }
  if (const char* wrong = broken()) reader.fail(wrong);
  if (reader.header().floor != 0 || reader.header().deleted != 0 || (reader.header().flags & Header::deletions) != 0)
    reader.fail("a field of the header belongs to another kind");
}

const char* Gated::broken() const {
  if (kind_ != Kind::gated && kind_ != Kind::calibrated && kind_ != Kind::lss_plus) return "it is of another kind";
  if (least_capacity_ == 0 || least_capacity_ > capacity()) return "the least capacity is 0 or above the capacity";
  if (total_ > kMostTotal) return "the total passes 2**63 - 1";
  if (!(gate_slack_ >= 0.01 && gate_slack_ <= 16)) return "the slack of the gate is not from 0.01 to 16";
  if (epochs_ > kMostEpochs) return "the gate has closed too many epochs";
  if (!std::has_single_bit(unit_)) return "the unit is no power of two";
  if (arrivals_ > total_) return "there are more arrivals than weight";
  if (bins_.bins() != bins_of(kind_)) return "the number of bins is that of another kind";
  if (pinned_ > pins()) return "there are more pinned slots than may be";
  // Heavy keys of LSS+ take slots without having come often enough: there the law does not hold.
  if (!classes_ && !adds_up(counters_, cells_.highest(), total_, least_capacity_))
    return "the counts add up to more than is possible";
  return counters_.with([&](const auto& table) -> const char* {
    if (const char* wrong = table.broken()) return wrong;
    if (!table.full() && gate_.nonzero() != 0) return "the gate holds something while slots are free";
    const std::uint32_t latest = kind_ == Kind::calibrated ? rounded_epoch(reached()) : reached();
    std::uint64_t least = table.full() ? kMostTotal : 0;
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
      if (table.epoch(slot) > latest) return "a slot has an epoch that is still to come";
      if (table.error(slot) > cells_.value(table.key(slot))) return "an error exceeds the cell of its key";
      if (!table.pinned(slot)) least = std::min<std::uint64_t>(least, table.count(slot));
    }
    if (!merged_ && static_cast<double>(lost(std::uint64_t{kTau} * epochs_)) > gate_slack_ * static_cast<double>(least))
      return "the gate has closed more epochs than the counts allow";
    return static_cast<double>(error_bound()) > guaranteed_error(total_) ? "an error exceeds its bound" : nullptr;
  });
}

void Gated::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
