// A static approximate set in which neighbors lie together: a binary fuse filter (Graf, Lemire, JEA 2022) with four
// slots a value, whose XOR is the fingerprint of the value if it is in the set. The 16 values of a block share four
// groups of 16 slots, a slot of their own in each, so that asking for all of a short range touches few cache lines.
// Fingerprints have `bits` bits, and in the first `covered` segments one more, in a plane of its own: so any budget can
// be spent.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "ranges/codes.h"
#include "ranges/payload.h"
#include "ranges/words.h"
#include "support/hash.h"
#include "support/simd.h"

namespace bh::ranges {

constexpr std::uint32_t kFuseBlockLog = 4;

struct FuseShape {
  // Of n >= 1 values in `blocks` distinct blocks of 16.
  FuseShape(std::uint64_t n, std::uint64_t blocks);
  FuseShape() = default;
  // Spends a budget on fingerprints; false if not even one bit each fits.
  bool spend(std::uint64_t budget_bits);

  std::uint64_t slots() const { return (segments + 3) << segment_log; }
  std::uint64_t slots_bits() const { return slots() * bits; }
  std::uint64_t plane_bits() const { return covered << segment_log; }
  std::uint64_t total_bits() const { return slots_bits() + plane_bits(); }
  // The probability that a value is found which is not in the set.
  double rate() const;

  std::uint64_t values = 0, segments = 0;  // a value lies in one of the segments and the three behind it
  std::uint32_t segment_log = 0, block_log = 0;
  std::uint32_t bits = 0;
  std::uint64_t covered = 0;
};

// Places of many blocks: what their hashes say, each kind together, so that compilers compute them side by side.
template <std::size_t size>
struct FusePlaces {
  std::array<std::uint64_t, size> segment, groups, turns;

  // range(h, segments), as those are below 2^32.
  static BH_INLINE std::uint64_t segment_of(const FuseShape& shape, std::uint64_t h) {
    return ((h >> 32) * shape.segments + ((h & 0xFFFFFFFF) * shape.segments >> 32)) >> 32;
  }
  BH_INLINE void place(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* blocks, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t h = mix64(blocks[i] ^ seed);
      segment[i] = segment_of(shape, h);
      groups[i] = kth(h, 1);
      turns[i] = kth(h, 2);
    }
  }
  // The first slot of the group.
  BH_INLINE std::uint64_t group(const FuseShape& shape, std::size_t i, std::uint32_t j) const {
    const std::uint64_t mask = (std::uint64_t{1} << (shape.segment_log - shape.block_log)) - 1;
    return ((segment[i] + j) << shape.segment_log) + ((groups[i] >> 14 * j & mask) << shape.block_log);
  }
  BH_INLINE std::uint64_t turn(const FuseShape& shape, std::size_t i, std::uint32_t j) const {
    return turns[i] >> 4 * j & ((std::uint64_t{1} << shape.block_log) - 1);
  }
};

class Fuse {
 public:
  static constexpr int kAttempts = 64;

  // `count` values in any order. Few may repeat: they are told apart, which costs a sort, only once they have kept the
  // filter from being built. Nothing if the budget is too small, or if all attempts fail.
  static std::optional<Fuse> build(const Prefixes& values, std::uint64_t count, std::uint64_t blocks,
                                   std::uint64_t budget_bits, std::uint64_t seed, int attempts = kAttempts);
  static std::optional<Fuse> build(std::span<const std::uint64_t> values, std::uint64_t blocks,
                                   std::uint64_t budget_bits, std::uint64_t seed, int attempts = kAttempts) {
    return build({values, 0}, values.size(), blocks, budget_bits, seed, attempts);
  }
  // Throws CorruptData where the sizes of the payloads do not follow from the shape.
  static Fuse load(const FuseShape& shape, std::uint64_t seed, Payload slots, Payload plane);

  // The slots of a block.
  struct Place {
    std::uint64_t segment, slot[4], turn[4];
  };
  BH_INLINE Place place(std::uint64_t block) const { return place(shape_, seed_, block); }
  static BH_INLINE Place place(const FuseShape& shape, std::uint64_t seed, std::uint64_t block);
  BH_INLINE void fetch(const Place& place) const;
  // Whether one of the values of a block seems to be in the set, from its `first` to its `last`.
  BH_INLINE bool any_of_block(const Place& place, std::uint64_t block, std::uint64_t first, std::uint64_t last) const;

  // Asks for each value from a to b, with `place` that of the block of a.
  BH_INLINE bool any(Place place, std::uint64_t a, std::uint64_t b) const;
  bool any(std::uint64_t a, std::uint64_t b) const { return any(place(a >> shape_.block_log), a, b); }

  static BH_INLINE std::uint64_t fingerprint(std::uint64_t seed, std::uint64_t value) { return kth(value + seed, 3); }

  const FuseShape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }  // of the attempt that succeeded
  const Payload& slots() const { return slots_; }
  const Payload& plane() const { return plane_; }
  std::uint64_t bits() const { return shape_.total_bits(); }

 private:
  Fuse(const FuseShape& shape, std::uint64_t seed, Payload slots, Payload plane)
      : shape_(shape), seed_(seed), slots_(std::move(slots)), plane_(std::move(plane)) {}

  BH_INLINE bool plane_agrees(const Place& place, std::uint64_t v, std::uint64_t print) const;

  FuseShape shape_;
  std::uint64_t seed_;
  Payload slots_, plane_;
};

BH_INLINE Fuse::Place Fuse::place(const FuseShape& shape, std::uint64_t seed, std::uint64_t block) {
  const std::uint64_t h = mix64(block ^ seed), groups = kth(h, 1), turns = kth(h, 2);
  const std::uint64_t group_mask = (std::uint64_t{1} << (shape.segment_log - shape.block_log)) - 1;
  const std::uint64_t turn_mask = (std::uint64_t{1} << shape.block_log) - 1;
  Place at;
  at.segment = range(h, shape.segments);
  for (std::uint32_t j = 0; j < 4; ++j) {
    at.slot[j] = ((at.segment + j) << shape.segment_log) + ((groups >> 14 * j & group_mask) << shape.block_log);
    at.turn[j] = turns >> 4 * j & turn_mask;
  }
  return at;
}

BH_INLINE void Fuse::fetch(const Place& place) const {
  const std::uint64_t last = (std::uint64_t{1} << shape_.block_log) * shape_.bits / 8;
  for (const std::uint64_t slot : place.slot) {
    const std::uint8_t* from = slots_.data() + slot * shape_.bits / 8;
    __builtin_prefetch(from);
    __builtin_prefetch(from + last);
  }
}

BH_INLINE bool Fuse::plane_agrees(const Place& place, std::uint64_t v, std::uint64_t print) const {
  if (place.segment + 4 > shape_.covered) return true;
  std::uint64_t bit = print >> shape_.bits;
  for (std::uint32_t j = 0; j < 4; ++j) {
    const std::uint64_t slot = place.slot[j] + (v ^ place.turn[j]);
    bit ^= static_cast<std::uint64_t>(plane_.data()[slot / 8] >> slot % 8);
  }
  return (bit & 1) == 0;
}

BH_INLINE bool Fuse::any_of_block(const Place& place, std::uint64_t block, std::uint64_t first,
                                  std::uint64_t last) const {
  const std::uint64_t mask = (std::uint64_t{1} << shape_.bits) - 1, above = block << shape_.block_log;
  const std::uint8_t* slots = slots_.data();
  for (std::uint64_t v = first; v <= last; ++v) {
    const std::uint64_t print = fingerprint(seed_, above | v);
    std::uint64_t differ = print;
    for (std::uint32_t j = 0; j < 4; ++j) {
      const std::uint64_t at = (place.slot[j] + (v ^ place.turn[j])) * shape_.bits;
      differ ^= load_word(slots + at / 8) >> at % 8;
    }
    if ((differ & mask) == 0 && plane_agrees(place, v, print)) return true;
  }
  return false;
}

BH_INLINE bool Fuse::any(Place place, std::uint64_t a, std::uint64_t b) const {
  const std::uint64_t mask = (std::uint64_t{1} << shape_.block_log) - 1, end = b >> shape_.block_log;
  std::uint64_t first = a & mask;
  for (std::uint64_t block = a >> shape_.block_log; block != end; ++block, first = 0) {
    const Place next = this->place(block + 1);
    fetch(next);  // before this one is waited for
    if (any_of_block(place, block, first, mask)) return true;
    place = next;
  }
  return any_of_block(place, end, first, b & mask);
}

}  // namespace bh::ranges
