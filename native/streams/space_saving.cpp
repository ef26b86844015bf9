#include "streams/space_saving.h"

#include <stdexcept>
#include <utility>

#include "streams/weights.h"
#include "support/errors.h"

namespace bh::streams {

SpaceSaving::SpaceSaving(std::uint32_t capacity, std::uint64_t seed, bool deletions)
    : seed_(seed), least_capacity_(capacity), deletions_(deletions), counters_(capacity, seed) {}

void SpaceSaving::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, Labels* labels) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  counters_.hold(total);
  total_ = total;
  counters_.with([&](auto& table) {
    count_batch(table, ids, weights, [&](std::size_t i, std::uint64_t weight) {
      const std::uint32_t slot = take_slot(table, floor_, ids[i], weight);
      if (labels) labels->took(slot, i);
    });
  });
}

void SpaceSaving::remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t deleted = total_after(deleted_, ids.size(), weights);
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1 : weights[i]; };
  counters_.with([&](auto& table) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> sums;
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (const std::uint32_t slot = table.find(ids[i]); slot != kNoSlot) sums.emplace_back(slot, weight(i));
    std::sort(sums.begin(), sums.end());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto [slot, more] = sums[i];
      sum = (i > 0 && sums[i - 1].first == slot ? sum : 0) + more;  // fits, as all of `deleted` does
      if (sum > table.count(slot))
        throw InvalidInput("a key would fall below 0: " + std::to_string(sum) + " of it are deleted, but at most " +
                           std::to_string(table.count(slot)) + " have come; delete only what was added");
    }
    deleted_ = deleted;
    const std::size_t ones = leading_ones(ids.size(), weights);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i == ones) table.weigh();
      if (const std::uint32_t slot = table.find(ids[i]); slot != kNoSlot) table.subtract(slot, weight(i));
    }
  });
}

std::vector<Merged> SpaceSaving::merge(const SpaceSaving& other) {
  const std::uint64_t total = added(total_, other.total_), deleted = added(deleted_, other.deleted_);
  const std::uint64_t floors[2] = {floor_, other.floor_};
  const std::uint32_t most = std::max(capacity(), other.capacity());
  auto keys = merged_keys(counters_, other.counters_, most, [&](int side, std::uint64_t) { return floors[side]; });
  const auto weighted = [](const auto& table) { return table.weighted(); };
  counters_ =
      table_of(keys, most, seed_, {}, total > 0xFFFFFFFF, counters_.with(weighted) || other.counters_.with(weighted));
  floor_ = std::max(floors[0] + floors[1], keys.size() > most ? keys[most].count : 0);
  total_ = total;
  deleted_ = deleted;
  least_capacity_ = std::min(least_capacity_, other.least_capacity_);
  merged_ = true;
  keys.resize(std::min<std::size_t>(keys.size(), most));
  return keys;
}

Bounds SpaceSaving::bounds(std::uint64_t id) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    return slot == kNoSlot ? Bounds{0, floor_} : bounds_at(table, slot);
  });
}

double SpaceSaving::estimate(std::uint64_t id, Estimator estimator) const {
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    if (slot != kNoSlot) return estimate_of(bounds_at(table, slot), estimator);
    return estimator == Estimator::upper ? static_cast<double>(floor_) : 0.0;
  });
}

std::uint64_t SpaceSaving::error_bound() const {
  return counters_.with([&](const auto& table) {
    std::uint64_t most = floor_;
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      most = std::max<std::uint64_t>(most, std::min(table.count(slot), table.error(slot)));
    return most;
  });
}

double SpaceSaving::guaranteed_error(std::uint64_t total) const { return static_cast<double>(total) / least_capacity_; }

std::uint32_t SpaceSaving::capacity() const {
  return counters_.with([](const auto& table) { return table.capacity(); });
}
std::uint32_t SpaceSaving::size() const {
  return counters_.with([](const auto& table) { return table.size(); });
}
std::size_t SpaceSaving::nbytes() const {
  return counters_.with([](const auto& table) { return table.nbytes(); });
}

Header SpaceSaving::header() const {
  Header header = counters_.header(Kind::exact, seed_, total_);
  if (deletions_) header.flags |= Header::deletions;
  if (merged_) header.flags |= Header::merged;
  header.least_capacity = least_capacity_;
  header.floor = floor_;
  header.deleted = deleted_;
  return header;
}

void SpaceSaving::write(SectionWriter& writer) const {
  counters_.with([&](const auto& table) { table.write(writer); });
}

SpaceSaving::SpaceSaving(SectionReader& reader)
    : seed_(reader.header().seed),
      floor_(reader.header().floor),
      total_(reader.header().total),
      deleted_(reader.header().deleted),
      least_capacity_(reader.header().least_capacity),
      deletions_((reader.header().flags & Header::deletions) != 0),
      merged_((reader.header().flags & Header::merged) != 0),
      counters_(reader, {}) {
  if (const char* wrong = broken()) reader.fail(wrong);
}

const char* SpaceSaving::broken() const {
  if (least_capacity_ == 0 || least_capacity_ > capacity()) return "the least capacity is 0 or above the capacity";
  if (total_ > kMostTotal || deleted_ > kMostTotal) return "the total passes 2**63 - 1";
  if (!deletions_ && deleted_ != 0) return "weight was deleted from what allows no deletions";
  if (!adds_up(counters_, floor_, total_, least_capacity_)) return "the counts add up to more than is possible";
  return counters_.with([&](const auto& table) -> const char* {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (table.error(slot) > floor_ || (!deletions_ && table.error(slot) > table.count(slot)))
        return "an error exceeds the floor or its count";
    return table.broken();
  });
}

void SpaceSaving::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
