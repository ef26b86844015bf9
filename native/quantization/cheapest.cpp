#include "quantization/cheapest.h"

#include "support/simd.h"

namespace bh::quantization {
namespace {

// As many rows side by side as a vector holds doubles, column after column.
template <int Width>
struct Doubles {
  static constexpr int kCount = Width / 2;
  typedef double F __attribute__((vector_size(kCount * sizeof(double))));
  typedef std::int64_t I __attribute__((vector_size(kCount * sizeof(double))));
};

template <int Width, typename Total>
BH_INLINE void best_of(std::size_t n, double* least, std::uint32_t* places, const Total& total) {
  using V = Doubles<Width>;
  constexpr std::size_t kVectors = kRows / V::kCount;
  typename V::F values[kVectors];
  typename V::I at[kVectors], here = {};
  for (std::size_t v = 0; v < kVectors; ++v) total(0, v, values[v]), at[v] = here;
  for (std::size_t i = 1; i < n; ++i) {
    here += 1;
    for (std::size_t v = 0; v < kVectors; ++v) {
      typename V::F sum;
      total(i, v, sum);
      const auto less = sum < values[v];
      values[v] = less ? sum : values[v];
      at[v] = less ? here : at[v];
    }
  }
  for (std::size_t row = 0; row < kRows; ++row) {
    least[row] = values[row / V::kCount][row % V::kCount];
    places[row] = static_cast<std::uint32_t>(at[row / V::kCount][row % V::kCount]);
  }
}

// The rows of a block in vectors.
template <int Width>
struct RowVectors {
  static constexpr std::size_t kVectors = kRows / Doubles<Width>::kCount;
  typename Doubles<Width>::F cost[kVectors], weight[kVectors], reach[kVectors];

  BH_INLINE explicit RowVectors(const Rows& rows) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      load(cost[v], rows.cost + v * Doubles<Width>::kCount);
      load(weight[v], rows.weight + v * Doubles<Width>::kCount);
      load(reach[v], rows.reach + v * Doubles<Width>::kCount);
    }
  }
};

struct BestUnbiased {
  template <int Width>
  static BH_INLINE void run(const Columns* columns, std::size_t n, const Rows* all, double* least,
                            std::uint32_t* places) {
    using F = typename Doubles<Width>::F;
    const RowVectors<Width> rows(*all);
    const double *totals = columns->total, *low = columns->weight, *reach = columns->reach;
    best_of<Width>(n, least, places, [&](std::size_t i, std::size_t v, F& sum) __attribute__((always_inline)) {
      sum = totals[i] + (rows.cost[v] + (rows.weight[v] * low[i] + rows.reach[v] * reach[i]));
    });
  }
};

struct BestKMeans {
  template <int Width>
  static BH_INLINE void run(const Columns* columns, std::size_t n, const Rows* all, double* least,
                            std::uint32_t* places) {
    using F = typename Doubles<Width>::F;
    const RowVectors<Width> rows(*all);
    const double *totals = columns->total, *weights = columns->weight, *means = columns->reach;
    best_of<Width>(n, least, places, [&](std::size_t i, std::size_t v, F& sum) __attribute__((always_inline)) {
      const F apart = rows.reach[v] + means[i];
      sum = totals[i] + (rows.cost[v] + rows.weight[v] * weights[i] / (rows.weight[v] + weights[i]) * (apart * apart));
    });
  }
};

}  // namespace

void best_columns(Objective kind, const Columns& columns, std::size_t n, const Rows& rows, double* least,
                  std::uint32_t* places) {
  kind == Objective::unbiased ? run_at<BestUnbiased>(isa(), &columns, n, &rows, least, places)
                              : run_at<BestKMeans>(isa(), &columns, n, &rows, least, places);
}

}  // namespace bh::quantization
