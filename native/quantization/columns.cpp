#include "quantization/columns.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "quantization/column_stripes.h"
#include "quantization/nearest.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kNear = 16 << 10;  // bytes of tables that stay in the nearest cache beside all else
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNever = std::numeric_limits<float>::quiet_NaN();  // an edge that infinity does not reach either
constexpr int kMostSteps = 3;  // more edges in a cell are not worth it: every sixteenth is compared then

template <bool Nearest>
bool reaches(float x, float edge) {
  return Nearest ? x > edge : x >= edge;
}

// The number of edges that a value reaches.
template <bool Nearest>
std::size_t find(const float* edges, std::size_t size, float x) {
  std::size_t found = 0;
  for (std::size_t step = size / 2; step > 0; step /= 2)
    if (reaches<Nearest>(x, edges[found + step])) found += step;
  return found;
}

// Whether a value between two levels is rounded up: as in stochastic.cpp, to the bit.
bool moves_up(float low, float high, float x, std::uint32_t word) {
  const float gap = high > low ? 1 / (high - low) : 0;
  float p = (x - low) * gap;
  p = p > 0 ? p : 0;  // NaN too becomes 0, so that the cast below is defined
  p = p < 1 ? p : 1;
  const float threshold = p * 0x1p31f;
  return static_cast<std::int32_t>(word >> 1) <
         static_cast<std::int32_t>(threshold < 2147483520.0f ? threshold : 2147483520.0f);
}

Tally round_plainly(const Stripe& s, const float* x, const std::uint32_t* words, std::size_t rows,
                    std::uint8_t* codes) {
  Tally tally;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < s.used; ++c) {
      const std::size_t at = row * s.columns + c;
      const float value = x[at];
      tally.nonfinite += !(std::abs(value) <= std::numeric_limits<float>::max());
      const float* const edges = s.edges + c * s.width;
      if (s.nearest) {
        codes[at] = static_cast<std::uint8_t>(find<true>(edges, s.size, value));
      } else {
        tally.outside += (value < s.first[c]) | (value > s.last[c]);
        const std::size_t found = find<false>(edges, s.size, value);
        codes[at] = static_cast<std::uint8_t>(found + moves_up(edges[found], edges[found + 1], value, words[at]));
      }
    }
  return tally;
}

Tally round_stripe(const Stripe& stripe, const float* x, const std::uint32_t* words, std::size_t rows,
                   std::uint8_t* codes, [[maybe_unused]] Isa isa) {
#if BH_COLUMNS_V4
  if (isa == Isa::v4) return round_stripe_v4(stripe, x, words, rows, codes);
#endif
#if BH_COLUMNS_V3
  if (isa != Isa::v1) return round_stripe_v3(stripe, x, words, rows, codes);
#endif
  return round_plainly(stripe, x, words, rows, codes);
}

// As many of the first `used` columns as there is a kernel for; says how many.
template <typename Item>
std::size_t look_up_quickly([[maybe_unused]] const Item* table, [[maybe_unused]] std::size_t width,
                            [[maybe_unused]] const std::uint8_t* codes, [[maybe_unused]] std::size_t rows,
                            [[maybe_unused]] std::size_t columns, [[maybe_unused]] std::size_t used,
                            [[maybe_unused]] Item* items, [[maybe_unused]] Isa isa) {
  if constexpr (sizeof(Item) == 4) {
#if BH_COLUMNS_V4
    if (isa == Isa::v4) return look_up_v4(table, width, codes, rows, columns, used, items);
#endif
#if BH_COLUMNS_V3
    if (isa != Isa::v1) return look_up_v3(table, width, codes, rows, columns, used, items);
#endif
  }
  return 0;
}

// The cell of a value, as kernels find it.
float cell(float x, float origin, float per_unit, float last) {
  const float at = (x - origin) * per_unit;
  return std::min(at > 0 ? at : 0, last);
}

// The most edges in one of the cells.
int most_edges(std::span<const float> edges, float origin, float per_unit, float last) {
  int most = 0, here = 0, before = -1;
  for (const float edge : edges) {
    const int at = static_cast<int>(cell(edge, origin, per_unit, last));
    here = at == before ? here + 1 : 1;
    most = std::max(most, here), before = at;
  }
  return most;
}

}  // namespace

ColumnTables::ColumnTables(std::span<const float> levels, std::size_t width, std::span<const std::int64_t> counts,
                           Objective objective, std::size_t rows)
    : columns_(counts.size()), nearest_(objective == Objective::mse) {
  const auto most = static_cast<std::size_t>(*std::max_element(counts.begin(), counts.end()));
  usable_ = most <= kMostColumnLevels;
  if (!usable_) return;
  size_ = std::max(kFew, std::bit_ceil(most)), width_ = size_ + 1;
  const std::size_t stripes = (columns_ + kStripe - 1) / kStripe, filled = stripes * kStripe;
  const bool few = size_ == kFew, cuts = !few && rows >= kCells * size_;
  top_.assign(filled * kFew, kNever);
  edges_.assign(filled * width_, kNever);
  start_.assign(cuts ? filled * kCells * size_ + 3 : 0, 0);
  origin_.assign(filled, 0), per_unit_.assign(filled, 0);
  steps_.assign(stripes, cuts ? 1 : 0);
  first_.assign(filled, -kInf), last_.assign(filled, kInf);
  for (std::size_t column = 0; column < columns_ && usable_; ++column) {
    const std::span<const float> own = levels.subspan(column * width, static_cast<std::size_t>(counts[column]));
    if (needs_double(own, objective)) usable_ = false;
    float* const edges = &edges_[column * width_];
    edges[0] = first_[column] = own.front(), last_[column] = own.back();
    for (std::size_t b = 1; b < own.size(); ++b) edges[b] = nearest_ ? last_nearer_to_low(own[b - 1], own[b]) : own[b];
    float* const top = &top_[column / kStripe * kFew * kStripe + column % kStripe];
    const std::size_t apart = few ? 1 : kFew;
    for (std::size_t t = 1; t * apart < size_; ++t) top[(t - 1) * kStripe] = edges[t * apart];
    if (cuts) cut(column, {edges + 1, own.size() - 1});
  }
}

void ColumnTables::cut(std::size_t column, std::span<const float> edges) {
  int& steps = steps_[column / kStripe];
  if (edges.empty() || steps == 0) return;
  const std::size_t cells = kCells * size_;
  const auto last = static_cast<float>(cells - 1);
  int least = kMostSteps + 1;
  float& origin = origin_[column];
  float& per_unit = per_unit_[column];
  // A few edges far out, as outliers have them, lie beyond the cells.
  for (std::size_t out = 0; out < 4 && 2 * out < edges.size() && least > 2; ++out) {
    const float from = edges[out], unit = static_cast<float>(cells) / (edges[edges.size() - 1 - out] - from);
    const int here = most_edges(edges, from, unit, last);
    if (here < least) least = here, origin = from, per_unit = unit;
  }
  steps = least > kMostSteps ? 0 : std::max(steps, least);
  if (steps == 0) return;
  std::uint8_t* const start = &start_[column * cells];
  std::size_t next = 0;
  for (std::size_t b = 0; b < edges.size(); ++b)
    for (const auto at = static_cast<std::size_t>(cell(edges[b], origin, per_unit, last)); next <= at; ++next)
      start[next] = static_cast<std::uint8_t>(b);
  std::fill(start + next, start + cells, static_cast<std::uint8_t>(edges.size()));
}

Tally ColumnTables::round(const float* x, const std::uint32_t* words, std::size_t rows, std::uint8_t* codes,
                          Isa isa) const {
  Tally tally;
  for (std::size_t column = 0; column < columns_; column += kStripe) {
    const Stripe stripe{nearest_,
                        size_,
                        width_,
                        &top_[column * kFew],
                        &edges_[column * width_],
                        start_.data() + (start_.empty() ? 0 : column * kCells * size_),
                        &origin_[column],
                        &per_unit_[column],
                        steps_[column / kStripe],
                        &first_[column],
                        &last_[column],
                        std::min(kStripe, columns_ - column),
                        columns_};
    const Tally part = round_stripe(stripe, x + column, nearest_ ? words : words + column, rows, codes + column, isa);
    tally.nonfinite += part.nonfinite;
    tally.outside += part.outside;
  }
  return tally;
}

template <typename Item>
void look_up_columns(const Item* table, std::size_t width, const std::uint8_t* codes, std::size_t rows,
                     std::size_t columns, Item* items, Isa isa) {
  const std::size_t fit = std::max(kStripe, kNear / (width * sizeof(Item)) / kStripe * kStripe);
  for (std::size_t first = 0; first < columns; first += fit) {
    const std::size_t used = std::min(fit, columns - first);
    const Item* const own = table + first * width;
    const std::size_t done = look_up_quickly(own, width, codes + first, rows, columns, used, items + first, isa);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = done; c < used; ++c) {
        const std::size_t at = row * columns + first + c;
        items[at] = own[c * width + codes[at]];
      }
  }
}

template void look_up_columns(const std::uint16_t*, std::size_t, const std::uint8_t*, std::size_t, std::size_t,
                              std::uint16_t*, Isa);
template void look_up_columns(const std::uint32_t*, std::size_t, const std::uint8_t*, std::size_t, std::size_t,
                              std::uint32_t*, Isa);
template void look_up_columns(const std::uint64_t*, std::size_t, const std::uint8_t*, std::size_t, std::size_t,
                              std::uint64_t*, Isa);

}  // namespace bh::quantization
