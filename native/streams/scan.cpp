#include "streams/scan.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "support/simd.h"

namespace bh::streams {
namespace {

template <typename Count>
BH_INLINE Count least_of(const Count* counts, const std::uint8_t* marks, std::size_t n) {
  Count least = std::numeric_limits<Count>::max();
  if (!marks)
    for (std::size_t i = 0; i < n; ++i) least = std::min(least, counts[i]);
  else  // a pinned slot reads as the largest value
    for (std::size_t i = 0; i < n; ++i)
      least = std::min(least, static_cast<Count>(counts[i] | -static_cast<Count>(marks[i] >> 7)));
  return least;
}

template <typename Count>
BH_INLINE std::uint64_t equal_of(const Count* counts, Count value) {
  std::uint8_t equal[64];
  for (std::size_t i = 0; i < 64; ++i) equal[i] = counts[i] == value;
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    std::uint64_t eight;
    std::memcpy(&eight, equal + 8 * i, sizeof eight);
    mask |= (eight * 0x0102040810204080 >> 56) << 8 * i;  // gathers the lowest bit of each byte
  }
  return mask;
}

}  // namespace

BH_MULTIVERSION std::uint32_t least_count(const std::uint32_t* counts, const std::uint8_t* marks, std::size_t n) {
  return least_of(counts, marks, n);
}
BH_MULTIVERSION std::uint64_t least_count(const std::uint64_t* counts, const std::uint8_t* marks, std::size_t n) {
  return least_of(counts, marks, n);
}
BH_MULTIVERSION std::uint64_t equal_counts(const std::uint32_t* counts, std::uint32_t value) {
  return equal_of(counts, value);
}
BH_MULTIVERSION std::uint64_t equal_counts(const std::uint64_t* counts, std::uint64_t value) {
  return equal_of(counts, value);
}

}  // namespace bh::streams
