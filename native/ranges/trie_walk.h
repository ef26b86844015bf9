// Leaves in order. A leaf holds the bytes of its path and, behind them, the number of bits that `Suffixes` keeps for
// it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ranges/key_bytes.h"
#include "ranges/louds.h"
#include "ranges/words.h"
#include "support/simd.h"

namespace bh::ranges {

// A number of bits behind the path of each leaf, packed level by level.
class Suffixes {
 public:
  // Each leaf has as many as bring it to `whole` bits.
  static Suffixes up_to(std::uint64_t whole) { return Suffixes(true, whole); }
  // Each leaf has `bits`, at most 32.
  static Suffixes fixed(unsigned bits) { return Suffixes(false, bits); }

  std::uint64_t length(std::uint64_t level) const {
    if (!up_to_) return bits_;
    return bits_ > 8 * (level + 1) ? bits_ - 8 * (level + 1) : 0;
  }
  // All bits there are, if there are so many leaves on each level.
  std::uint64_t size(const std::vector<std::uint64_t>& leaves_by_level) const {
    std::uint64_t bits = 0;
    for (std::size_t level = 0; level < leaves_by_level.size(); ++level) bits += leaves_by_level[level] * length(level);
    return bits;
  }
  // Whether a leaf above a level has any.
  bool reach(std::uint64_t levels, const std::vector<std::uint64_t>& leaves_by_level) const {
    for (std::size_t level = 0; level < levels; ++level)
      if (leaves_by_level[level] > 0 && length(level) > 0) return true;
    return false;
  }
  void set(const std::uint8_t* bits, const std::vector<std::uint64_t>& leaves_by_level) {
    data_ = bits;
    start_.assign(leaves_by_level.size(), 0);
    std::uint64_t at = 0, leaves = 0;
    for (std::size_t level = 0; level < leaves_by_level.size(); ++level) {
      start_[level] = at - leaves * length(level);  // may wrap around, and place() back again
      at += leaves_by_level[level] * length(level), leaves += leaves_by_level[level];
    }
  }
  std::size_t directory_bytes() const { return 8 * start_.size(); }
  std::uint64_t place(std::uint64_t leaf, std::uint64_t level) const { return start_[level] + leaf * length(level); }
  std::uint64_t value(std::uint64_t leaf, std::uint64_t level) const {  // at most 56 bits
    return load_bits(data_, place(leaf, level), static_cast<unsigned>(length(level)));
  }
  // Less than, equal to or greater than 0 as the leaf's bits are less than the key's in their place, and so on.
  BH_INLINE int compare(std::uint64_t leaf, std::uint64_t level, const KeyBytes& key) const {
    std::uint64_t left = length(level), at = left > 0 ? place(leaf, level) : 0;
    for (std::uint64_t from = level + 1; left > 0; from += 7) {
      const unsigned count = left < 56 ? static_cast<unsigned>(left) : 56;
      const std::uint64_t ours = load_bits(data_, at, count), theirs = key.number(from, count);
      if (ours != theirs) return ours < theirs ? -1 : 1;
      left -= count, at += count;
    }
    return 0;
  }

 private:
  Suffixes(bool up_to, std::uint64_t bits) : up_to_(up_to), bits_(bits) {}

  bool up_to_;
  std::uint64_t bits_;
  const std::uint8_t* data_ = nullptr;
  std::vector<std::uint64_t> start_;
};

// Walks from leaf to leaf. The path lies here, so that any number of threads may walk in one trie.
class TrieWalk {
 public:
  TrieWalk(const Louds& trie, const Suffixes& suffixes) : trie_(trie), suffixes_(suffixes) {}

  // To the first leaf whose bits are not less than the key's in their place. False: there is none.
  BH_INLINE bool seek(const KeyBytes& key) {
    depth_ = 0;
    if (trie_.shape().leaves == 0) return false;
    for (std::uint64_t node = 0;;) {
      const unsigned wanted = key[depth_];
      const std::uint64_t place = trie_.find(node, wanted);
      if (place == Louds::kNone) return next_branch();
      push(place);
      if (trie_.label(place) != wanted) return first_leaf();
      if (!trie_.has_child(place)) return compare_suffix(key) >= 0 || advance();
      node = trie_.child(place);
    }
  }
  BH_INLINE bool advance() { return next_branch(); }
  // The leaf's bits against the key's in their place: less than, equal to or greater than 0.
  BH_INLINE int compare(const KeyBytes& key) const {
    for (std::uint64_t level = 0; level < depth_; ++level) {
      const int difference = static_cast<int>(trie_.label(at(level))) - static_cast<int>(key[level]);
      if (difference != 0) return difference;
    }
    return compare_suffix(key);
  }
  std::uint64_t level() const { return depth_ - 1; }
  std::uint64_t leaf() const { return trie_.leaf(top()); }

 private:
  static constexpr std::size_t kInline = 64;

  BH_INLINE int compare_suffix(const KeyBytes& key) const {
    return suffixes_.length(level()) == 0 ? 0 : suffixes_.compare(leaf(), level(), key);
  }
  // The branch to the right of the path's end, from where the path now ends.
  BH_INLINE bool next_branch() {
    while (depth_ > 0) {
      const std::uint64_t place = trie_.next(top());
      --depth_;
      if (place != Louds::kNone) {
        push(place);
        return first_leaf();
      }
    }
    return false;
  }
  BH_INLINE bool first_leaf() {
    while (trie_.has_child(top())) push(trie_.find(trie_.child(top()), 0));
    return true;
  }
  BH_INLINE void push(std::uint64_t place) {
    if (depth_ < kInline) {
      inline_[depth_] = place;
    } else {
      deeper_.resize(depth_ - kInline);
      deeper_.push_back(place);
    }
    ++depth_;
  }
  std::uint64_t at(std::uint64_t level) const { return level < kInline ? inline_[level] : deeper_[level - kInline]; }
  std::uint64_t top() const { return at(depth_ - 1); }

  const Louds& trie_;
  const Suffixes& suffixes_;
  std::array<std::uint64_t, kInline> inline_;
  std::vector<std::uint64_t> deeper_;
  std::uint64_t depth_ = 0;
};

}  // namespace bh::ranges
