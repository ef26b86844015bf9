// How two tables of counters become one, and what each slot of it was before.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "streams/counters.h"

namespace bh::streams {

// A key of either table. A side that does not track it contributes what its keys without a slot may have come.
struct Merged {
  std::uint64_t count, error, key;
  std::uint32_t slots[2];  // in the two tables, or kNoSlot

  bool operator<(const Merged& other) const {  // the heaviest first, then the best known
    if (count != other.count) return count > other.count;
    if (error != other.error) return error < other.error;
    return key < other.key;
  }
};

// All keys of both, the `kept` heaviest first and in order, then the next one. absent(side, key) is what a key without
// a slot may have come there.
template <typename Absent>
std::vector<Merged> merged_keys(const AnyCounters& first, const AnyCounters& second, std::size_t kept,
                                const Absent& absent) {
  std::vector<Merged> all;
  first.with([&](const auto& a) {
    second.with([&](const auto& b) {
      all.reserve(std::size_t{a.size()} + b.size());
      std::vector<bool> in_both(b.size());
      for (std::uint32_t slot = 0; slot < a.size(); ++slot) {
        const std::uint64_t key = a.key(slot);
        const std::uint32_t other = b.find(key);
        const std::uint64_t more = other == kNoSlot ? absent(1, key) : 0;
        if (other != kNoSlot) in_both[other] = true;
        all.push_back({a.count(slot) + (other == kNoSlot ? more : std::uint64_t{b.count(other)}),
                       a.error(slot) + (other == kNoSlot ? more : std::uint64_t{b.error(other)}),
                       key,
                       {slot, other}});
      }
      for (std::uint32_t slot = 0; slot < b.size(); ++slot) {
        if (in_both[slot]) continue;
        const std::uint64_t key = b.key(slot), more = absent(0, key);
        all.push_back({b.count(slot) + more, b.error(slot) + more, key, {kNoSlot, slot}});
      }
    });
  });
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(kept, all.size()));
  std::nth_element(all.begin(), end, all.end());
  std::sort(all.begin(), end);
  return all;
}

// A table of the first of these keys, in their order; its search for the minimum starts anew.
inline AnyCounters table_of(const std::vector<Merged>& keys, std::uint32_t capacity, std::uint64_t seed,
                            SlotColumns columns, bool wide, bool weighted) {
  AnyCounters made(capacity, seed, columns, wide);
  made.with([&]<typename Table>(Table& table) {
    using Count = typename Table::Count;
    const std::size_t kept = std::min<std::size_t>(keys.size(), capacity);
    table.reserve(static_cast<std::uint32_t>(kept));
    for (std::size_t i = 0; i < kept; ++i)
      table.insert(keys[i].key, static_cast<Count>(keys[i].count), static_cast<Count>(keys[i].error));
    if (weighted) table.weigh();
  });
  return made;
}

}  // namespace bh::streams
