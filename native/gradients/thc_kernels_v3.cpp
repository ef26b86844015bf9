#include "gradients/thc_kernels.h"

#if BH_THC_V3
#include <immintrin.h>

namespace bh::gradients {
namespace {

#define BH_THC_INLINE BH_TARGET("x86-64-v3") inline __attribute__((always_inline))

BH_THC_INLINE void load_table(__m256i& entries, const std::uint16_t* table) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(table));
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  entries = _mm256_broadcastsi128_si256(bytes);
}

BH_THC_INLINE void add_to(__m256i& points, bool first, const std::uint8_t* sums) {
  if (!first) points = _mm256_add_epi8(points, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)));
}

BH_THC_INLINE void add_half(const __m128i& points, bool first, std::uint16_t* sums) {
  __m256i wide = _mm256_cvtepu8_epi16(points);
  auto* const into = reinterpret_cast<__m256i*>(sums);
  if (!first) wide = _mm256_add_epi16(wide, _mm256_loadu_si256(into));
  _mm256_storeu_si256(into, wide);
}

}  // namespace

BH_TARGET("x86-64-v3")
void add_v3(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint8_t* sums) {
  __m256i entries;
  load_table(entries, table);
  for (std::size_t i = 0; i < kGroup; i += 32) {
    const __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
    __m256i points = _mm256_shuffle_epi8(entries, code);
    add_to(points, first, sums + i);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + i), points);
  }
}

BH_TARGET("x86-64-v3")
void add_v3(const std::uint8_t* codes, const std::uint16_t* table, bool first, std::uint16_t* sums) {
  __m256i entries;
  load_table(entries, table);
  for (std::size_t i = 0; i < kGroup; i += 32) {
    const __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
    const __m256i points = _mm256_shuffle_epi8(entries, code);
    add_half(_mm256_castsi256_si128(points), first, sums + i);
    add_half(_mm256_extracti128_si256(points, 1), first, sums + i + 16);
  }
}

}  // namespace bh::gradients
#endif
