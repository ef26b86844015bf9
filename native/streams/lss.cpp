#include "streams/lss.h"

#include <algorithm>
#include <stdexcept>

#include "streams/space_saving.h"
#include "streams/weights.h"

namespace bh::streams {
namespace {

constexpr SlotColumns kColumns{.marks = true};

}  // namespace

Lss::Lss(std::uint32_t capacity, std::uint64_t filter, const Classes& classes, std::uint64_t seed)
    : seed_(seed), classes_(classes), filter_(filter, kTau, seed), counters_(capacity, seed, kColumns) {}

int Lss::known(std::uint64_t id) const {
  return counters_.with([&](const auto& table) -> int {
    const std::uint32_t slot = table.find(id);
    return slot != kNoSlot && table.pinned(slot) ? table.mark(slot) : -1;
  });
}

void Lss::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
                 std::span<const std::uint8_t> marks, Labels* labels) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  counters_.hold(total);
  total_ = total;
  counters_.with([&](auto& table) {
    const std::uint32_t pins = classes_.pins(table.capacity());
    const auto add = [&](std::size_t i, std::uint64_t weight) {
      const std::uint32_t found = table.find(ids[i]);
      if (found != kNoSlot && table.pinned(found)) return table.add(found, weight);
      const Class kind = class_of(marks[i]);
      if (kind == Class::light && filter_.absorb(ids[i], weight)) return;
      if (found != kNoSlot) return table.add(found, weight);
      const std::uint32_t slot = take_slot(table, floor_, ids[i], weight);
      table.set_mark(slot, marks[i]);
      if (kind == Class::heavy && pinned_ < pins) {
        table.pin(slot);
        ++pinned_;
      }
      if (labels) labels->took(slot, i);
    };
    const std::size_t ones = leading_ones(ids.size(), weights);
    for (std::size_t i = 0; i < ones; ++i) add(i, 1);
    if (ones == ids.size()) return;
    table.weigh();
    for (std::size_t i = ones; i < ids.size(); ++i) add(i, weights[i]);
  });
}

Bounds Lss::bounds(std::uint64_t id) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    return slot == kNoSlot ? Bounds{0, floor_ + filter_.value(id)} : bounds_at(table, slot);
  });
}

double Lss::estimate(std::uint64_t id, Estimator estimator) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    if (slot != kNoSlot) return estimate_at(table, slot, estimator);
    if (estimator == Estimator::lower) return 0.0;
    return static_cast<double>(filter_.value(id) + (estimator == Estimator::upper ? floor_ : 0));
  });
}

std::uint64_t Lss::error_bound() const {
  return counters_.with([&](const auto& table) {
    std::uint64_t most = untracked_bound();
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      most = std::max(most, bounds_at(table, slot).upper - bounds_at(table, slot).lower);
    return most;
  });
}

double Lss::guaranteed_error(std::uint64_t total) const {
  const std::uint32_t shared = capacity() - classes_.pins(capacity());
  return static_cast<double>(total) / shared + kTau;
}

std::uint32_t Lss::capacity() const {
  return counters_.with([](const auto& table) { return table.capacity(); });
}
std::uint32_t Lss::size() const {
  return counters_.with([](const auto& table) { return table.size(); });
}
std::size_t Lss::nbytes() const {
  return filter_.nbytes() + counters_.with([](const auto& table) { return table.nbytes(); });
}

Header Lss::header() const {
  Header header = counters_.header(Kind::lss, seed_, total_);
  header.floor = floor_;
  return header;
}

void Lss::write(SectionWriter& writer) const {
  counters_.with([&](const auto& table) { table.write(writer); });
  filter_.write(writer, 0, 1, 1);
  classes_.write(writer);
}

Lss::Lss(SectionReader& reader)
    : seed_(reader.header().seed),
      floor_(reader.header().floor),
      total_(reader.header().total),
      classes_{},
      filter_(0, kTau, seed_),
      counters_(reader, kColumns) {
  const auto read = CountingFilter::read(reader, kTau);
  if (read.epochs != 0 || read.unit != 1 || read.slack != 1) reader.fail("its filter was cleared or has units");
  filter_ = read.filter;
  classes_ = Classes::read(reader);
  pinned_ = counters_.with([](const auto& table) { return table.size() - table.unpinned(); });
  if (const char* wrong = broken()) reader.fail(wrong);
}

const char* Lss::broken() const {
  if (total_ > kMostTotal) return "the total passes 2**63 - 1";
  if (pinned_ > classes_.pins(capacity())) return "more slots are pinned than are reserved";
  if (pinned_ != counters_.with([](const auto& table) { return table.size() - table.unpinned(); }))
    return "the number of pinned slots is wrong";
  if (!adds_up(counters_, floor_, total_, capacity())) return "the counts add up to more than is possible";
  if (const char* wrong = broken_marks(counters_)) return wrong;
  return counters_.with([&](const auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (table.error(slot) > floor_) return "an error exceeds the floor";
    return table.broken();
  });
}

void Lss::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
