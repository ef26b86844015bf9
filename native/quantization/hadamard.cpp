#include "quantization/hadamard.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "support/parallel.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kShared = 1 << 20;  // only rows longer than this are worth sharing out among threads
constexpr std::size_t kSlices = 64;       // tasks

// One stage after the other, at the distances h, 2h, ... below `end`.
template <typename Real>
BH_INLINE void plain(Real* x, std::size_t n, std::size_t h, std::size_t end) {
  for (; h < end; h *= 2)
    for (std::size_t i = 0; i < n; i += 2 * h)
      for (std::size_t j = i; j < i + h; ++j) {
        const Real a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
}

// Inside a register: each lane plus its partner at distance H, or the partner minus the lane.
template <int Width, int H, int... Lane>
BH_INLINE void within(typename Lanes<Width>::F& v, std::integer_sequence<int, Lane...>) {
  typedef std::int32_t Bits __attribute__((vector_size(Width * sizeof(float))));
  constexpr Bits signs = {(Lane & H ? INT32_MIN : 0)...};
  using F = typename Lanes<Width>::F;
  const F partner = __builtin_shufflevector(v, v, (Lane ^ H)...);
  v = reinterpret_cast<F>(reinterpret_cast<Bits>(v) ^ signs) + partner;
}

template <int Width, int H = 1>
BH_INLINE void within_all(typename Lanes<Width>::F& v) {
  if constexpr (H < Width) {
    within<Width, H>(v, std::make_integer_sequence<int, Width>{});
    within_all<Width, 2 * H>(v);
  }
}

template <typename F>
BH_INLINE void butterfly(F& a, F& b) {
  const F sum = a + b;
  b = a - b;
  a = sum;
}

// Between registers: log2(Rows) stages. Unrolled by packs, as an array that a loop walks over would stay in memory.
template <int Rows, int H = 1, typename F, int... Pair>
BH_INLINE void between(F* v, std::integer_sequence<int, Pair...> pairs) {
  if constexpr (H < Rows) {
    (butterfly(v[Pair / H * 2 * H + Pair % H], v[Pair / H * 2 * H + Pair % H + H]), ...);
    between<Rows, 2 * H>(v, pairs);
  }
}

template <int Width, bool Inside, int... Row>
BH_INLINE void column(float* x, std::size_t h, std::integer_sequence<int, Row...>) {
  constexpr int kRows = sizeof...(Row);
  typename Lanes<Width>::F v[kRows];
  (load(v[Row], x + Row * h), ...);
  if constexpr (Inside) (within_all<Width>(v[Row]), ...);
  between<kRows>(v, std::make_integer_sequence<int, kRows / 2>{});
  (store(x + Row * h, v[Row]), ...);
}

// log2(Rows) stages from distance h on, in the columns [from, to) of each block of Rows x h values.
template <int Width, int Rows, bool Inside = false>
BH_INLINE void pass(float* x, std::size_t n, std::size_t h, std::size_t from, std::size_t to) {
  for (std::size_t i = 0; i < n; i += Rows * h)
    for (std::size_t j = i + from; j < i + to; j += Width)
      column<Width, Inside>(x + j, h, std::make_integer_sequence<int, Rows>{});
}

// The stages inside registers and as many as fit after them, with one visit to memory.
template <int Width, int Rows = 8>
BH_INLINE std::size_t first_pass(float* x, std::size_t n, std::size_t end) {
  if (end >= Rows * Width) {
    pass<Width, Rows, true>(x, n, Width, 0, Width);
    return Rows * Width;
  }
  if constexpr (Rows > 1) return first_pass<Width, Rows / 2>(x, n, end);
  return 1;
}

// Single stages inside registers, where the first or the last of them are not wanted.
template <int Width, int H = 1>
BH_INLINE void single_stages(float* x, std::size_t n, std::size_t h, std::size_t end) {
  if constexpr (H < Width) {
    if (h <= H && H < end)
      for (std::size_t i = 0; i < n; i += Width) {
        typename Lanes<Width>::F v;
        load(v, x + i);
        within<Width, H>(v, std::make_integer_sequence<int, Width>{});
        store(x + i, v);
      }
    single_stages<Width, 2 * H>(x, n, h, end);
  }
}

// All stages at the distances h, 2h, ... below `end`, for n values that stay near while they are visited several times.
struct Near {
  template <int Width>
  static BH_INLINE void run(float* x, std::size_t n, std::size_t h, std::size_t end) {
    const std::size_t rest = n % Width;  // of rows shorter than a register
    plain(x + (n - rest), rest, h, end);
    n -= rest;
    if (h == 1) h = first_pass<Width>(x, n, end);
    single_stages<Width>(x, n, h, end);
    h = std::max<std::size_t>(h, Width);
    for (; 8 * h <= end; h *= 8) pass<Width, 8>(x, n, h, 0, h);
    if (4 * h <= end) return pass<Width, 4>(x, n, h, 0, h);
    if (2 * h <= end) pass<Width, 2>(x, n, h, 0, h);
  }
};

// At most three stages below `end` = n, in one slice of the columns.
struct Far {
  template <int Width>
  static BH_INLINE void run(float* x, std::size_t h, std::size_t end, std::size_t slice, std::size_t slices) {
    const std::size_t from = h / slices * slice, to = h / slices * (slice + 1);
    if (8 * h == end) return pass<Width, 8>(x, end, h, from, to);
    if (4 * h == end) return pass<Width, 4>(x, end, h, from, to);
    if (2 * h == end) pass<Width, 2>(x, end, h, from, to);
  }
};

// Where three passes of radix 8, the first of them with the stages inside registers, end exactly. Fits the first cache.
std::size_t near_values(Isa width) { return 512 * static_cast<std::size_t>(width); }

// One row of n values, a power of two. An eighth of it is finished before the next one is begun, and so on inwards:
// then each level of cache, however large, is filled once.
void transform(float* x, std::size_t n, std::size_t h, std::size_t threads, Isa width) {
  if (n <= near_values(width)) return run_at<Near>(width, x, n, h, n);
  const std::size_t parts = std::min<std::size_t>(8, n / near_values(width)), part = n / parts;
  if (n <= kShared) threads = 1;
  if (h < part) parallel(parts, threads, [&](std::size_t i) { transform(x + i * part, part, h, 1, width); });
  const std::size_t slices = threads > 1 ? kSlices : 1;
  parallel(slices, threads, [&](std::size_t i) { run_at<Far>(width, x, std::max(h, part), n, i, slices); });
}

}  // namespace

void hadamard(std::span<float> x, Stages stages, std::size_t threads, Isa width) {
  if (x.empty() || stages.lo >= stages.hi) return;
  const std::size_t h = std::size_t{1} << stages.lo, end = std::size_t{1} << stages.hi;
  const std::size_t piece = std::max(end, near_values(width)), pieces = (x.size() + piece - 1) / piece;
  const bool inside = pieces < threads && end > kShared;  // threads share out the single row, else the rows
  parallel(pieces, inside ? 1 : threads, [&](std::size_t i) {
    float* const from = x.data() + i * piece;
    if (end == piece) return transform(from, end, h, inside ? threads : 1, width);
    run_at<Near>(width, from, std::min(piece, x.size() - i * piece), h, end);
  });
}

BH_MULTIVERSION void plain_doubles(double* x, std::size_t n, std::size_t h, std::size_t end) { plain(x, n, h, end); }

void hadamard(std::span<double> x, Stages stages, std::size_t threads) {
  if (stages.lo >= stages.hi) return;
  const std::size_t h = std::size_t{1} << stages.lo, end = std::size_t{1} << stages.hi;
  parallel(x.size() / end, threads, [&](std::size_t i) { plain_doubles(x.data() + i * end, end, h, end); });
}

}  // namespace bh::quantization
