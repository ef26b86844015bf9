// Finds the slot of a key: open addressing with linear probing, at most half full. Slots hold their keys themselves.
#pragma once
#include <cstddef>
#include <cstdint>
#include <variant>

#include "support/hash.h"
#include "support/storage.h"

namespace bh::streams {

constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;
constexpr std::uint32_t kMostShortSlots = 65534;  // that an index of 16 bits can tell apart

template <typename Entry>
class SlotIndex {
 public:
  explicit SlotIndex(std::uint64_t seed) : hash_(seed, 1) {}

  // Empty, with room for that many slots.
  void reset(std::size_t slots) { entries_.assign(2 * slots, Entry{0}); }

  // The slot of a key, or kNoSlot; keys[slot] is the key of a slot. There must be room for some.
  std::uint32_t find(std::uint64_t key, const std::uint64_t* keys) const {
    for (std::uint64_t at = home(key);; at = after(at)) {
      const Entry entry = entries_[at];
      if (entry == 0) return kNoSlot;
      if (keys[entry - 1] == key) return static_cast<std::uint32_t>(entry - 1);
    }
  }
  void prefetch(std::uint64_t key) const { __builtin_prefetch(&entries_[home(key)]); }

  // A key that is not there yet.
  void enter(std::uint64_t key, std::uint32_t slot) {
    std::uint64_t at = home(key);
    while (entries_[at] != 0) at = after(at);
    entries_[at] = static_cast<Entry>(slot + 1);
  }

  // Removes a key that is there; those that it had pushed on move up.
  void leave(std::uint64_t key, const std::uint64_t* keys) {
    std::uint64_t hole = home(key);
    while (keys[entries_[hole] - 1] != key) hole = after(hole);
    const auto steps = [&](std::uint64_t from, std::uint64_t to) {
      return to >= from ? to - from : to + entries_.size() - from;
    };
    for (std::uint64_t at = after(hole); entries_[at] != 0; at = after(at)) {
      if (steps(home(keys[entries_[at] - 1]), at) < steps(hole, at)) continue;
      entries_[hole] = entries_[at];
      hole = at;
    }
    entries_[hole] = 0;
  }

  std::size_t nbytes() const { return entries_.size() * sizeof(Entry); }

 private:
  std::uint64_t home(std::uint64_t key) const { return range(hash_(key), entries_.size()); }
  std::uint64_t after(std::uint64_t at) const { return at + 1 == entries_.size() ? 0 : at + 1; }

  Mix hash_;
  Storage<Entry> entries_;  // slot + 1, or 0
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
  void leave(std::uint64_t key, const std::uint64_t* keys) {
    std::visit([&](auto& index) { index.leave(key, keys); }, any_);
  }
  std::size_t nbytes() const {
    return std::visit([](const auto& index) { return index.nbytes(); }, any_);
  }

 private:
  std::uint64_t seed_;
  std::variant<SlotIndex<std::uint16_t>, SlotIndex<std::uint32_t>> any_;
};

}  // namespace bh::streams
