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

std::uint32_t checksum(std::size_t count, Objective objective, Scale scale, std::size_t block) {
  const std::vector<float> x = wave(4096);
  const quantization::FitTable levels(table(count), objective);
  quantization::BlockFit fit(levels, scale, block);
  const ScaleGrid grid(scale);
  std::uint32_t sum = 2166136261u;
  for (std::size_t at = 0; at + block <= x.size(); at += block) {
    const quantization::Fitted fitted = fit.fit(std::span(x).subspan(at, block));
    CHECK(fitted.finite);
    sum = mix(sum, grid.bits(fitted.scale));
    sum = mix(sum, std::bit_cast<std::uint32_t>(static_cast<float>(fitted.error)));
    if (objective == Objective::mse)
      for (std::size_t i = 0; i < block; ++i) sum = mix(sum, fit.codes()[i]);
  }
  return sum;
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

void golden_fits() {
  CHECK(checksum(16, Objective::mse, Scale::float16, 64) == 0xc3afdab5u);
  CHECK(checksum(16, Objective::mse, Scale::bfloat16, 72) == 0x95a9794eu);
  CHECK(checksum(16, Objective::mse, Scale::e8m0, 64) == 0x6e1fdd65u);
  CHECK(checksum(4, Objective::mse, Scale::float16, 64) == 0x0c9a3885u);
  CHECK(checksum(3, Objective::mse, Scale::float16, 40) == 0x9ac6e5c9u);
  CHECK(checksum(40, Objective::mse, Scale::float16, 64) == 0xaa15b275u);
  CHECK(checksum(256, Objective::mse, Scale::float16, 128) == 0x6e031b4fu);
  CHECK(checksum(16, Objective::unbiased, Scale::float16, 64) == 0x7887b655u);
  CHECK(checksum(100, Objective::unbiased, Scale::e8m0, 24) == 0x16e61211u);
}

void odd_blocks() {
  const quantization::FitTable levels(table(16), Objective::mse);
  quantization::BlockFit fit(levels, Scale::float16, 64);
  std::vector<float> x(64, 0.0f);
  CHECK(fit.fit(std::span<const float>(x)).scale == 0);
  x[7] = std::nanf("");
  CHECK(!fit.fit(std::span<const float>(x)).finite);
  x[7] = HUGE_VALF;
  CHECK(!fit.fit(std::span<const float>(x)).finite);
  for (const float value : {3.0e38f, 1e-44f}) {
    x.assign(64, value);
    CHECK(fit.fit(std::span<const float>(x)).finite);
  }
}

}  // namespace

int main() {
  every_scale_keeps_its_bits();
  golden_fits();
  odd_blocks();
}
