// Instruction sets: block_fit_v3 block_fit_v4 scaled
#include "quantization/block_fit.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "check.h"
#include "quantization/scaled.h"

namespace quantization = bh::quantization;

namespace {

using quantization::Objective, quantization::Scale, quantization::ScaleGrid;

std::uint32_t mix(std::uint32_t sum, std::uint32_t word) { return (sum ^ word) * 16777619u; }

// Values that take no random numbers: a wave that grows, with peaks.
std::vector<float> wave(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto step = static_cast<float>(i * 7919 % 1009) / 1009 - 0.45f;
    x[i] = step * step * step * static_cast<float>(1 + i % 97);
  }
  return x;
}

std::vector<double> table(std::size_t count) {
  std::vector<double> levels(count);
  for (std::size_t b = 0; b < count; ++b) {
    const double at = count == 1 ? 0.5 : 2 * static_cast<double>(b) / static_cast<double>(count - 1) - 1;
    levels[b] = at * (0.5 + 0.5 * at * at) * (b < count / 2 ? 0.875 : 1);
  }
  return levels;
}

// Levels that lie ever closer to one another toward 0.
std::vector<double> crowded(std::size_t count, double factor) {
  std::vector<double> levels(count);
  double at = 1;
  for (std::size_t b = count; b-- > 0; at *= factor) levels[b] = at;
  return levels;
}

std::uint32_t checksum(std::span<const double> table, Objective objective, Scale scale, std::size_t block) {
  const std::vector<float> x = wave(4096);
  const quantization::FitTable levels(table, objective);
  quantization::BlockFits<float> fits(levels, scale, block);
  const ScaleGrid grid(scale);
  std::uint32_t sum = 2166136261u;
  const auto read = [&](std::size_t i, float*) { return std::span(x).subspan(i * block, block); };
  fits.each(
      0, x.size() / block, read,
      [&](std::size_t, std::span<const float>, const quantization::BlockFit& fit, const quantization::Fitted& fitted) {
        CHECK(fitted.finite);
        sum = mix(sum, grid.bits(fitted.scale));
        sum = mix(sum, std::bit_cast<std::uint32_t>(static_cast<float>(fitted.error)));
        for (std::size_t i = 0; i < block; ++i) sum = mix(sum, fit.codes()[i]);
      });
  return sum;
}

std::uint32_t checksum(std::size_t count, Objective objective, Scale scale, std::size_t block) {
  return checksum(table(count), objective, scale, block);
}

void every_scale_keeps_its_bits() {
  for (const Scale scale : {Scale::float16, Scale::bfloat16, Scale::e8m0}) {
    const ScaleGrid grid(scale);
    double before = 0;
    const unsigned most = scale == Scale::e8m0 ? 256 : 65536;
    for (unsigned bits = 0; bits < most; ++bits) {
      if (!grid.finite(static_cast<std::uint16_t>(bits))) continue;
      const double value = grid.value(static_cast<std::uint16_t>(bits));
      CHECK(grid.bits(value) == bits);
      CHECK(grid.nearest(value) == value && grid.enclosing(value) == value);
      if (bits > 0 && (scale == Scale::e8m0 || bits < 32768)) {
        CHECK(value > before);
        const double lower = before + (value - before) * 0.375, upper = before + (value - before) * 0.625;
        CHECK(grid.nearest(lower) == before && grid.nearest(upper) == value);
        CHECK(grid.enclosing(lower) == value);
      }
      before = value;
    }
  }
  CHECK(ScaleGrid(Scale::float16).nearest(1e9) == 65504 && ScaleGrid(Scale::float16).nearest(-1e9) == -65504);
  CHECK(!ScaleGrid(Scale::float16).finite(0x7C00) && !ScaleGrid(Scale::bfloat16).finite(0x7F80));
  CHECK(!ScaleGrid(Scale::e8m0).finite(255));
}

// Every value of a grid finds the level that it would find by comparing it with all edges.
void cells_of(std::span<const double> levels) {
  for (const Objective objective : {Objective::mse, Objective::unbiased}) {
    const quantization::FitTable table(levels, objective);
    const auto check = [&](float y) {
      int below = 0;
      for (std::size_t b = 0; b + 1 < table.count; ++b)
        below += objective == Objective::mse ? y > table.edges[b] : y >= table.edges[b];
      if (table.parted) {
        const int cell = static_cast<int>(std::floor(std::fmax(-16.0f, std::fmin(y, 0x1.fffffep3f)))) & 31;
        const float edge = table.cell_edge[cell];
        CHECK(table.cell_code[cell] + (objective == Objective::mse ? y > edge : y >= edge) == below);
      } else if (table.steps) {
        const int start = table.start[static_cast<std::size_t>(table.cell(y))];
        CHECK(start <= below && below <= start + table.steps);
        if (table.steps > 1) return;
        const auto at = static_cast<std::size_t>(table.cell(y));
        const auto [edge, before] = table.cell_edges[at];
        const auto [low, high] = table.cell_sides[at];
        CHECK(before + (objective == Objective::mse ? y > edge : y >= edge) == below);
        CHECK(low == table.level[start] && high == table.level[start + 1]);
        if (objective == Objective::mse) {
          const float off = y - table.level[below], under = y - low, over = y - high;
          CHECK(std::fmin(under * under, over * over) == off * off);
        }
      }
    };
    for (std::size_t b = 0; b + 1 < table.count; ++b)
      for (const float way : {-HUGE_VALF, HUGE_VALF}) {
        check(table.edges[b]);
        check(std::nextafter(table.edges[b], way));
      }
    for (int i = -400; i <= 400; ++i) check(static_cast<float>(i) * 0.1f);
    CHECK((table.cell(std::nanf("")) == 0));
  }
}

void cells_hold_every_value() {
  for (const std::size_t count : {1, 2, 3, 9, 15, 16, 17, 33, 100, 255, 256}) {
    cells_of(table(count));
    for (const double factor : {0.5, 0.75, 0.9, 0.975}) cells_of(crowded(count, factor));
  }
  CHECK(quantization::FitTable(table(16), Objective::mse).parted);
  CHECK(!quantization::FitTable(crowded(14, 0.75), Objective::mse).parted);
  CHECK(quantization::FitTable(table(256), Objective::mse).steps == 1);
  CHECK(quantization::FitTable(crowded(120, 0.975), Objective::mse).steps > 0);
  CHECK(quantization::FitTable(crowded(250, 0.9), Objective::mse).steps == 0);
}

void golden_fits() {
  CHECK(checksum(16, Objective::mse, Scale::float16, 64) == 0xc3afdab5u);
  CHECK(checksum(16, Objective::mse, Scale::bfloat16, 72) == 0x95a9794eu);
  CHECK(checksum(16, Objective::mse, Scale::e8m0, 64) == 0x6e1fdd65u);
  CHECK(checksum(4, Objective::mse, Scale::float16, 64) == 0x0c9a3885u);
  CHECK(checksum(3, Objective::mse, Scale::float16, 40) == 0xdd40d55au);
  CHECK(checksum(40, Objective::mse, Scale::float16, 64) == 0xaa15b275u);
  CHECK(checksum(256, Objective::mse, Scale::float16, 128) == 0x6e031b4fu);
  CHECK(checksum(16, Objective::unbiased, Scale::float16, 64) == 0x6b186783u);
  CHECK(checksum(100, Objective::unbiased, Scale::e8m0, 24) == 0x05f3179bu);
  CHECK(checksum(200, Objective::unbiased, Scale::bfloat16, 72) == 0x2ffe5a6bu);
  for (const Objective objective : {Objective::mse, Objective::unbiased}) {
    const bool mse = objective == Objective::mse;
    CHECK(checksum(crowded(14, 0.75), objective, Scale::float16, 64) == (mse ? 0x2badadf6u : 0xbeb77f51u));
    CHECK(checksum(crowded(120, 0.975), objective, Scale::float16, 64) == (mse ? 0xb133a122u : 0xea183eb1u));
    CHECK(checksum(crowded(250, 0.9), objective, Scale::float16, 64) == (mse ? 0x3f6e045du : 0x63c295b1u));
  }
}

quantization::Fitted fit_one(std::span<const float> x) {
  const quantization::FitTable levels(table(16), Objective::mse);
  quantization::BlockFits<float> fits(levels, Scale::float16, x.size());
  quantization::Fitted found{};
  fits.each(
      0, 1, [&](std::size_t, float*) { return x; },
      [&](std::size_t, std::span<const float>, const quantization::BlockFit&, const quantization::Fitted& fitted) {
        found = fitted;
      });
  return found;
}

void odd_blocks() {
  std::vector<float> x(64, 0.0f);
  CHECK(fit_one(x).scale == 0);
  x[7] = std::nanf("");
  CHECK(!fit_one(x).finite);
  x[7] = HUGE_VALF;
  CHECK(!fit_one(x).finite);
  for (const float value : {3.0e38f, 1e-44f}) {
    x.assign(64, value);
    CHECK(fit_one(x).finite);
  }
}

// With levels so small that values become infinite in their units, codes stay within the table.
void values_far_beyond_the_levels() {
  for (const std::size_t count : {3, 9, 16, 17, 100, 256})
    for (int exponent = -150; exponent < -100; ++exponent) {
      std::vector<double> levels = table(count);
      for (double& level : levels) level = std::ldexp(level, exponent);
      std::vector<float> x = wave(64);
      for (float& value : x) value *= 0x1p20f;
      const quantization::FitTable fitted(levels, Objective::unbiased);
      quantization::BlockFits<float> fits(fitted, Scale::float16, x.size());
      fits.each(
          0, 1, [&](std::size_t, float*) { return std::span<const float>(x); },
          [&](std::size_t, std::span<const float>, const quantization::BlockFit& fit, const quantization::Fitted&) {
            for (std::size_t i = 0; i < x.size(); ++i) CHECK(fit.codes()[i] < count);
          });
    }
}

}  // namespace

int main() {
  every_scale_keeps_its_bits();
  cells_hold_every_value();
  golden_fits();
  odd_blocks();
  values_far_beyond_the_levels();
}
