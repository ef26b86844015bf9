#include "streams/filtered.h"

#include <algorithm>
#include <stdexcept>

#include "streams/weights.h"

namespace bh::streams {

Filtered::Filtered(std::uint32_t capacity, std::uint64_t cells, std::uint64_t seed)
    : seed_(seed), least_capacity_(capacity), counters_(capacity, seed), cells_(cells, seed) {}

void Filtered::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  counters_.hold(total);
  total_ = total;
  counters_.with([&]<typename Table>(Table& table) {
    using Count = typename Table::Count;
    count_batch(table, ids, weights, [&](std::size_t i, std::uint64_t weight) {
      const std::uint64_t id = ids[i], held = cells_.value(id), count = held + weight;
      std::uint32_t slot;
      if (!table.full()) {
        slot = table.insert(id, static_cast<Count>(count), static_cast<Count>(held));
      } else {
        slot = table.victim();
        if (count < table.count(slot)) return cells_.raise(id, count);
        cells_.raise(table.key(slot), table.count(slot));
        // It stays a candidate: its new count is often the least again.
        table.replace(slot, id, static_cast<Count>(count), static_cast<Count>(held));
      }
      if (labels) labels->took(slot, i);
    });
  });
}

std::vector<Merged> Filtered::merge(const Filtered& other) {
  const std::uint64_t total = added(total_, other.total_);
  const Cells* const sides[2] = {&cells_, &other.cells_};
  const std::uint32_t most = capacity();
  auto keys =
      merged_keys(counters_, other.counters_, most, [&](int side, std::uint64_t id) { return sides[side]->value(id); });
  const auto weighted = [](const auto& table) { return table.weighted(); };
  counters_ =
      table_of(keys, most, seed_, {}, total > 0xFFFFFFFF, counters_.with(weighted) || other.counters_.with(weighted));
  cells_.merge(other.cells_);
  for (std::size_t i = most; i < keys.size(); ++i) cells_.raise(keys[i].key, keys[i].count);
  keys.resize(std::min<std::size_t>(keys.size(), most));
  total_ = total;
  least_capacity_ = std::min(least_capacity_, other.least_capacity_);
  merged_ = true;
  return keys;
}

Bounds Filtered::bounds(std::uint64_t id) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    return slot == kNoSlot ? Bounds{0, cells_.value(id)} : bounds_at(table, slot);
  });
}

double Filtered::estimate(std::uint64_t id, Estimator estimator) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    if (slot != kNoSlot) return estimate_of(bounds_at(table, slot), estimator);
    return estimator == Estimator::upper ? static_cast<double>(cells_.value(id)) : 0.0;
  });
}

std::uint64_t Filtered::error_bound() const {
  return counters_.with([&](const auto& table) {
    std::uint64_t most = untracked_bound();
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) most = std::max<std::uint64_t>(most, table.error(slot));
    return most;
  });
}

double Filtered::guaranteed_error(std::uint64_t total) const { return static_cast<double>(total) / least_capacity_; }

std::uint32_t Filtered::capacity() const {
  return counters_.with([](const auto& table) { return table.capacity(); });
}
std::uint32_t Filtered::size() const {
  return counters_.with([](const auto& table) { return table.size(); });
}
std::size_t Filtered::nbytes() const {
  return counters_.with([](const auto& table) { return table.nbytes(); }) + cells_.nbytes();
}

Header Filtered::header() const {
  Header header = counters_.header(Kind::filtered, seed_, total_);
  if (merged_) header.flags |= Header::merged;
  header.least_capacity = least_capacity_;
  return header;
}

void Filtered::write(SectionWriter& writer) const {
  counters_.with([&](const auto& table) { table.write(writer); });
  cells_.write(writer);
}

Filtered::Filtered(SectionReader& reader)
    : seed_(reader.header().seed),
      total_(reader.header().total),
      least_capacity_(reader.header().least_capacity),
      merged_((reader.header().flags & Header::merged) != 0),
      counters_(reader, {}),
      cells_(reader) {
  if (reader.header().kind != Kind::filtered) reader.fail("it is of another kind");
  if (reader.header().floor != 0 || reader.header().deleted != 0 || (reader.header().flags & Header::deletions) != 0)
    reader.fail("a field of the header belongs to another kind");
  if (const char* wrong = broken()) reader.fail(wrong);
}

const char* Filtered::broken() const {
  if (least_capacity_ == 0 || least_capacity_ > capacity()) return "the least capacity is 0 or above the capacity";
  if (total_ > kMostTotal) return "the total passes 2**63 - 1";
  if (!adds_up(counters_, cells_.highest(), total_, least_capacity_))
    return "the counts add up to more than is possible";
  return counters_.with([&](const auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (table.error(slot) > cells_.value(table.key(slot))) return "an error exceeds the cell of its key";
    return table.broken();
  });
}

void Filtered::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
