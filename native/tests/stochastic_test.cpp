// Instruction sets: round16_v3 round16_v4
#include "quantization/stochastic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "support/random.h"

namespace quantization = bh::quantization;

namespace {

constexpr auto kUnbiased = quantization::Objective::unbiased;
constexpr auto kNearest = quantization::Objective::mse;

std::uint32_t crc32(const std::vector<std::uint16_t>& codes, bool wide) {
  std::uint32_t crc = ~0u;
  const auto add = [&](unsigned byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  };
  for (const std::uint16_t code : codes) {
    add(code & 255);
    if (wide) add(code >> 8);
  }
  return ~crc;
}

template <typename Real>
std::vector<std::uint16_t> round_all(const std::vector<Real>& x, const std::vector<Real>& levels,
                                     quantization::Objective objective, std::uint64_t seed, std::uint64_t stream) {
  quantization::Rounder<Real> rounder;
  rounder.prepare(levels, objective);
  std::vector<std::uint16_t> codes(x.size());
  std::vector<std::uint32_t> words(bh::kWords);
  for (std::size_t i = 0; i < x.size(); i += bh::kWords) {
    bh::random_words(i / bh::kWords, seed, stream, bh::Domain::rounding, std::span<std::uint32_t, bh::kWords>(words));
    const std::size_t n = std::min(bh::kWords, x.size() - i);
    const quantization::Tally tally = rounder.round(std::span(x).subspan(i, n), words.data(), &codes[i]);
    CHECK(tally.nonfinite == 0 && tally.outside == 0);
  }
  return codes;
}

// Levels 0, 1, 3, 6, ... and values between them, all times `unit`.
template <typename Real>
std::uint32_t checksum(std::size_t s, Real unit, quantization::Objective objective) {
  std::vector<Real> levels(s), x(3000);
  for (std::size_t b = 0; b < s; ++b) levels[b] = static_cast<Real>(b * (b + 1) / 2) * unit;
  const Real last = levels.back() / unit;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = last * static_cast<Real>(i * 7919 % 3001) / 3000 * unit;
  for (Real& value : x) value = std::min(value, levels.back());
  return crc32(round_all(x, levels, objective, 99, 3), true);
}

void golden_codes() {
  std::vector<float> x(2000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::min(static_cast<float>(i % 257) / 64, 4.0f);
  const std::vector<std::uint16_t> codes = round_all(x, {0, 1, 2, 4}, kUnbiased, (std::uint64_t{1} << 40) + 5, 7);
  unsigned sum = 0;
  for (const std::uint16_t code : codes) sum += code;
  CHECK(crc32(codes, false) == 0xcd265a5b);
  CHECK(sum == 3441);
}

void checksums() {
  CHECK(checksum<float>(16, 1, kUnbiased) == 0x5de673a4);
  CHECK(checksum<float>(100, 1, kUnbiased) == 0xcbf0f357);
  CHECK(checksum<float>(100, 1, kNearest) == 0x0e122153);
  CHECK(checksum<float>(16, 1, kNearest) == 0x2e797054);
  CHECK(checksum<float>(16, 0x1p-126f, kUnbiased) == 0x5de673a4);  // gaps too small for float32
  CHECK(checksum<double>(16, 1, kUnbiased) == 0x5de673a4);
  CHECK(checksum<double>(300, 1, kUnbiased) == 0xab59319b);
  CHECK(checksum<double>(300, 0x1p-1070, kNearest) == 0x6f75e2fe);
}

template <typename Real>
void ends_are_kept_where_the_gap_overflows() {
  constexpr Real most = std::numeric_limits<Real>::max();
  const std::vector<Real> x(1024, most), y(1024, -most), half(1024, most / 2);
  const std::vector<Real> levels{-most, most};
  for (const std::uint16_t code : round_all(x, levels, kUnbiased, 1, 0)) CHECK(code == 1);
  for (const std::uint16_t code : round_all(y, levels, kUnbiased, 1, 0)) CHECK(code == 0);
  int up = 0;
  for (const std::uint16_t code : round_all(half, levels, kUnbiased, 1, 0)) up += code;
  CHECK(std::abs(up - 768) < 60);  // three quarters, within four standard errors
}

void what_must_be_refused_is_counted() {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{NAN, inf, -inf, -1, 0, 1, 2, 3, 3e38f, -3e38f}, levels{0, 1, 2};
  const std::vector<std::uint32_t> words(x.size(), 0);
  std::vector<std::uint16_t> codes(x.size());
  quantization::Rounder<float> rounder;
  rounder.prepare(levels, kUnbiased);
  const quantization::Tally tally = rounder.round(x, words.data(), codes.data());
  CHECK(tally.nonfinite == 3);
  CHECK(tally.outside == 6);  // the two infinities too
  CHECK(codes[3] == 0 && codes[7] == 2 && codes[8] == 2 && codes[9] == 0);
  rounder.prepare(levels, kNearest);
  CHECK(rounder.round(x, words.data(), codes.data()).outside == 0);
  CHECK(codes[3] == 0 && codes[7] == 2 && codes[8] == 2 && codes[9] == 0);
}

// Fewer than 16 values at a time go through the plain loop, more through what the processor has for them.
void many_at_once_are_rounded_like_few() {
  for (std::size_t s = 1; s <= 17; ++s) {
    std::vector<float> levels(s), x(1024);
    for (std::size_t b = 0; b < s; ++b) levels[b] = static_cast<float>(b * b) / 3 - 7;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = -8 + static_cast<float>(i * 7919 % 1021) / 10;
    for (const std::size_t i : {3, 500, 900}) x[i] = levels[i % s];
    x[77] = NAN, x[600] = std::numeric_limits<float>::infinity(), x[601] = -x[600];
    std::vector<std::uint32_t> words(bh::kWords);
    bh::random_words(s, 5, 0, bh::Domain::rounding, std::span<std::uint32_t, bh::kWords>(words));
    quantization::Rounder<float> rounder;
    rounder.prepare(levels, kUnbiased);
    std::vector<std::uint16_t> at_once(x.size()), few(x.size());
    const quantization::Tally tally = rounder.round(x, words.data(), at_once.data());
    quantization::Tally sum;
    for (std::size_t i = 0; i < x.size(); i += 15) {
      const std::size_t n = std::min<std::size_t>(15, x.size() - i);
      const quantization::Tally part = rounder.round(std::span(x).subspan(i, n), &words[i], &few[i]);
      sum.nonfinite += part.nonfinite, sum.outside += part.outside;
    }
    CHECK(at_once == few);
    CHECK(tally.nonfinite == 3 && sum.nonfinite == 3 && tally.outside == sum.outside);
  }
}

void repeated_levels_and_a_single_one_are_allowed() {
  const std::vector<float> x{0, 1, 2};
  CHECK(round_all(x, {0, 1, 1, 2}, kUnbiased, 1, 0) == (std::vector<std::uint16_t>{0, 2, 3}));
  CHECK(round_all<float>({5, 5}, {5}, kUnbiased, 1, 0) == (std::vector<std::uint16_t>{0, 0}));
}

void ties_go_to_the_lower_level() {
  const std::vector<double> x{0.5, std::nextafter(0.5, 1.0), 1.5};
  CHECK(round_all(x, {0, 1, 2}, kNearest, 0, 0) == (std::vector<std::uint16_t>{0, 1, 1}));
}

}  // namespace

int main() {
  golden_codes();
  checksums();
  ends_are_kept_where_the_gap_overflows<float>();
  ends_are_kept_where_the_gap_overflows<double>();
  what_must_be_refused_is_counted();
  many_at_once_are_rounded_like_few();
  repeated_levels_and_a_single_one_are_allowed();
  ties_go_to_the_lower_level();
}
