// Asks a fuse filter for many ranges of values at once.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ranges/fuse_blocks.h"

namespace bh::ranges {

struct FuseRanges {
  const std::uint64_t *first, *last;
  const std::uint8_t* question;  // of each range; some may have more than one
  std::size_t count;
};

// Sets the answer of each question that seems to have a value in the set, in one of its ranges.
void ask_ranges(const Fuse& fuse, const FuseRanges& asked, bool* answers);
// With AVX-512, of filters with fewer than 2^32 slots.
void ask_ranges_v4(const Fuse& fuse, const FuseRanges& asked, bool* answers);

// The blocks of ranges, kept until there are enough of them to be asked together.
class WaitingBlocks {
 public:
  WaitingBlocks(const Fuse& fuse, bool* answers) : fuse_(fuse), answers_(answers), block_log_(fuse.shape().block_log) {}

  BH_INLINE void add(std::uint64_t a, std::uint64_t b, std::uint8_t question) {
    const auto mask = static_cast<std::uint8_t>((1u << block_log_) - 1);
    const std::uint64_t end = b >> block_log_;
    std::uint8_t first = a & mask;
    std::uint64_t block = a >> block_log_;
    for (; block != end && !answers_[question]; ++block, first = 0) add_block({block, first, mask, question});
    add_block({block, first, static_cast<std::uint8_t>(b & mask), question});
  }
  BH_INLINE void ask_all() {
    if (count_ != 0) ask_blocks(fuse_, blocks_.data(), std::exchange(count_, 0), answers_);
  }

 private:
  BH_INLINE void add_block(const FuseBlock& block) {
    blocks_[count_++] = block;
    if (count_ == kMostBlocks) ask_all();
  }

  const Fuse& fuse_;
  bool* answers_;
  std::uint32_t block_log_;
  std::array<FuseBlock, kMostBlocks> blocks_;
  std::size_t count_ = 0;
};

}  // namespace bh::ranges
