#include "quantization/columns.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "quantization/column_stripes.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kNear = 16 << 10;  // bytes of tables that stay in the nearest cache beside all else
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNever = std::numeric_limits<float>::quiet_NaN();  // an edge that infinity does not reach either

template <bool Nearest>
bool reaches(float x, float edge) {
  return Nearest ? x > edge : x >= edge;
}

// The number of edges that a value of column c reaches.
template <bool Nearest>
std::size_t find(const Stripe& s, std::size_t c, float x) {
  std::size_t found = 0;
  for (std::size_t step = s.size / 2; step > 0; step /= 2)
    if (reaches<Nearest>(x, s.edges[(found + step - 1) * kStripe + c])) found += step;
  return found;
}

// Whether a value above `found` edges is rounded up: as in stochastic.cpp, to the bit.
bool moves_up(const Stripe& s, std::size_t c, float x, std::size_t found, std::uint32_t word) {
  float p = (x - s.low[found * kStripe + c]) * s.gap[found * kStripe + c];
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
      if (s.nearest) {
        codes[at] = static_cast<std::uint8_t>(find<true>(s, c, value));
      } else {
        tally.outside += (value < s.first[c]) | (value > s.last[c]);
        const std::size_t found = find<false>(s, c, value);
        codes[at] = static_cast<std::uint8_t>(found + moves_up(s, c, value, found, words[at]));
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

// Entry t of column c at (c / kStripe * size + t) * kStripe + c % kStripe.
std::vector<float> striped(std::size_t columns, std::size_t size, float filling) {
  return std::vector<float>((columns + kStripe - 1) / kStripe * size * kStripe, filling);
}

void place(std::vector<float>& stripes, std::size_t column, const std::vector<float>& entries) {
  float* first = &stripes[column / kStripe * entries.size() * kStripe + column % kStripe];
  for (std::size_t t = 0; t < entries.size(); ++t) first[t * kStripe] = entries[t];
}

}  // namespace

ColumnTables::ColumnTables(std::span<const float> levels, std::size_t width, std::span<const std::int64_t> counts,
                           Objective objective)
    : columns_(counts.size()), nearest_(objective == Objective::mse) {
  const auto most = static_cast<std::size_t>(*std::max_element(counts.begin(), counts.end()));
  usable_ = most <= kMostColumnLevels;
  if (!usable_) return;
  size_ = std::max(kFew, std::bit_ceil(most));
  edges_ = striped(columns_, size_, kInf);
  top_ = striped(columns_, size_ == kFew ? 0 : kFew, kNever);
  low_ = gap_ = striped(columns_, nearest_ ? 0 : size_, 0);
  first_ = striped(columns_, 1, -kInf);
  last_ = striped(columns_, 1, kInf);
  for (std::size_t column = 0; column < columns_ && usable_; ++column) {
    const std::span<const float> own = levels.subspan(column * width, static_cast<std::size_t>(counts[column]));
    if (needs_double(own, objective)) usable_ = false;
    RoundingTable<float> table;
    table.prepare(own, objective);
    table.edges.resize(size_, kInf);
    place(edges_, column, table.edges);
    place(first_, column, {table.first});
    place(last_, column, {table.last});
    if (size_ > kFew) {
      std::vector<float> top(kFew, kNever);
      for (std::size_t t = 0; t + 1 < size_ / kFew; ++t) top[t] = table.edges[t * kFew + kFew - 1];
      place(top_, column, top);
    }
    if (nearest_) continue;
    table.low.resize(size_, 0);
    table.gap.resize(size_, 0);
    place(low_, column, table.low);
    place(gap_, column, table.gap);
  }
}

Tally ColumnTables::round(const float* x, const std::uint32_t* words, std::size_t rows, std::uint8_t* codes,
                          Isa isa) const {
  Tally tally;
  for (std::size_t column = 0; column < columns_; column += kStripe) {
    const std::size_t number = column / kStripe, at = nearest_ ? 0 : number * size_ * kStripe;
    const Stripe stripe{nearest_,
                        size_,
                        top_.data() + (top_.empty() ? 0 : number * kFew * kStripe),
                        edges_.data() + number * size_ * kStripe,
                        low_.data() + at,
                        gap_.data() + at,
                        first_.data() + column,
                        last_.data() + column,
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
