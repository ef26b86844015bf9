#include "gradients/half.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"

using bh::gradients::Half;

namespace {

struct Format {
  Half kind;
  int mantissa, bias;
};
constexpr Format kFormats[] = {{Half::float16, 10, 15}, {Half::bfloat16, 7, 127}};

// The value of finite bits, by the definition.
double value(const Format& f, std::uint32_t bits) {
  const auto exponent = static_cast<int>((bits & 0x7FFF) >> f.mantissa), one = 1 << f.mantissa;
  const auto fraction = static_cast<int>(bits) & (one - 1);
  const int units = exponent ? one + fraction : fraction;
  const double size = std::ldexp(units, (exponent ? exponent : 1) - f.bias - f.mantissa);
  return bits & 0x8000 ? -size : size;
}

std::uint32_t infinity(const Format& f) { return 0x7FFFu >> f.mantissa << f.mantissa; }

std::vector<std::uint16_t> narrowed(const std::vector<float>& x, Half kind, float divisor = 1) {
  std::vector<std::uint16_t> halves(x.size());
  bh::gradients::narrow(x, kind, divisor, halves);
  return halves;
}

std::vector<float> widened(const std::vector<std::uint16_t>& halves, Half kind, float factor = 1) {
  std::vector<float> x(halves.size());
  bh::gradients::widen(halves, kind, factor, x);
  return x;
}

void every_value_is_read_by_the_definition_and_written_back() {
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  for (const Format& f : kFormats) {
    const std::vector<float> x = widened(all, f.kind), doubled = widened(all, f.kind, 2);
    const std::vector<std::uint16_t> back = narrowed(x, f.kind);
    for (const std::uint16_t bits : all) {
      if ((bits & 0x7FFF) < infinity(f)) CHECK(static_cast<double>(x[bits]) == value(f, bits));
      if ((bits & 0x7FFF) == infinity(f)) CHECK(std::isinf(x[bits]));
      CHECK(std::isnan(x[bits]) == ((bits & 0x7FFF) > infinity(f)));
      CHECK(std::signbit(x[bits]) == (bits >> 15 == 1));
      const auto quiet = static_cast<std::uint16_t>(std::isnan(x[bits]) ? bits | 1 << (f.mantissa - 1) : bits);
      CHECK(back[bits] == quiet);
      if (!std::isnan(x[bits])) CHECK(doubled[bits] == 2 * x[bits]);
    }
  }
}

// The middle between any two neighbors goes to the even one, and what lies beside it to the nearer.
void rounding_is_to_the_nearest_and_ties_to_even() {
  for (const Format& f : kFormats) {
    std::vector<float> x;
    std::vector<std::uint16_t> expected;
    for (std::uint32_t bits = 0; bits < infinity(f); ++bits) {
      const double low = value(f, bits), high = value(f, bits + 1);  // infinity stands for the next power of two
      const auto middle = static_cast<float>((low + high) / 2);
      if (static_cast<double>(middle) != (low + high) / 2) continue;  // among the smallest of bfloat16
      const float inf = std::numeric_limits<float>::infinity();
      for (const float sign : {1.0f, -1.0f})
        for (const int side : {-1, 0, 1}) {
          x.push_back(sign * (side == 0 ? middle : std::nextafter(middle, side < 0 ? 0 : inf)));
          const std::uint32_t chosen = bits + static_cast<std::uint32_t>(side == 0 ? bits & 1 : (side + 1) / 2);
          expected.push_back(static_cast<std::uint16_t>(chosen | (sign < 0 ? 0x8000 : 0)));
        }
    }
    CHECK(x.size() > 180'000);
    CHECK(narrowed(x, f.kind) == expected);
  }
}

void a_quotient_is_rounded_to_float_first() {
  for (const Format& f : kFormats)
    for (const float divisor : {1.0f, 2.0f, 3.0f, 7.0f, 64.0f, 0x1p-120f, 0x1p120f, 0x1p127f, 1e-39f, -2.0f}) {
      std::vector<float> x(1003), quotients(1003);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(i * 0x9E3779B1u));
        quotients[i] = x[i] / divisor;
      }
      CHECK(narrowed(x, f.kind, divisor) == narrowed(quotients, f.kind));
    }
}

void lengths_may_be_any() {
  for (const Format& f : kFormats)
    for (std::size_t n = 0; n < 40; ++n) {
      std::vector<float> x(n);
      for (std::size_t i = 0; i < n; ++i) x[i] = 1.0f / static_cast<float>(i + 3);
      const std::vector<std::uint16_t> halves = narrowed(x, f.kind);
      const std::vector<float> back = widened(halves, f.kind, 0.5f);
      for (std::size_t i = 0; i < n; ++i) CHECK(std::abs(back[i] - x[i] / 2) <= x[i] / 512);
    }
}

}  // namespace

int main() {
  every_value_is_read_by_the_definition_and_written_back();
  rounding_is_to_the_nearest_and_ties_to_even();
  a_quotient_is_rounded_to_float_first();
  lengths_may_be_any();
}
