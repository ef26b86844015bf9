#include "ranges/fuse_ranges.h"

namespace bh::ranges {
namespace {

// One after the other: setting up the wide lanes takes longer than so few.
[[maybe_unused]] constexpr std::size_t kFewRanges = 3;

BH_MULTIVERSION void ask_by_blocks(const Fuse& fuse, const FuseRanges& asked, bool* answers) {
  WaitingBlocks blocks(fuse, answers);
  for (std::size_t i = 0; i < asked.count; ++i) blocks.add(asked.first[i], asked.last[i], asked.question[i]);
  blocks.ask_all();
}

}  // namespace

void ask_ranges(const Fuse& fuse, const FuseRanges& asked, bool* answers) {
#if BH_BLOCKS_V4
  if (asked.count > kFewRanges && isa() == Isa::v4 && fuse.shape().slots() >> 32 == 0)
    return ask_ranges_v4(fuse, asked, answers);
#endif
  ask_by_blocks(fuse, asked, answers);
}

}  // namespace bh::ranges
