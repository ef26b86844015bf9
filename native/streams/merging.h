// How two tables of counters become one, and what each slot of it was before.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
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

// A number to sort by, and what it belongs to.
struct Ranked {
  std::uint64_t number;
  std::uint32_t at;
  bool operator<(const Ranked& other) const { return number < other.number; }
};

// The `kept` least first and in order, then the next one. Sorts into buckets by the highest bits in which the numbers
// differ, and each bucket likewise, which takes a third of the time of comparisons. `spare` is as long.
inline void sort_ranked(std::span<Ranked> all, std::span<Ranked> spare, std::size_t kept) {
  if (all.size() <= 32) return std::sort(all.begin(), all.end());
  std::uint64_t differ = 0;
  for (const Ranked& each : all) differ |= each.number ^ all[0].number;
  const int bits = std::min<int>(10, std::bit_width(all.size()) - 2);
  const int shift = std::max<int>(0, std::bit_width(differ) - bits);
  std::array<std::uint32_t, (1 << 10) + 1> ends{};
  const std::size_t mask = (std::size_t{1} << bits) - 1;
  const auto digit = [&](const Ranked& each) { return each.number >> shift & mask; };
  for (const Ranked& each : all) ++ends[digit(each) + 1];
  for (std::size_t i = 1; i <= mask; ++i) ends[i + 1] += ends[i];
  for (const Ranked& each : all) spare[ends[digit(each)]++] = each;
  std::copy(spare.begin(), spare.end(), all.begin());
  if (shift == 0) return;
  for (std::size_t i = 0, first = 0; i <= mask && first <= kept; first = ends[i++])
    if (const std::size_t n = ends[i] - first; n > 1)
      sort_ranked(all.subspan(first, n), spare.subspan(first, n), kept - first);
}

// The `kept` least first and in order, then the next one.
inline void sort_first(std::vector<Merged>& all, std::size_t kept) {
  std::uint64_t most = 0, least = ~std::uint64_t{0}, errors = 0;
  for (const Merged& each : all) {
    most = std::max(most, each.count);
    least = std::min(least, each.count);
    errors |= each.error;
  }
  const int low = std::bit_width(errors);
  if (all.size() > 0xFFFFFFFF || low + std::bit_width(most - std::min(most, least)) > 64)
    return std::sort(all.begin(), all.end());
  std::vector<Ranked> ranked, spare(all.size());
  ranked.reserve(all.size());
  for (const Merged& each : all)
    ranked.push_back(
        {low == 64 ? each.error : (most - each.count) << low | each.error, static_cast<std::uint32_t>(ranked.size())});
  sort_ranked(ranked, spare, kept);
  for (std::size_t first = 0, last; first < all.size() && first <= kept; first = last) {  // keys of one count and error
    const std::uint64_t number = ranked[first].number;
    for (last = first; last < all.size() && ranked[last].number == number; ++last)
      ranked[last].number = all[ranked[last].at].key;
    if (const std::size_t n = last - first; n > 1)
      sort_ranked(std::span(ranked).subspan(first, n), std::span(spare).subspan(first, n), kept - first);
  }
  std::vector<Merged> sorted;
  sorted.reserve(all.size());
  for (const Ranked& each : ranked) sorted.push_back(all[each.at]);
  all.swap(sorted);
}

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
      constexpr std::uint32_t kAhead = 16;
      for (std::uint32_t slot = 0; slot < a.size(); ++slot) {
        if (slot + kAhead < a.size()) b.prefetch(a.key(slot + kAhead));
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
  sort_first(all, kept);
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
