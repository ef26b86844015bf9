// Asks a fuse filter for many blocks at once. Their hashes are computed side by side, what they point to is fetched
// before the first is tested, and the 16 slots of a group are unpacked together. Answers are those of
// Fuse::any_of_block.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "ranges/fuse.h"
#include "support/simd.h"

#if BH_DISPATCH || defined(__AVX2__)
#define BH_BLOCKS_V3 1
#else
#define BH_BLOCKS_V3 0
#endif

#if BH_DISPATCH || (defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__))
#define BH_BLOCKS_V4 1
#else
#define BH_BLOCKS_V4 0
#endif

namespace bh::ranges {

struct FuseBlock {
  std::uint64_t block;
  std::uint8_t first, last;  // the values asked for, within the block
  std::uint8_t question;
};

constexpr std::size_t kMostBlocks = 64;

// Sets the answer of each question that seems to have a value in the set; at most kMostBlocks blocks.
void ask_blocks(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers);
void ask_blocks_v3(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers);  // AVX2
void ask_blocks_v4(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers);  // AVX-512
// As any_of_block.
bool ask_block_v3(const Fuse& fuse, const Fuse::Place& place, const FuseBlock& block);
bool ask_block_v4(const Fuse& fuse, const Fuse::Place& place, const FuseBlock& block);

// Filters whose groups the last two unpack: four slots and half a byte fit into 16 bytes, and each into four.
inline bool unpacks(const FuseShape& shape) { return shape.block_log == kFuseBlockLog && shape.bits <= 25; }

// How 16 slots of some number of bits become 16 numbers of 32 bits: the bytes of each, from the first of its quarter
// on, then the bits in front of it.
struct Unpacking {
  std::array<std::uint8_t, 64> bytes;
  std::array<std::uint32_t, 16> shifts;
  std::array<std::uint8_t, 4> quarters;  // bytes in front of each quarter
};
extern const std::array<Unpacking, 26> kUnpacking;

// Where the groups of each block begin, in bytes, and how they are turned.
struct BlockPlaces {
  FusePlaces<kMostBlocks> hashes;
  std::array<std::array<std::uint64_t, kMostBlocks>, 4> groups;

  BH_INLINE std::uint32_t turn(std::size_t i, std::uint32_t j) const { return hashes.turns[i] >> 4 * j & 15; }
};

// Loops over so many have no rest that is computed one by one.
constexpr std::size_t whole_vectors(std::size_t n) { return (n + 7) / 8 * 8; }

BH_INLINE void place_blocks(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, BlockPlaces& places) {
  const FuseShape shape = fuse.shape();
  std::array<std::uint64_t, kMostBlocks> numbers;
  for (std::size_t i = 0; i < n; ++i) numbers[i] = blocks[i].block;
  const std::size_t whole = whole_vectors(n);
  for (std::size_t i = n; i < whole; ++i) numbers[i] = 0;
  places.hashes.place(shape, fuse.seed(), numbers.data(), whole);
  for (std::uint32_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < whole; ++i) places.groups[j][i] = places.hashes.group(shape, i, j) / 8 * shape.bits;
  const std::uint8_t* slots = fuse.slots().data();
  const std::uint64_t last = 2 * shape.bits - 1;
  for (std::uint32_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < n; ++i) {
      __builtin_prefetch(slots + places.groups[j][i]);
      __builtin_prefetch(slots + places.groups[j][i] + last);
    }
}

// The groups of one block, by their number.
struct OneBlock {
  const Fuse& fuse;
  const Fuse::Place& place;
  BH_INLINE const std::uint8_t* start(std::uint32_t j) const {
    return fuse.slots().data() + place.slot[j] / 8 * fuse.shape().bits;
  }
  BH_INLINE std::uint32_t turn(std::uint32_t j) const { return static_cast<std::uint32_t>(place.turn[j]); }
};

struct OneOfBlocks {
  const std::uint8_t* slots;
  const BlockPlaces& places;
  std::size_t i;
  BH_INLINE const std::uint8_t* start(std::uint32_t j) const { return slots + places.groups[j][i]; }
  BH_INLINE std::uint32_t turn(std::uint32_t j) const { return places.turn(i, j); }
};

// What an unpacked comparison has found, a bit for each value of the block, is compared again in full.
inline bool confirm(const Fuse& fuse, std::uint64_t block, std::uint32_t found) {
  const Fuse::Place place = fuse.place(block);
  for (; found != 0; found &= found - 1) {
    const auto value = static_cast<std::uint64_t>(std::countr_zero(found));
    if (fuse.any_of_block(place, block, value, value)) return true;
  }
  return false;
}

// Asks for the values of blocks of which so few are wanted that one at a time is faster.
constexpr std::uint32_t kFew = 2;
constexpr bool few_values(const FuseBlock& block) { return block.last - block.first < static_cast<int>(kFew); }

BH_INLINE void ask_few(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, const BlockPlaces& places,
                       bool* answers) {
  std::array<std::uint64_t, kFew * kMostBlocks> prints;
  std::array<std::uint16_t, kFew * kMostBlocks> owners, lows;  // not bytes, which could be anything's
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!few_values(blocks[i])) continue;
    for (std::uint32_t low = blocks[i].first; low <= blocks[i].last; ++low) {
      prints[count] = blocks[i].block << kFuseBlockLog | low;
      owners[count] = static_cast<std::uint16_t>(i);
      lows[count++] = static_cast<std::uint16_t>(low);
    }
  }
  const std::size_t whole = whole_vectors(count);
  for (std::size_t k = count; k < whole; ++k) prints[k] = 0;
  const std::uint64_t seed = fuse.seed(), bits = fuse.shape().bits, mask = (std::uint64_t{1} << bits) - 1;
  const std::uint8_t* slots = fuse.slots().data();
  for (std::size_t k = 0; k < whole; ++k) prints[k] = Fuse::fingerprint(seed, prints[k]);
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = owners[k];
    const std::uint64_t turns = places.hashes.turns[i] ^ lows[k] * std::uint64_t{0x1111};
    std::uint64_t differ = prints[k];
    for (std::uint32_t j = 0; j < 4; ++j) {
      const std::uint64_t at = (turns >> 4 * j & 15) * bits;
      differ ^= load_word(slots + places.groups[j][i] + at / 8) >> at % 8;
    }
    if ((differ & mask) == 0 && !answers[blocks[i].question])
      answers[blocks[i].question] = confirm(fuse, blocks[i].block, std::uint32_t{1} << lows[k]);
  }
}

constexpr std::uint32_t values_asked(const FuseBlock& block) {
  return (std::uint32_t{2} << block.last) - (std::uint32_t{1} << block.first);
}

// `equal` gives the values that are asked for, a bit for each, whose slots give their fingerprints.
template <typename Equal>
BH_INLINE void ask_placed(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers, const Equal& equal) {
  BlockPlaces places;
  place_blocks(fuse, blocks, n, places);
  ask_few(fuse, blocks, n, places, answers);
  for (std::size_t i = 0; i < n; ++i) {
    if (few_values(blocks[i])) continue;
    const std::uint32_t found = equal(blocks[i], OneOfBlocks{fuse.slots().data(), places, i});
    bool& answer = answers[blocks[i].question];
    answer = answer || (found != 0 && confirm(fuse, blocks[i].block, found));
  }
}

}  // namespace bh::ranges
