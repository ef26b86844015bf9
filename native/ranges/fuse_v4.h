// What the kernels of fuse filters for AVX-512 share.
#pragma once
#include "ranges/fuse_blocks.h"

#if BH_BLOCKS_V4
#ifndef __clang__  // gcc 12 warns of the operands that its own header leaves undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace bh::ranges {

#define BH_V4_INLINE BH_TARGET("x86-64-v4") inline __attribute__((always_inline))

BH_V4_INLINE void shift_xor(__m512i& x, int shift) {
  x = _mm512_xor_si512(x, _mm512_srl_epi64(x, _mm_cvtsi32_si128(shift)));
}

// mix64 of eight numbers.
BH_V4_INLINE void mix(__m512i& x) {
  shift_xor(x, 30);
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(0xBF58476D1CE4E5B9)));
  shift_xor(x, 27);
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(0x94D049BB133111EB)));
  shift_xor(x, 31);
}

}  // namespace bh::ranges
#endif
