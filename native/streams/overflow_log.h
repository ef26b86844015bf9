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

// A ring of numbers that grows up to what it holds.
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
  // `usual` is the size that it is made for.
  void push_back(std::uint32_t item, std::size_t usual) {
    if (size_ == items_.size()) grow(usual);
    items_[place(size_++)] = item;
  }
  std::size_t nbytes() const { return items_.size() * sizeof(std::uint32_t); }

 private:
  std::size_t place(std::size_t i) const {
    const std::size_t at = first_ + i;
    return at < items_.size() ? at : at - items_.size();
  }
  void grow(std::size_t usual) {
    const std::size_t wanted = std::max<std::size_t>(8, size_ < usual ? std::min(2 * size_, usual) : size_ + size_ / 4);
    std::rotate(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_), items_.end());
    first_ = 0;
    items_.resize(wanted);
  }

  std::vector<std::uint32_t> items_;
  std::size_t first_ = 0, size_ = 0;
};

class OverflowLog {
 public:
  // `blocks` is how many a window has.
  OverflowLog(std::uint64_t blocks, std::uint64_t seed) : blocks_(blocks), seed_(seed), index_(seed) {
    left_.push_back(0, blocks_ + 1);
  }

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
    ++left_.back();
    entries_.push_back(slot, blocks_ + blocks_ / 8 + 64);
    return {slot, is_new};
  }

  // Begins a block. What is left of the block that leaves is dropped.
  void next_block() {
    if (left_.size() > blocks_) {
      expire(left_.front());
      left_.pop_front();
    }
    left_.push_back(0, blocks_ + 1);
  }

  // Drops up to that many entries of the block that is leaving the window, if there are as many blocks.
  void expire(std::uint64_t most) {
    if (left_.size() <= blocks_) return;
    for (; most > 0 && left_.front() > 0; --most) {
      drop(entries_[0]);
      entries_.pop_front();
      --left_.front();
    }
  }

  void clear() { *this = OverflowLog(blocks_, seed_); }

  std::size_t blocks() const { return left_.size(); }  // stored: up to n + 1
  std::size_t entries() const { return entries_.size(); }
  std::size_t nbytes() const {
    return entries_.nbytes() + left_.nbytes() + ids_.capacity() * sizeof(std::uint64_t) +
           counts_.capacity() * sizeof(std::uint32_t) + index_.nbytes();
  }

  // Calls visit(slot, id) for each key, in the order of their oldest entries.
  template <typename Visit>
  void each(const Visit& visit) const {
    std::vector<bool> seen(ids_.size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::uint32_t slot = entries_[i];
      if (!seen[slot]) visit(slot, ids_[slot]);
      seen[slot] = true;
    }
  }

  void write(SectionWriter& writer) const {
    writer.put(static_cast<std::uint32_t>(left_.size()));
    writer.put(std::uint32_t{0});
    for (std::size_t i = 0; i < left_.size(); ++i) writer.put(left_[i]);
    writer.align();
    for (std::size_t i = 0; i < entries_.size(); ++i) writer.put(ids_[entries_[i]]);
  }
  // Into an empty log.
  void read(SectionReader& reader) {
    const auto stored = reader.take<std::uint32_t>();
    if (reader.take<std::uint32_t>() != 0) reader.fail("a reserved field is not 0");
    if (stored == 0 || stored - 1 > blocks_)
      reader.fail("the number of stored blocks is 0 or above that of the window");
    const auto left = reader.take_array<std::uint32_t>(stored);
    reader.align();
    for (std::size_t block = 0; block < stored; ++block) {
      if (block > 0) next_block();
      for (const std::uint64_t id : reader.take_array<std::uint64_t>(left[block])) push(id);
    }
  }

  const char* broken() const {  // what is wrong, or nothing
    std::uint64_t entries = 0, counted = 0;
    for (std::size_t i = 0; i < left_.size(); ++i) entries += left_[i];
    if (entries != entries_.size()) return "the entries of the blocks do not add up";
    std::uint32_t keys = 0;
    for (std::uint32_t slot = 0; slot < ids_.size(); ++slot) {
      if (counts_[slot] == 0) continue;
      ++keys;
      counted += counts_[slot];
      if (find(ids_[slot]) != slot) return "a key of the log is not found";
    }
    if (counted != entries || keys != used_) return "the keys of the log do not add up";
    return nullptr;
  }

 private:
  std::uint32_t insert(std::uint64_t id) {
    ++used_;
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
    index_.leave(ids_[slot], ids_.data());
    ids_[slot] = free_;
    free_ = slot;
    --used_;
  }

  void grow() {
    const std::size_t slots = std::max<std::size_t>(16, ids_.size() + ids_.size() / 2);
    ids_.reserve(slots);
    counts_.reserve(slots);
    index_.reset(slots);
    for (std::uint32_t slot = 0; slot < ids_.size(); ++slot)  // none is free, or it would have been taken
      index_.enter(ids_[slot], slot);
  }

  std::uint64_t blocks_, seed_;
  Ring entries_, left_;  // slots, oldest first; entries of each stored block
  std::vector<std::uint64_t> ids_;
  std::vector<std::uint32_t> counts_;  // 0 in a free slot
  SlotIndex<std::uint32_t> index_;
  std::uint32_t used_ = 0, free_ = kNoSlot;  // the ids of free slots are a list of these
};

}  // namespace bh::streams
