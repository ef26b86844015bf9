// Finds the slot of a key. Slots hold their keys themselves; here each is a link in a chain of those whose keys have
// the same hash, and there are as many chains as slots. The oldest comes first, as heavy keys are old.
#pragma once
#include <cstddef>
#include <cstdint>
#include <variant>

#include "support/hash.h"
#include "support/simd.h"
#include "support/storage.h"

namespace bh::streams {

constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;
constexpr std::uint32_t kMostShortSlots = 65534;  // that an index of 16 bits can tell apart

template <typename Entry>
class SlotIndex {
 public:
  explicit SlotIndex(std::uint64_t seed) : hash_(seed, 1) {}

  // Empty, with room for that many slots.
  void reset(std::size_t slots) {
    slots_ = slots;
    entries_.assign(2 * slots, Entry{0});
  }

  // The slot of a key, or kNoSlot; keys[slot] is the key of a slot. There must be room for some.
  BH_INLINE std::uint32_t find(std::uint64_t key, const std::uint64_t* keys) const {
    for (std::size_t entry = entries_[home(key)]; entry != 0; entry = entries_[after(entry)])
      if (keys[entry - 1] == key) return static_cast<std::uint32_t>(entry - 1);
    return kNoSlot;
  }
  void prefetch(std::uint64_t key) const { __builtin_prefetch(&entries_[home(key)]); }

  // A key that is not there yet.
  void enter(std::uint64_t key, std::uint32_t slot) {
    std::size_t at = home(key);
    while (entries_[at] != 0) at = after(entries_[at]);
    entries_[at] = static_cast<Entry>(slot + 1);
    entries_[after(slot + std::size_t{1})] = 0;
  }

  // Removes the key of a slot.
  void leave(std::uint64_t key, std::uint32_t slot) {
    std::size_t at = home(key);
    while (entries_[at] != slot + std::size_t{1}) at = after(entries_[at]);
    entries_[at] = entries_[after(slot + std::size_t{1})];
  }

  std::size_t nbytes() const { return entries_.size() * sizeof(Entry); }

 private:
  std::size_t home(std::uint64_t key) const { return range(hash_(key), slots_); }
  std::size_t after(std::size_t entry) const { return slots_ + entry - 1; }

  Mix hash_;
  std::size_t slots_ = 0;
  Storage<Entry> entries_;  // slot + 1, or 0: the first of each chain, then the next after each slot
};

// An index with entries of two bytes as long as these can tell the slots apart.
class AnySlotIndex {
 public:
  explicit AnySlotIndex(std::uint64_t seed) : seed_(seed), any_(SlotIndex<std::uint16_t>(seed)) {}

  void reset(std::size_t slots) {
    if (slots > kMostShortSlots && any_.index() == 0) any_.emplace<1>(seed_);
    std::visit([&](auto& index) { index.reset(slots); }, any_);
  }
  std::uint32_t find(std::uint64_t key, const std::uint64_t* keys) const {
    return std::visit([&](const auto& index) { return index.find(key, keys); }, any_);
  }
  void enter(std::uint64_t key, std::uint32_t slot) {
    std::visit([&](auto& index) { index.enter(key, slot); }, any_);
  }
  void leave(std::uint64_t key, std::uint32_t slot) {
    std::visit([&](auto& index) { index.leave(key, slot); }, any_);
  }
  std::size_t nbytes() const {
    return std::visit([](const auto& index) { return index.nbytes(); }, any_);
  }

 private:
  std::uint64_t seed_;
  std::variant<SlotIndex<std::uint16_t>, SlotIndex<std::uint32_t>> any_;
};

}  // namespace bh::streams
