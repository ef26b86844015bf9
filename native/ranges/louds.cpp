#include "ranges/louds.h"

#include <algorithm>
#include <limits>
#include <string>

#include "ranges/section.h"

namespace bh::ranges {

namespace {

void set(std::uint8_t* bits, std::uint64_t i) { bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 1u << i % 8); }

}  // namespace

Louds::Louds(const LoudsShape& shape, const std::uint8_t* bitmaps, const std::uint8_t* labels,
             const std::uint8_t* children, const std::uint8_t* firsts, std::vector<std::uint64_t>& leaves_by_level)
    : shape_(shape),
      sparse_(256 * shape.dense_nodes),
      bitmaps_(bitmaps),
      labels_(labels),
      children_(children, shape.items),
      firsts_(firsts, shape.items) {
  leaves_by_level.clear();
  const std::uint64_t nodes = check_dense(leaves_by_level);
  check_sparse(nodes, leaves_by_level);
  std::uint64_t leaves = 0;
  for (const std::uint64_t of_level : leaves_by_level) leaves += of_level;
  if (leaves != shape.leaves || leaves_by_level.size() != shape.levels)
    corrupt_section("its trie has " + std::to_string(leaves) + " leaves on " + std::to_string(leaves_by_level.size()) +
                    " levels, not " + std::to_string(shape.leaves) + " on " + std::to_string(shape.levels));
  first_child_ = shape.dense_nodes + nodes - 1;
}

void Louds::add_level(std::uint64_t leaves, std::vector<std::uint64_t>& leaves_by_level) const {
  if (leaves_by_level.size() >= shape_.levels)
    corrupt_section("its trie has more than " + std::to_string(shape_.levels) + " levels");
  leaves_by_level.push_back(leaves);
}

std::uint64_t Louds::check_dense(std::vector<std::uint64_t>& leaves_by_level) {
  std::uint64_t nodes = shape_.dense_nodes > 0 || shape_.items > 0 ? 1 : 0, node = 0, children = 0, leaves = 0;
  dense_children_.reserve(shape_.dense_nodes), dense_leaves_.reserve(shape_.dense_nodes);
  for (std::uint64_t level = 0; level < shape_.dense_levels && nodes > 0; ++level) {
    if (nodes > shape_.dense_nodes - node) corrupt_section("its trie ends before its dense nodes do");
    const std::uint64_t end = node + nodes, leaves_above = leaves;
    nodes = 0;
    for (; node < end; ++node) {
      // The root is nobody's child: rank r leads to node r.
      dense_children_.push_back(static_cast<std::uint32_t>(children));
      dense_leaves_.push_back(static_cast<std::uint32_t>(leaves));
      const std::uint8_t* bitmap = bitmaps_ + 64 * node;
      for (int w = 0; w < 4; ++w) {
        const std::uint64_t labels = load_word(bitmap + 8 * w), with_child = load_word(bitmap + 32 + 8 * w);
        if ((with_child & ~labels) != 0) corrupt_section("its trie has a child without a label");
        nodes += static_cast<unsigned>(std::popcount(with_child));
        leaves += static_cast<unsigned>(std::popcount(labels & ~with_child));
      }
      if (next_dense(node, 0) == kNone) corrupt_section("its trie has a node without labels");
      children = end - 1 + nodes;
      if (children + leaves > std::numeric_limits<std::uint32_t>::max())
        corrupt_section("its trie has too many dense items");
    }
    add_level(leaves - leaves_above, leaves_by_level);
  }
  if (node != shape_.dense_nodes || leaves_by_level.size() != shape_.dense_levels)
    corrupt_section("its trie has " + std::to_string(shape_.dense_nodes - node) + " dense nodes too many");
  all_dense_leaves_ = leaves;
  return nodes;
}

void Louds::check_sparse(std::uint64_t nodes, std::vector<std::uint64_t>& leaves_by_level) const {
  std::uint64_t i = 0;
  while (nodes > 0) {
    std::uint64_t children = 0, items = 0, seen = 0;
    for (; i < shape_.items; ++i, ++items) {
      if (firsts_[i]) {
        if (seen == nodes) break;
        ++seen;
      } else if (items == 0 || labels_[i] <= labels_[i - 1]) {
        corrupt_section("the labels of its trie do not ascend");
      }
      children += children_[i];
    }
    if (seen != nodes) corrupt_section("its trie ends before its sparse nodes do");
    add_level(items - children, leaves_by_level);
    nodes = children;
  }
  if (i != shape_.items) corrupt_section("its trie has " + std::to_string(shape_.items - i) + " sparse items too many");
}

Louds read_louds(SectionReader& reader, std::uint64_t most_levels, std::vector<std::uint64_t>& leaves_by_level) {
  LoudsShape shape;
  for (std::uint64_t* scalar : {&shape.leaves, &shape.levels, &shape.dense_levels, &shape.dense_nodes, &shape.items})
    *scalar = reader.scalar("the trie");
  if (shape.levels > most_levels) corrupt_section("its trie is deeper than its keys are long");
  if (shape.dense_nodes >> 58 != 0 || shape.items >> 60 != 0) corrupt_section("they end before the trie does");
  const std::uint8_t* bitmaps = reader.array(shape.bitmap_bytes(), "the dense part of the trie");
  const std::uint8_t* labels = reader.array(shape.items, "the labels of the trie");
  const std::uint8_t* children = reader.bits(shape.items, "the children of the trie");
  const std::uint8_t* firsts = reader.bits(shape.items, "the nodes of the trie");
  return Louds(shape, bitmaps, labels, children, firsts, leaves_by_level);
}

LoudsShape LoudsBuilder::shape() const {
  // In bits with their directories: 576 for a dense node, 10.25 for a sparse item.
  std::uint64_t below = 0, dense = 0, dense_items = 0;
  for (const Level& level : levels_) below += 41 * level.labels.size() / 4;
  std::uint64_t least = below;
  LoudsShape shape{leaves_, levels_.size(), 0, 0, 0};
  for (std::uint64_t cut = 1; cut <= levels_.size(); ++cut) {
    const Level& level = levels_[cut - 1];
    dense += 576 * level.nodes, below -= 41 * level.labels.size() / 4, dense_items += level.labels.size();
    if (dense_items > std::numeric_limits<std::uint32_t>::max()) break;
    if (dense + below <= least) {
      least = dense + below;
      shape.dense_levels = cut;
    }
  }
  for (std::uint64_t i = 0; i < levels_.size(); ++i) {
    if (i < shape.dense_levels) {
      shape.dense_nodes += levels_[i].nodes;
    } else {
      shape.items += levels_[i].labels.size();
    }
  }
  return shape;
}

void LoudsBuilder::write(const LoudsShape& shape, std::vector<std::uint8_t>& bytes) const {
  for (const std::uint64_t scalar : {shape.leaves, shape.levels, shape.dense_levels, shape.dense_nodes, shape.items})
    append_scalar(bytes, scalar);
  std::uint8_t* const bitmaps = append_array(bytes, shape.bitmap_bytes());
  std::uint64_t nodes = 0;
  for (std::uint64_t l = 0; l < shape.dense_levels; ++l)
    for (std::size_t i = 0; i < levels_[l].labels.size(); ++i) {
      nodes += levels_[l].flags[i] >> 1;
      std::uint8_t* const bitmap = bitmaps + 64 * (nodes - 1);
      set(bitmap, levels_[l].labels[i]);
      if (levels_[l].flags[i] & 1) set(bitmap + 32, levels_[l].labels[i]);
    }
  std::uint8_t* label = append_array(bytes, shape.items);
  for (std::uint64_t l = shape.dense_levels; l < levels_.size(); ++l)
    label = std::copy(levels_[l].labels.begin(), levels_[l].labels.end(), label);
  for (const std::uint8_t flag : {1, 2}) {
    std::uint8_t* bits = append_array(bytes, shape.bit_bytes());
    std::uint64_t item = 0;
    for (std::uint64_t l = shape.dense_levels; l < levels_.size(); ++l)
      for (const std::uint8_t flags : levels_[l].flags) {
        if (flags & flag) set(bits, item);
        ++item;
      }
  }
}

}  // namespace bh::ranges
