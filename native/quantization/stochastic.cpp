#include "quantization/stochastic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "quantization/nearest.h"
#include "quantization/round16.h"
#include "support/simd.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kFew = 16;  // up to here counting comparisons beats searching
constexpr float kSmallestGap = 0x1p-120f;

template <typename Real>
constexpr Real kInf = std::numeric_limits<Real>::infinity();

// An integer as wide as the floats it stands beside, so that both fill a vector alike.
template <typename Real>
using Int = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

template <bool Nearest, typename Real>
BH_INLINE bool reaches(Real x, Real edge) {
  return Nearest ? x > edge : x >= edge;
}

template <bool Nearest, typename Real, std::size_t... T>
BH_INLINE Int<Real> count_reached(Real x, const Real* edges, std::index_sequence<T...>) {
  return (Int<Real>{reaches<Nearest>(x, edges[T])} + ...);
}

template <bool Nearest, typename Real>
BH_INLINE void find(const Real* edges, std::size_t size, const Real* x, std::size_t n, Int<Real>* found) {
  if (size == kFew) {
    for (std::size_t i = 0; i < n; ++i)
      found[i] = count_reached<Nearest>(x[i], edges, std::make_index_sequence<kFew - 1>{});
    return;
  }
  for (std::size_t i = 0; i < n; ++i) found[i] = 0;
  for (auto step = static_cast<Int<Real>>(size / 2); step > 0; step /= 2)
    for (std::size_t i = 0; i < n; ++i) found[i] += reaches<Nearest>(x[i], edges[found[i] + step - 1]) ? step : 0;
}

template <typename Real>
BH_INLINE Real clamp(Real p) {
  p = p > 0 ? p : 0;  // NaN too becomes 0, so that the cast below is defined
  return p < 1 ? p : 1;
}

BH_INLINE std::int32_t moves_up(const RoundingTable<float>& t, float x, std::int32_t b, std::uint32_t word) {
  const float p = clamp((x - t.low[b]) * t.gap[b]);
  const float threshold = p * 0x1p31f;
  return static_cast<std::int32_t>(word >> 1) <
         static_cast<std::int32_t>(threshold < 2147483520.0f ? threshold : 2147483520.0f);
}

BH_INLINE std::int32_t moves_up(const RoundingTable<double>& t, double x, std::int64_t b, std::uint32_t word) {
  const double p = clamp((x * t.half[b] - t.low[b]) / t.gap[b]);
  return word * 0x1p-32 < p;
}

template <typename Real>
BH_INLINE Tally round_block(const RoundingTable<Real>& t, const Real* x, const std::uint32_t* words, std::size_t n,
                            std::uint16_t* codes) {
  Int<Real> found[kMostAtOnce];
  const Real first = t.first, last = t.last;
  Int<Real> nonfinite = 0, outside = 0;
  for (std::size_t i = 0; i < n; ++i) {
    nonfinite += !(std::abs(x[i]) <= std::numeric_limits<Real>::max());
    outside += (x[i] < first) | (x[i] > last);
  }
  if (t.nearest) {
    find<true>(t.edges.data(), t.size, x, n, found);
    for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::uint16_t>(found[i]);
    outside = 0;
  } else {
    find<false>(t.edges.data(), t.size, x, n, found);
    for (std::size_t i = 0; i < n; ++i)
      codes[i] = static_cast<std::uint16_t>(found[i] + moves_up(t, x[i], found[i], words[i]));
  }
  return {static_cast<std::uint32_t>(nonfinite), static_cast<std::uint32_t>(outside)};
}

}  // namespace

BH_MULTIVERSION Tally round_float32(const RoundingTable<float>& t, const float* x, const std::uint32_t* words,
                                    std::size_t n, std::uint16_t* codes) {
  return round_block(t, x, words, n, codes);
}

BH_MULTIVERSION Tally round_float64(const RoundingTable<double>& t, const double* x, const std::uint32_t* words,
                                    std::size_t n, std::uint16_t* codes) {
  return round_block(t, x, words, n, codes);
}

template <typename Real>
void RoundingTable<Real>::prepare(std::span<const Real> levels, Objective objective) {
  const std::size_t s = levels.size();
  size = std::max(kFew, std::bit_ceil(s));
  nearest = objective == Objective::mse;
  first = levels.front();
  last = levels.back();
  edges.assign(size, kInf<Real>);
  if (nearest) {
    for (std::size_t b = 0; b + 1 < s; ++b) edges[b] = last_nearer_to_low(levels[b], levels[b + 1]);
    return;
  }
  constexpr bool divides = std::is_same_v<Real, double>;  // by the gap, as its inverse may overflow
  std::copy(levels.begin() + 1, levels.end(), edges.begin());
  low.assign(size, 0);
  std::copy(levels.begin(), levels.end(), low.begin());
  gap.assign(size, divides ? kInf<Real> : 0);
  half.assign(divides ? size : 0, 1);
  for (std::size_t b = 0; b + 1 < s; ++b) {
    const Real distance = levels[b + 1] - levels[b];
    if (distance == 0) continue;  // nobody stops at the lower one of two equal levels
    if constexpr (!divides) {
      gap[b] = 1 / distance;
    } else if (std::isinf(distance)) {
      half[b] = 0.5;
      low[b] = levels[b] * 0.5;
      gap[b] = levels[b + 1] * 0.5 - low[b];
    } else {
      gap[b] = distance;
    }
  }
}

bool needs_double(std::span<const float> levels, Objective objective) {
  if (objective != Objective::unbiased) return false;
  bool needs = std::isinf(levels.back() - levels.front());
  for (std::size_t b = 0; b + 1 < levels.size(); ++b) {
    const float distance = levels[b + 1] - levels[b];
    needs |= distance != 0 && distance < kSmallestGap;
  }
  return needs;
}

template <typename Real>
void Rounder<Real>::prepare(std::span<const Real> levels, Objective objective) {
  if constexpr (std::is_same_v<Real, float>) {
    wide_ = needs_double(levels, objective);
    if (wide_) return wide_table_.prepare(std::vector<double>(levels.begin(), levels.end()), objective);
  }
  table_.prepare(levels, objective);
}

template <typename Real>
Tally Rounder<Real>::round(std::span<const Real> x, const std::uint32_t* words, std::uint16_t* codes) const {
  if constexpr (std::is_same_v<Real, double>) {
    return round_float64(table_, x.data(), words, x.size(), codes);
  } else if (wide_) {
    double wide[kMostAtOnce];
    std::copy(x.begin(), x.end(), wide);
    return round_float64(wide_table_, wide, words, x.size(), codes);
  } else {
    Tally tally;
    std::size_t done = 0;
    if (table_.size == kFew && !table_.nearest) {
#if BH_ROUND16_V4
      if (isa() == Isa::v4) done = round16_v4(table_, x.data(), words, x.size(), codes, tally);
#endif
#if BH_ROUND16_V3
      if (isa() == Isa::v3) done = round16_v3(table_, x.data(), words, x.size(), codes, tally);
#endif
    }
    const Tally rest = round_float32(table_, x.data() + done, words + done, x.size() - done, codes + done);
    return {tally.nonfinite + rest.nonfinite, tally.outside + rest.outside};
  }
}

template class Rounder<float>;
template class Rounder<double>;

}  // namespace bh::quantization
