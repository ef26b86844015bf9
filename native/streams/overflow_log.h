// Which keys passed a multiple of a block's length, and in which block of the window: a ring of entries, oldest first,
// and how many of them each key has. Entries refer to slots, so that a key is stored once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "streams/format.h"
#include "streams/slot_index.h"

namespace bh::streams {

// A queue of numbers in a ring that grows by an eighth.
class Ring {
 public:
  std::size_t size() const { return size_; }
  std::uint32_t operator[](std::size_t i) const { return items_[place(i)]; }
  std::uint32_t& front() { return items_[first_]; }
  std::uint32_t& back() { return items_[place(size_ - 1)]; }
  void pop_front() {
    first_ = place(1);
    --size_;
  }
  void push_back(std::uint32_t item) {
    if (size_ == items_.size()) {
      std::rotate(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_), items_.end());
      first_ = 0;
      const std::size_t wider = size_ + size_ / 8 + 16;
      items_.reserve(wider);
      items_.resize(wider);
    }
    items_[place(size_++)] = item;
  }
  std::size_t nbytes() const { return items_.capacity() * sizeof(std::uint32_t); }

 private:
  std::size_t place(std::size_t i) const {
    const std::size_t at = first_ + i;
    return at < items_.size() ? at : at - items_.size();
  }

  std::vector<std::uint32_t> items_;
  std::size_t first_ = 0, size_ = 0;
};

class OverflowLog {
 public:
  // `blocks` is how many a window has. One more is kept, which is leaving it.
  OverflowLog(std::uint64_t blocks, std::uint64_t seed) : blocks_(blocks), index_(seed) { entries_.push_back(kNone); }

  // Entries of a key that are left.
  std::uint32_t count(std::uint64_t id) const {
    const std::uint32_t slot = find(id);
    return slot == kNoSlot ? 0 : counts_[slot];
  }
  std::uint32_t find(std::uint64_t id) const { return ids_.empty() ? kNoSlot : index_.find(id, ids_.data()); }

  // An entry in the current block. Returns the slot of the key, and whether it is new to the log.
  std::pair<std::uint32_t, bool> push(std::uint64_t id) {
    std::uint32_t slot = find(id);
    const bool is_new = slot == kNoSlot;
    if (is_new) slot = insert(id);
    ++counts_[slot];
    if (entries_.back() == kNone)
      entries_.back() = kFirst | slot;
    else
      entries_.push_back(slot);
    return {slot, is_new};
  }

  // Begins a block. What is left of the one that was leaving is dropped.
  void next_block() {
    if (stored_ > blocks_) {
      expire(~std::uint64_t{0});
      entries_.pop_front();
    } else {
      ++stored_;
    }
    entries_.push_back(kNone);
  }

  // Drops up to that many entries of the block that is leaving the window, if there is one.
  void expire(std::uint64_t most) {
    if (stored_ <= blocks_) return;
    for (; most > 0 && entries_.front() != kNone; --most) {
      drop(entries_.front() & ~kFirst);
      if (entries_.size() > 1 && (entries_[1] & kFirst) == 0) {
        entries_.pop_front();
        entries_.front() |= kFirst;
      } else {
        entries_.front() = kNone;
      }
    }
  }

  std::uint64_t stored_blocks() const { return stored_; }
  std::size_t nbytes() const {
    return entries_.nbytes() + ids_.capacity() * sizeof(std::uint64_t) + counts_.capacity() * sizeof(std::uint32_t) +
           index_.nbytes();
  }

  // Calls visit(slot, id) for each entry, oldest first.
  template <typename Visit>
  void each_entry(const Visit& visit) const {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (const std::uint32_t slot = entries_[i] & ~kFirst; slot != kNobody) visit(slot, ids_[slot]);
  }
  // Calls visit(slot, id) for each key, in the order of their oldest entries.
  template <typename Visit>
  void each(const Visit& visit) const {
    std::vector<bool> seen(ids_.size());
    each_entry([&](std::uint32_t slot, std::uint64_t id) {
      if (!seen[slot]) visit(slot, id);
      seen[slot] = true;
    });
  }

  void write(SectionWriter& writer) const {
    writer.put(static_cast<std::uint32_t>(stored_));
    writer.put(std::uint32_t{0});
    for (const std::uint32_t entries : entries_by_block()) writer.put(entries);
    writer.align();
    each_entry([&](std::uint32_t, std::uint64_t id) { writer.put(id); });
  }
  // Into an empty log.
  void read(SectionReader& reader) {
    const auto stored = reader.take<std::uint32_t>();
    if (reader.take<std::uint32_t>() != 0) reader.fail("a reserved field is not 0");
    if (stored == 0 || stored - 1 > blocks_) reader.fail("the number of stored blocks is 0 or above what a window has");
    const auto entries = reader.take_array<std::uint32_t>(stored);
    reader.align();
    for (std::size_t block = 0; block < stored; ++block) {
      if (block > 0) next_block();
      if (entries[block] >= kNobody) reader.fail("a block has more entries than keys can have slots");
      for (const std::uint64_t id : reader.take_array<std::uint64_t>(entries[block])) push(id);
    }
  }

  const char* broken() const {  // what is wrong, or nothing
    std::vector<std::uint32_t> counts(ids_.size());
    each_entry([&](std::uint32_t slot, std::uint64_t) { ++counts[slot]; });
    if (counts != counts_) return "the entries of a key do not add up";
    for (std::uint32_t slot = 0; slot < ids_.size(); ++slot)
      if (counts_[slot] != 0 && find(ids_[slot]) != slot) return "a key of the log is not found";
    if (entries_by_block().size() != stored_) return "the blocks of the log do not add up";
    return nullptr;
  }

 private:
  // An entry is a slot; the first of a block says so. A block without entries is one entry of nobody.
  static constexpr std::uint32_t kFirst = 0x80000000, kNobody = 0x7FFFFFFF, kNone = kFirst | kNobody;

  std::vector<std::uint32_t> entries_by_block() const {
    std::vector<std::uint32_t> all;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if ((entries_[i] & kFirst) != 0) all.push_back(0);
      if (entries_[i] != kNone) ++all.back();
    }
    return all;
  }

  std::uint32_t insert(std::uint64_t id) {
    std::uint32_t slot = free_;
    if (slot != kNoSlot) {
      free_ = static_cast<std::uint32_t>(ids_[slot]);
      ids_[slot] = id;
    } else {
      if (ids_.size() == ids_.capacity()) grow();
      slot = static_cast<std::uint32_t>(ids_.size());
      ids_.push_back(id);
      counts_.push_back(0);
    }
    index_.enter(id, slot);
    return slot;
  }

  void drop(std::uint32_t slot) {
    if (--counts_[slot] != 0) return;
    index_.leave(ids_[slot], slot);
    ids_[slot] = free_;
    free_ = slot;
  }

  void grow() {
    const std::size_t slots = ids_.size() + ids_.size() / 8 + 16;
    ids_.reserve(slots);
    counts_.reserve(slots);
    index_.reset(slots);
    for (std::uint32_t slot = 0; slot < ids_.size(); ++slot)  // none is free, or it would have been taken
      index_.enter(ids_[slot], slot);
  }

  std::uint64_t blocks_, stored_ = 1;
  Ring entries_;
  std::vector<std::uint64_t> ids_;     // those of free slots are a list of these
  std::vector<std::uint32_t> counts_;  // 0 in a free slot
  AnySlotIndex index_;
  std::uint32_t free_ = kNoSlot;
};

}  // namespace bh::streams
