// Instruction sets: columns_v3 columns_v4
#include "quantization/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "check.h"
#include "support/random.h"

namespace quantization = bh::quantization;

namespace {

using quantization::Objective;

std::vector<bh::Isa> instruction_sets() {
  std::vector<bh::Isa> sets;
  for (const bh::Isa isa : {bh::Isa::v1, bh::Isa::v3, bh::Isa::v4})
    if (isa <= bh::isa()) sets.push_back(isa);
  return sets;
}

// Numbers from 0 to 1 that take no random numbers.
float fraction(std::size_t i) { return static_cast<float>(i * 7919 % 10007) / 10007; }

struct Matrix {
  std::size_t rows, columns, width;
  std::vector<float> levels;
  std::vector<std::int64_t> counts;
  std::vector<float> x;              // then as many values as a kernel may look at
  std::vector<std::uint32_t> words;  // likewise

  Matrix(std::size_t rows, std::size_t columns, std::size_t width) : rows(rows), columns(columns), width(width) {
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t count = 1 + (c * 5 + width - 1) % width;
      counts.push_back(static_cast<std::int64_t>(count));
      for (std::size_t t = 0; t < width; ++t) {
        const float at = static_cast<float>(std::min(t, count - 1));
        levels.push_back(at * at * (1 + fraction(c)) - 3);
      }
    }
    x.assign(rows * columns + quantization::kStripe, 0);
    words.assign(x.size(), 0);
    for (std::size_t i = 0; i < rows * columns; ++i) {
      const std::size_t c = i % columns, last = c * width + static_cast<std::size_t>(counts[c]) - 1;
      x[i] = i % 7 == 0 ? levels[c * width + i % counts[c]] : -3 + fraction(i) * (levels[last] + 3);
      x[i] = std::min(x[i], levels[last]);
      words[i] = static_cast<std::uint32_t>(i * 2654435761u);
    }
  }
};

// The codes of one value after the other.
std::vector<std::uint8_t> one_by_one(const Matrix& m, Objective objective) {
  std::vector<std::uint8_t> codes(m.rows * m.columns);
  for (std::size_t c = 0; c < m.columns; ++c) {
    quantization::Rounder<float> rounder;
    rounder.prepare(std::span(m.levels).subspan(c * m.width, static_cast<std::size_t>(m.counts[c])), objective);
    for (std::size_t row = 0; row < m.rows; ++row) {
      std::uint16_t code;
      rounder.round({&m.x[row * m.columns + c], 1}, &m.words[row * m.columns + c], &code);
      codes[row * m.columns + c] = static_cast<std::uint8_t>(code);
    }
  }
  return codes;
}

// With few rows edges are compared, with many cells say where to begin.
constexpr std::size_t kRows[] = {1, 1 << 20};

void codes_are_those_of_one_value_after_the_other() {
  for (const std::size_t width : {1, 2, 5, 16, 17, 32, 33, 100, 256})
    for (const std::size_t columns : {1, 7, 15, 16, 17, 40})
      for (const Objective objective : {Objective::unbiased, Objective::mse})
        for (const std::size_t rows : kRows)
          for (const bh::Isa isa : instruction_sets()) {
            const Matrix m(9, columns, width);
            const quantization::ColumnTables tables(m.levels, width, m.counts, objective, rows);
            CHECK(tables.usable());
            std::vector<std::uint8_t> codes(m.rows * columns);
            const quantization::Tally tally = tables.round(m.x.data(), m.words.data(), m.rows, codes.data(), isa);
            CHECK(tally.nonfinite == 0 && tally.outside == 0);
            CHECK(codes == one_by_one(m, objective));
          }
}

// A level of a table of `count`, from steps of equal length to ever longer ones, some with neighbors that are equal,
// the last with outliers.
float level(std::size_t kind, std::size_t t, std::size_t count) {
  const double at = 2 * static_cast<double>(t) / static_cast<double>(count) - 1;
  switch (kind) {
    case 0: return static_cast<float>(at) + 100;
    case 1: return static_cast<float>(at * at * at);
    case 2: return static_cast<float>(at + 0.5 * fraction(t) / static_cast<double>(count));
    case 3: return static_cast<float>(std::floor(at * 40));
    case 4: return static_cast<float>(std::exp2(at * 50));
    default: return static_cast<float>(t < 2 ? at * 1e6 : t + 3 > count ? at * 1e9 : at);
  }
}

void values_beside_every_edge_find_their_level() {
  for (const std::size_t count : {17, 30, 64, 255, 256})
    for (std::size_t kind = 0; kind < 6; ++kind) {
      Matrix m(2 + 6 * count, 17, count);
      for (std::size_t c = 0; c < m.columns; ++c) {
        float* const own = &m.levels[c * count];
        for (std::size_t t = 0; t < count; ++t) own[t] = level(kind, t, count) * (1 + fraction(c));
        m.counts[c] = static_cast<std::int64_t>(count);
        for (std::size_t row = 0; row < m.rows; ++row) {
          const std::size_t t = std::min(row / 6, count - 2);
          const float low = own[t], middle = low + (own[t + 1] - low) / 2, at = row % 2 ? low : middle;
          const float x = row % 6 < 2 ? at : std::nextafter(at, row % 6 < 4 ? -HUGE_VALF : HUGE_VALF);
          m.x[row * m.columns + c] = row < 6 * count ? x : row % 2 ? -3e38f : 3e38f;
          m.words[row * m.columns + c] = static_cast<std::uint32_t>((row * 17 + c) * 2654435761u);
        }
      }
      for (const Objective objective : {Objective::unbiased, Objective::mse})
        for (const std::size_t rows : kRows)
          for (const bh::Isa isa : instruction_sets()) {
            const quantization::ColumnTables tables(m.levels, count, m.counts, objective, rows);
            std::vector<std::uint8_t> codes(m.rows * m.columns);
            tables.round(m.x.data(), m.words.data(), m.rows, codes.data(), isa);
            CHECK(codes == one_by_one(m, objective));
          }
    }
}

void what_cannot_be_rounded_is_counted_once() {
  for (const bh::Isa isa : instruction_sets())
    for (const std::size_t columns : {7, 16, 21}) {
      const std::size_t rows = columns == 16 ? 1 << 20 : 5;
      Matrix m(5, columns, 20);
      m.x[0] = std::numeric_limits<float>::quiet_NaN();
      m.x[columns + 2] = std::numeric_limits<float>::infinity();  // outside, too
      m.x[5 * columns - 1] = -4;
      std::vector<std::uint8_t> codes(m.rows * columns);
      const quantization::ColumnTables unbiased(m.levels, m.width, m.counts, Objective::unbiased, rows);
      const quantization::Tally tally = unbiased.round(m.x.data(), m.words.data(), m.rows, codes.data(), isa);
      CHECK(tally.nonfinite == 2);
      CHECK(tally.outside == 2);
      const quantization::ColumnTables nearest(m.levels, m.width, m.counts, Objective::mse, rows);
      const quantization::Tally near = nearest.round(m.x.data(), nullptr, m.rows, codes.data(), isa);
      CHECK(near.nonfinite == 2);
      CHECK(near.outside == 0);
    }
}

void tables_that_kernels_cannot_use_say_so() {
  const std::vector<std::int64_t> counts{2};
  const std::vector<float> far{-3e38f, 3e38f}, close{0, 1e-40f};
  CHECK(!quantization::ColumnTables(far, 2, counts, Objective::unbiased, 9).usable());
  CHECK(!quantization::ColumnTables(close, 2, counts, Objective::unbiased, 9).usable());
  CHECK(quantization::ColumnTables(close, 2, counts, Objective::mse, 9).usable());
  CHECK(!quantization::ColumnTables(std::vector<float>(257), 257, std::vector<std::int64_t>{257}, Objective::mse, 9)
             .usable());
}

template <typename Item>
void items_are_those_of_the_codes() {
  for (const std::size_t width : {1, 4, 16, 64, 256})
    for (const std::size_t columns : {1, 15, 16, 100})
      for (const bh::Isa isa : instruction_sets()) {
        const std::size_t rows = 11;
        std::vector<Item> table(width * columns), items(rows * columns);
        for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<Item>(i * 2654435761u);
        std::vector<std::uint8_t> codes(rows * columns);
        for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(i * 40503 % width);
        quantization::look_up_columns(table.data(), width, codes.data(), rows, columns, items.data(), isa);
        for (std::size_t i = 0; i < items.size(); ++i) CHECK(items[i] == table[i % columns * width + codes[i]]);
      }
}

}  // namespace

int main() {
  codes_are_those_of_one_value_after_the_other();
  values_beside_every_edge_find_their_level();
  what_cannot_be_rounded_is_counted_once();
  tables_that_kernels_cannot_use_say_so();
  items_are_those_of_the_codes<std::uint16_t>();
  items_are_those_of_the_codes<std::uint32_t>();
  items_are_those_of_the_codes<std::uint64_t>();
}
