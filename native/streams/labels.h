// The strings behind the ids: one for each slot of a table. While a batch runs, a slot that changes its owner only
// notes the row; the string is copied once, after the batch, however often the slot changed hands.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace bh::streams {

class Labels {
 public:
  // Index i of the ids that come next is row first + rows[i] of the batch, or first + i where `rows` is empty. Both
  // must stay until the next block or settle().
  void block(std::size_t first, std::span<const std::uint32_t> rows) { first_ = first, rows_ = rows; }

  // The slot belongs to the key at this index now.
  void took(std::uint32_t slot, std::size_t index) {
    reserve(slot);
    if (pending_[slot] == kSettled) touched_.push_back(slot);
    pending_[slot] = first_ + (rows_.empty() ? index : rows_[index]);
  }

  // Copies text(row), a std::string_view, for each slot that was taken over since.
  template <typename Text>
  void settle(const Text& text) {
    for (const std::uint32_t slot : touched_) {
      set(slot, text(pending_[slot]));
      pending_[slot] = kSettled;
    }
    touched_.clear();
  }

  void set(std::uint32_t slot, std::string_view text) {
    reserve(slot);
    garbage_ += places_[slot].length;
    if (text.size() <= places_[slot].length) {  // in its old place
      garbage_ -= text.size();
    } else {
      if (garbage_ > arena_.size() / 2) compact(slot);
      places_[slot].start = arena_.size();
      arena_.resize(arena_.size() + text.size());
    }
    places_[slot].length = text.size();
    text.copy(arena_.data() + places_[slot].start, text.size());
  }

  // Empty for a slot that has none.
  std::string_view operator[](std::uint32_t slot) const {
    if (slot >= places_.size()) return {};
    return {arena_.data() + places_[slot].start, places_[slot].length};
  }

  void clear() { *this = Labels(); }

  std::size_t nbytes() const {
    return arena_.capacity() + places_.capacity() * sizeof(Place) + pending_.capacity() * sizeof(std::size_t) +
           touched_.capacity() * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::size_t kSettled = ~std::size_t{0};
  struct Place {
    std::size_t start = 0, length = 0;
  };

  void reserve(std::uint32_t slot) {
    if (slot < places_.size()) return;
    places_.resize(slot + std::size_t{1});
    pending_.resize(slot + std::size_t{1}, kSettled);
  }

  // Leaves out what no slot refers to, and the string of `dropped`.
  void compact(std::uint32_t dropped) {
    places_[dropped].length = 0;
    std::vector<char> kept;
    kept.reserve(arena_.size() - garbage_);
    for (Place& place : places_) {
      const std::size_t start = kept.size();
      kept.insert(kept.end(), arena_.begin() + static_cast<std::ptrdiff_t>(place.start),
                  arena_.begin() + static_cast<std::ptrdiff_t>(place.start + place.length));
      place.start = start;
    }
    arena_ = std::move(kept);
    garbage_ = 0;
  }

  std::vector<Place> places_;
  std::vector<char> arena_;
  std::size_t garbage_ = 0;           // bytes of the arena that no slot refers to
  std::vector<std::size_t> pending_;  // the row of each slot's new owner
  std::vector<std::uint32_t> touched_;
  std::size_t first_ = 0;
  std::span<const std::uint32_t> rows_;
};

}  // namespace bh::streams
