#include "ranges/fuse_blocks.h"

#if BH_BLOCKS_V3
#include <immintrin.h>

namespace bh::ranges {
namespace {

#define BH_BLOCK_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

struct Kernel {
  __m256i bytes[2], shifts[2], mask, numbers;
  const std::uint8_t* quarters;
};

BH_BLOCK_INLINE void prepare(Kernel& kernel, std::uint32_t bits) {
  const Unpacking& how = kUnpacking[bits];
  for (int half = 0; half < 2; ++half) {
    kernel.bytes[half] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(how.bytes.data() + 32 * half));
    kernel.shifts[half] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(how.shifts.data() + 8 * half));
  }
  kernel.mask = _mm256_set1_epi32(static_cast<int>((1u << bits) - 1));
  kernel.numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  kernel.quarters = how.quarters.data();
}

// The slots of half of the values of a block in one of its groups, in the order of the values.
BH_BLOCK_INLINE void unpack(__m256i& slots, const Kernel& kernel, const std::uint8_t* group, std::uint32_t turn,
                            std::uint32_t half) {
  const std::uint32_t from = half ^ turn >> 3;
  const __m128i* low = reinterpret_cast<const __m128i*>(group + kernel.quarters[2 * from]);
  const __m128i* high = reinterpret_cast<const __m128i*>(group + kernel.quarters[2 * from + 1]);
  const __m256i packed =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)), _mm_loadu_si128(high), 1);
  const __m256i all = _mm256_srlv_epi32(_mm256_shuffle_epi8(packed, kernel.bytes[from]), kernel.shifts[from]);
  const __m256i turned = _mm256_xor_si256(kernel.numbers, _mm256_set1_epi32(static_cast<int>(turn & 7)));
  slots = _mm256_permutevar8x32_epi32(all, turned);
}

// The low 64 bits of products with a constant.
BH_BLOCK_INLINE void multiply(__m256i& x, std::uint64_t constant) {
  const __m256i by = _mm256_set1_epi64x(static_cast<long long>(constant));
  const __m256i by_high = _mm256_set1_epi64x(static_cast<long long>(constant >> 32));
  const __m256i across = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), by), _mm256_mul_epu32(x, by_high));
  x = _mm256_add_epi64(_mm256_mul_epu32(x, by), _mm256_slli_epi64(across, 32));
}

// mix64 of four numbers.
BH_BLOCK_INLINE void mix(__m256i& x) {
  x = _mm256_xor_si256(x, _mm256_srli_epi64(x, 30));
  multiply(x, 0xBF58476D1CE4E5B9);
  x = _mm256_xor_si256(x, _mm256_srli_epi64(x, 27));
  multiply(x, 0x94D049BB133111EB);
  x = _mm256_xor_si256(x, _mm256_srli_epi64(x, 31));
}

// The low 32 bits of the fingerprints of eight values from one on.
BH_BLOCK_INLINE void fingerprints(__m256i& prints, std::uint64_t value, std::uint64_t seed) {
  const auto first = static_cast<long long>(value + seed + 3 * kGolden);
  __m256i low = _mm256_add_epi64(_mm256_set1_epi64x(first), _mm256_setr_epi64x(0, 1, 4, 5));
  __m256i high = _mm256_add_epi64(low, _mm256_set1_epi64x(2));
  mix(low);
  mix(high);
  prints = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0x88));
}

// Those values of a block that are asked for, a bit for each, whose slots give their fingerprints.
template <typename Groups>
BH_BLOCK_INLINE std::uint32_t equal_values(const Kernel& kernel, const FuseBlock& block, std::uint64_t seed,
                                           const Groups& groups) {
  const std::uint32_t asked = values_asked(block);
  std::uint32_t equal = 0;
  for (std::uint32_t half = 0; half < 2; ++half) {
    if ((asked >> 8 * half & 0xFF) == 0) continue;
    __m256i differ;
    fingerprints(differ, (block.block << kFuseBlockLog) + 8 * half, seed);
    for (std::uint32_t j = 0; j < 4; ++j) {
      __m256i group;
      unpack(group, kernel, groups.start(j), groups.turn(j), half);
      differ = _mm256_xor_si256(differ, group);
    }
    const __m256i same = _mm256_cmpeq_epi32(_mm256_and_si256(differ, kernel.mask), _mm256_setzero_si256());
    equal |= static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(same))) << 8 * half;
  }
  return equal & asked;
}

}  // namespace

BH_TARGET("x86-64-v3")
bool ask_block_v3(const Fuse& fuse, const Fuse::Place& place, const FuseBlock& block) {
  Kernel kernel;
  prepare(kernel, fuse.shape().bits);
  const std::uint32_t equal = equal_values(kernel, block, fuse.seed(), OneBlock{fuse, place});
  return equal != 0 && confirm(fuse, block.block, equal);
}

BH_TARGET("x86-64-v3")
void ask_blocks_v3(const Fuse& fuse, const FuseBlock* blocks, std::size_t n, bool* answers) {
  Kernel kernel;
  prepare(kernel, fuse.shape().bits);
  ask_placed(fuse, blocks, n, answers, [&](const FuseBlock& block, const OneOfBlocks& groups) BH_TARGET("x86-64-v3") {
    return equal_values(kernel, block, fuse.seed(), groups);
  });
}

}  // namespace bh::ranges
#endif
