// A trie of bytes in LOUDS-DS (Zhang et al.: SuRF, SIGMOD 2018): nodes are numbered level by level, those of the upper
// levels as bitmaps of 256 labels ("dense"), the others as lists of labels ("sparse"). Pointers are ranks.
// An item is one label of one node. A place is an item: 256 * node + label if dense, else 256 * dense nodes + number.
// Nothing is written after it is built.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ranges/rank_select.h"
#include "ranges/section.h"
#include "support/simd.h"

namespace bh::ranges {

// What the bytes of a trie hold besides its arrays.
struct LoudsShape {
  std::uint64_t leaves = 0, levels = 0, dense_levels = 0, dense_nodes = 0, items = 0;  // items: sparse ones

  std::uint64_t bitmap_bytes() const { return 64 * dense_nodes; }
  std::uint64_t bit_bytes() const { return (items + 7) / 8; }
};

class Louds {
 public:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  Louds() = default;
  // The arrays: per dense node 32 bytes of labels and 32 of has-child, low bit first; per sparse item its label; bits
  // of has-child; bits that say "first of its node". Each is followed by 16 bytes that may be read. Checks all of them
  // and throws CorruptData. `leaves_by_level` gets a count for each level.
  Louds(const LoudsShape& shape, const std::uint8_t* bitmaps, const std::uint8_t* labels, const std::uint8_t* children,
        const std::uint8_t* firsts, std::vector<std::uint64_t>& leaves_by_level);

  const LoudsShape& shape() const { return shape_; }
  std::size_t directory_bytes() const {
    return 4 * (dense_children_.size() + dense_leaves_.size()) + children_.directory_bytes() +
           firsts_.directory_bytes();
  }

  // For who never asks for the number of a dense leaf.
  void forget_dense_leaves() { dense_leaves_ = {}; }

  // The first item of a node whose label is at least `label`, or kNone. The root is node 0.
  BH_INLINE std::uint64_t find(std::uint64_t node, unsigned label) const {
    if (node < shape_.dense_nodes) return next_dense(node, label);
    std::uint64_t i = firsts_.select(node - shape_.dense_nodes);
    const std::uint64_t end = firsts_.next_one(i + 1);
    if (end - i > 32) {
      i = static_cast<std::uint64_t>(std::lower_bound(labels_ + i, labels_ + end, label) - labels_);
    } else {
      while (i < end && labels_[i] < label) ++i;
    }
    return i < end ? sparse_ + i : kNone;
  }
  // The next item of the same node, or kNone.
  BH_INLINE std::uint64_t next(std::uint64_t place) const {
    if (place < sparse_) return place % 256 == 255 ? kNone : next_dense(place / 256, place % 256 + 1);
    const std::uint64_t i = place - sparse_ + 1;
    return i < shape_.items && !firsts_[i] ? place + 1 : kNone;
  }
  BH_INLINE unsigned label(std::uint64_t place) const {
    return place < sparse_ ? place % 256 : labels_[place - sparse_];
  }
  BH_INLINE bool has_child(std::uint64_t place) const {
    if (place >= sparse_) return children_[place - sparse_];
    return (bitmaps_[64 * (place / 256) + 32 + place % 256 / 8] >> place % 8 & 1) != 0;
  }
  // The node under an item that has one.
  BH_INLINE std::uint64_t child(std::uint64_t place) const {
    if (place >= sparse_) return first_child_ + children_.rank(place - sparse_);
    const std::uint64_t node = place / 256;
    return dense_children_[node] + count(bitmaps_ + 64 * node + 32, place % 256);
  }
  // The number of a leaf, an item without a child, level by level.
  BH_INLINE std::uint64_t leaf(std::uint64_t place) const {
    if (place >= sparse_) return all_dense_leaves_ + place - sparse_ - children_.rank(place - sparse_);
    const std::uint64_t node = place / 256;
    const std::uint8_t* bitmap = bitmaps_ + 64 * node;
    return dense_leaves_[node] + count(bitmap, place % 256) - count(bitmap + 32, place % 256) - 1;
  }

 private:
  // Ones in [0, last] of 256 bits.
  static BH_INLINE std::uint64_t count(const std::uint8_t* bitmap, std::uint64_t last) {
    std::uint64_t ones = 0, w = 0;
    for (; w < last / 64; ++w) ones += static_cast<unsigned>(std::popcount(load_word(bitmap + 8 * w)));
    return ones + static_cast<unsigned>(std::popcount(load_word(bitmap + 8 * w) << (63 - last % 64)));
  }
  BH_INLINE std::uint64_t next_dense(std::uint64_t node, std::uint64_t label) const {
    std::uint64_t w = label / 64, bits = load_word(bitmaps_ + 64 * node + 8 * w) >> label % 64 << label % 64;
    for (; bits == 0; bits = load_word(bitmaps_ + 64 * node + 8 * w))
      if (++w == 4) return kNone;
    return 256 * node + 64 * w + static_cast<unsigned>(std::countr_zero(bits));
  }
  void add_level(std::uint64_t leaves, std::vector<std::uint64_t>& leaves_by_level) const;
  // Each reads one level after another, and returns the nodes that the next one must have.
  std::uint64_t check_dense(std::vector<std::uint64_t>& leaves_by_level);
  void check_sparse(std::uint64_t nodes, std::vector<std::uint64_t>& leaves_by_level) const;

  LoudsShape shape_;
  std::uint64_t sparse_ = 0, first_child_ = 0, all_dense_leaves_ = 0;
  const std::uint8_t *bitmaps_ = nullptr, *labels_ = nullptr;
  std::vector<std::uint32_t> dense_children_, dense_leaves_;  // before each dense node
  RankSelect children_, firsts_;
};

// Takes a trie from a section, as LoudsBuilder::write() put it there. Throws CorruptData.
Louds read_louds(SectionReader& reader, std::uint64_t most_levels, std::vector<std::uint64_t>& leaves_by_level);

// Takes sorted keys, none a prefix of another as far as they are kept, and writes the arrays.
class LoudsBuilder {
 public:
  // The next key, of which the first `depth` bytes are kept and the first `shared` are also the last key's.
  // `byte(level)` gives its bytes.
  template <typename Byte>
  void add(std::uint64_t shared, std::uint64_t depth, Byte byte) {
    while (levels_.size() < depth) levels_.emplace_back();
    for (std::uint64_t level = shared; level < depth; ++level) {
      const bool first = level > shared || leaves_ == 0;
      levels_[level].add(byte(level), level + 1 < depth, first);
    }
    ++leaves_;
  }
  // With as many dense levels as take the least memory.
  LoudsShape shape() const;
  // Appends the shape as five scalars, then the arrays.
  void write(const LoudsShape& shape, std::vector<std::uint8_t>& bytes) const;

 private:
  struct Level {
    void add(unsigned label, bool child, bool first) {
      labels.push_back(static_cast<std::uint8_t>(label));
      flags.push_back(static_cast<std::uint8_t>(child | first << 1));
      nodes += first;
    }
    std::vector<std::uint8_t> labels, flags;  // flags: 1 has child, 2 first of its node
    std::uint64_t nodes = 0;
  };

  std::vector<Level> levels_;
  std::uint64_t leaves_ = 0;
};

}  // namespace bh::ranges
