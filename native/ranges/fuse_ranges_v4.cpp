// Values of short ranges, eight side by side: their hashes, their slots, and whether those give their fingerprints.
#include <algorithm>

#include "ranges/fuse_ranges.h"
#include "ranges/fuse_v4.h"

#if BH_BLOCKS_V4

namespace bh::ranges {
namespace {

constexpr std::size_t kLanes = 8;

constexpr std::uint64_t kMostValues = 6;  // of a short range; of more it pays to unpack whole blocks

// Values that wait until there are enough of them, each with the number of its range. What is written ends in spare
// lanes.
struct Values {
  static constexpr std::size_t kEnough = 64;
  std::array<std::uint64_t, kEnough + 2 * kLanes> values, ranges;
  std::size_t count = 0;
};

// What does not change from value to value.
struct Shape {
  __m512i seed, print_seed, segments, low, groups, bits, mask;
  __m128i block_log, segment_log;
  const std::uint8_t* slots;
};

BH_V4_INLINE void set_all(__m512i& to, std::uint64_t x) { to = _mm512_set1_epi64(static_cast<long long>(x)); }

BH_V4_INLINE void prepare(Shape& made, const Fuse& fuse) {
  const FuseShape& shape = fuse.shape();
  set_all(made.seed, fuse.seed());
  set_all(made.print_seed, fuse.seed() + 3 * kGolden);
  set_all(made.segments, shape.segments);
  set_all(made.low, (std::uint64_t{1} << shape.block_log) - 1);
  set_all(made.groups, (std::uint64_t{1} << (shape.segment_log - shape.block_log)) - 1);
  set_all(made.bits, shape.bits);
  set_all(made.mask, (std::uint64_t{1} << shape.bits) - 1);
  made.block_log = _mm_cvtsi32_si128(static_cast<int>(shape.block_log));
  made.segment_log = _mm_cvtsi32_si128(static_cast<int>(shape.segment_log));
  made.slots = fuse.slots().data();
}

// Where the four slots of eight values begin, in bits, and their fingerprints: as FusePlaces.
BH_V4_INLINE void place(const Shape& shape, const __m512i& values, __m512i* at, __m512i& prints) {
  __m512i hash = _mm512_xor_si512(_mm512_srl_epi64(values, shape.block_log), shape.seed), golden, groups, turns;
  mix(hash);
  set_all(golden, kGolden);
  groups = _mm512_add_epi64(hash, golden);
  turns = _mm512_add_epi64(groups, golden);
  prints = _mm512_add_epi64(values, shape.print_seed);
  mix(groups);
  mix(turns);
  mix(prints);
  const __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(hash, 32), shape.segments);
  const __m512i rest = _mm512_srli_epi64(_mm512_mul_epu32(hash, shape.segments), 32);
  __m512i segment = _mm512_sll_epi64(_mm512_srli_epi64(_mm512_add_epi64(high, rest), 32), shape.segment_log), next;
  next = _mm512_sll_epi64(_mm512_set1_epi64(1), shape.segment_log);
  for (int j = 0; j < 4; ++j) {
    const __m512i group = _mm512_sll_epi64(_mm512_and_si512(groups, shape.groups), shape.block_log);
    const __m512i low = _mm512_and_si512(_mm512_xor_si512(values, turns), shape.low);
    at[j] = _mm512_mul_epu32(_mm512_add_epi64(_mm512_add_epi64(segment, group), low), shape.bits);
    groups = _mm512_srli_epi64(groups, 14);
    turns = _mm512_srli_epi64(turns, 4);
    segment = _mm512_add_epi64(segment, next);
  }
}

BH_V4_INLINE void load(__m512i& to, const std::uint64_t* from) { to = _mm512_loadu_si512(from); }
BH_V4_INLINE void store(std::uint64_t* to, const __m512i& from) { _mm512_storeu_si512(to, from); }
// As many as there are.
BH_V4_INLINE __mmask8 first_lanes(std::size_t n) { return static_cast<__mmask8>(n < kLanes ? (1u << n) - 1 : 0xFF); }

// The values that seem to be in the set, a bit for each.
BH_V4_INLINE std::uint32_t equal(const Shape& shape, const __m512i* at, const __m512i& prints) {
  __m512i differ = prints;
  for (int j = 0; j < 4; ++j) {
    const __m512i words = _mm512_i64gather_epi64(_mm512_srli_epi64(at[j], 3), shape.slots, 1);
    const __m512i shift = _mm512_and_si512(at[j], _mm512_set1_epi64(7));
    differ = _mm512_xor_si512(differ, _mm512_srlv_epi64(words, shift));
  }
  return _mm512_testn_epi64_mask(differ, shape.mask);
}

// Whether a value that seems to be in the set is so by the plane, too.
BH_V4_INLINE bool confirm(const Fuse& fuse, std::uint64_t value) {
  const std::uint32_t block_log = fuse.shape().block_log;
  const std::uint64_t block = value >> block_log, low = value - (block << block_log);
  return fuse.any_of_block(fuse.place(block), block, low, low);
}

// Looks up whole eights of the values, and leaves the others; if those are all, they are filled up with anything.
BH_V4_INLINE void look_up(const Fuse& fuse, const Shape& shape, Values& waiting, bool all,
                          const std::uint8_t* questions, bool* answers) {
  const std::size_t end = all ? waiting.count : waiting.count / kLanes * kLanes;
  for (std::size_t done = 0; done < end; done += kLanes) {
    __m512i values, at[4], prints;
    load(values, waiting.values.data() + done);
    place(shape, values, at, prints);
    std::uint32_t found = equal(shape, at, prints) & first_lanes(end - done);
    for (; found != 0; found &= found - 1) {
      const std::size_t i = done + static_cast<std::size_t>(std::countr_zero(found));
      bool& answer = answers[questions[waiting.ranges[i]]];
      answer = answer || confirm(fuse, waiting.values[i]);
    }
  }
  __m512i rest;
  load(rest, waiting.values.data() + end);
  store(waiting.values.data(), rest);
  load(rest, waiting.ranges.data() + end);
  store(waiting.ranges.data(), rest);
  waiting.count -= end;
}

// Puts the chosen lanes behind what waits.
BH_V4_INLINE void append(Values& waiting, __mmask8 chosen, const __m512i& values, const __m512i& ranges) {
  store(waiting.values.data() + waiting.count, _mm512_maskz_compress_epi64(chosen, values));
  store(waiting.ranges.data() + waiting.count, _mm512_maskz_compress_epi64(chosen, ranges));
  waiting.count += static_cast<std::size_t>(std::popcount(static_cast<std::uint32_t>(chosen)));
}

}  // namespace

BH_TARGET("x86-64-v4")
void ask_ranges_v4(const Fuse& fuse, const FuseRanges& asked, bool* answers) {
  Shape shape;
  prepare(shape, fuse);
  Values waiting;
  WaitingBlocks blocks(fuse, answers);
  __m512i one, kept, number = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), lanes;
  set_all(one, 1);
  set_all(kept, kMostValues);
  set_all(lanes, kLanes);
  for (std::size_t i = 0; i < asked.count; i += kLanes, number = _mm512_add_epi64(number, lanes)) {
    const __mmask8 there = first_lanes(asked.count - i);
    __m512i value = _mm512_maskz_loadu_epi64(there, asked.first + i);
    __m512i left = _mm512_sub_epi64(_mm512_maskz_loadu_epi64(there, asked.last + i), value);  // behind this value
    const __mmask8 few = _mm512_mask_cmplt_epu64_mask(there, left, kept);
    for (__mmask8 now = few; now != 0;) {
      append(waiting, now, value, number);
      if (waiting.count >= Values::kEnough) look_up(fuse, shape, waiting, false, asked.question, answers);
      now = _mm512_mask_test_epi64_mask(now, left, left);
      value = _mm512_add_epi64(value, one);
      left = _mm512_sub_epi64(left, one);
    }
    for (std::uint32_t many = there & ~few; many != 0; many &= many - 1) {
      const std::size_t at = i + static_cast<std::size_t>(std::countr_zero(many));
      blocks.add(asked.first[at], asked.last[at], asked.question[at]);
    }
  }
  look_up(fuse, shape, waiting, true, asked.question, answers);
  blocks.ask_all();
}

}  // namespace bh::ranges
#endif
