#include "ranges/fuse_blocks.h"

namespace bh::ranges {
namespace {

constexpr Unpacking unpacking(std::uint32_t bits) {
  Unpacking made{};
  for (std::uint32_t quarter = 0; quarter < 4; ++quarter) {
    made.quarters[quarter] = static_cast<std::uint8_t>(4 * quarter * bits / 8);
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint32_t at = 4 * quarter * bits % 8 + i * bits;
      made.shifts[4 * quarter + i] = at % 8;
      for (std::uint32_t byte = 0; byte < 4; ++byte)
        made.bytes[16 * quarter + 4 * i + byte] = static_cast<std::uint8_t>(at / 8 + byte);
    }
  }
  return made;
}

constexpr auto all_unpackings() {
  std::array<Unpacking, 26> all{};
  for (std::uint32_t bits = 0; bits < all.size(); ++bits) all[bits] = unpacking(bits);
  return all;
}

constexpr std::size_t kFewBlocks = 3;

bool ask_block(const Fuse& fuse, const Fuse::Place& place, const FuseBlock& block, [[maybe_unused]] Isa isa) {
#if BH_BLOCKS_V4
  if (isa == Isa::v4 && !few_values(block)) return ask_block_v4(fuse, place, block);
#endif
#if BH_BLOCKS_V3
  if (isa == Isa::v3 && !few_values(block)) return ask_block_v3(fuse, place, block);
#endif
  return fuse.any_of_block(place, block.block, block.first, block.last);
}

BH_MULTIVERSION void ask_each(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers, Isa isa) {
  std::array<Fuse::Place, kMostBlocks> places;
  for (std::size_t i = 0; i < n; ++i) {
    places[i] = fuse.place(blocks[i].block);
    if (n > 1) fuse.fetch(places[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    bool& answer = answers[blocks[i].question];
    answer = answer || ask_block(fuse, places[i], blocks[i], isa);
  }
}

}  // namespace

constexpr std::array<Unpacking, 26> kUnpacking = all_unpackings();

void ask_blocks(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers) {
  const Isa usable = unpacks(fuse.shape()) ? isa() : Isa::v1;
#if BH_BLOCKS_V4
  if (usable == Isa::v4 && n > kFewBlocks) return ask_blocks_v4(fuse, blocks, n, answers);
#endif
#if BH_BLOCKS_V3
  if (usable == Isa::v3 && n > kFewBlocks) return ask_blocks_v3(fuse, blocks, n, answers);
#endif
  ask_each(fuse, blocks, n, answers, usable);
}

}  // namespace bh::ranges
