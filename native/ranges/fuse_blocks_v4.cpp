#include "ranges/fuse_v4.h"

#if BH_BLOCKS_V4

namespace bh::ranges {
namespace {

struct Kernel {
  __m512i bytes, shifts, mask, numbers;
  std::uint64_t second, third, fourth;  // quarters
};

BH_V4_INLINE void prepare(Kernel& kernel, std::uint32_t bits) {
  const Unpacking& how = kUnpacking[bits];
  kernel.bytes = _mm512_loadu_si512(how.bytes.data());
  kernel.shifts = _mm512_loadu_si512(how.shifts.data());
  kernel.mask = _mm512_set1_epi32(static_cast<int>((1u << bits) - 1));
  kernel.numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  kernel.second = how.quarters[1], kernel.third = how.quarters[2], kernel.fourth = how.quarters[3];
}

// The slots of the 16 values of a block in one of its groups, in the order of the values.
BH_V4_INLINE void unpack(__m512i& slots, const Kernel& kernel, const std::uint8_t* group, std::uint32_t turn) {
  const auto quarter = [&](std::uint64_t at) BH_TARGET("x86-64-v4") {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(group + at));
  };
  __m512i packed = _mm512_castsi128_si512(quarter(0));
  packed = _mm512_inserti32x4(packed, quarter(kernel.second), 1);
  packed = _mm512_inserti32x4(packed, quarter(kernel.third), 2);
  packed = _mm512_inserti32x4(packed, quarter(kernel.fourth), 3);
  const __m512i all = _mm512_srlv_epi32(_mm512_shuffle_epi8(packed, kernel.bytes), kernel.shifts);
  slots = _mm512_permutexvar_epi32(_mm512_xor_si512(kernel.numbers, _mm512_set1_epi32(static_cast<int>(turn))), all);
}

// The low 32 bits of the fingerprints of the 16 values of a block.
BH_V4_INLINE void fingerprints(__m512i& prints, std::uint64_t block, std::uint64_t seed) {
  const std::uint64_t first = (block << kFuseBlockLog) + seed + 3 * kGolden;
  const __m512i numbers = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  __m512i low = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(first)), numbers);
  __m512i high = _mm512_add_epi64(low, _mm512_set1_epi64(8));
  mix(low);
  mix(high);
  prints = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)), _mm512_cvtepi64_epi32(high), 1);
}

// Those values of a block that are asked for, a bit for each, whose slots give their fingerprints.
template <typename Groups>
BH_V4_INLINE std::uint32_t equal_values(const Kernel& kernel, const FuseBlock& block, std::uint64_t seed,
                                        const Groups& groups) {
  __m512i differ;
  fingerprints(differ, block.block, seed);
  for (std::uint32_t j = 0; j < 4; ++j) {
    __m512i group;
    unpack(group, kernel, groups.start(j), groups.turn(j));
    differ = _mm512_xor_si512(differ, group);
  }
  return _mm512_testn_epi32_mask(differ, kernel.mask) & values_asked(block);
}

}  // namespace

BH_TARGET("x86-64-v4")
bool ask_block_v4(const Fuse& fuse, const Fuse::Place& place, const FuseBlock& block) {
  Kernel kernel;
  prepare(kernel, fuse.shape().bits);
  const std::uint32_t equal = equal_values(kernel, block, fuse.seed(), OneBlock{fuse, place});
  return equal != 0 && confirm(fuse, block.block, equal);
}

BH_TARGET("x86-64-v4")
void ask_blocks_v4(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers) {
  Kernel kernel;
  prepare(kernel, fuse.shape().bits);
  ask_placed(fuse, blocks, n, answers, [&](const FuseBlock& block, const OneOfBlocks& groups) BH_TARGET("x86-64-v4") {
    return equal_values(kernel, block, fuse.seed(), groups);
  });
}

}  // namespace bh::ranges
#endif
