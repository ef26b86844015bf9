#include "gradients/block_codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/simd.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kSums = 16;
constexpr std::uint32_t kInfinity = 0x7F800000;

struct Float8 {
  int mantissa, bias;
  float largest;
};
constexpr Float8 kE4M3{3, 7, 448.0f}, kE5M2{2, 15, 57344.0f};

float largest_code(BlockCode code) {
  switch (code) {
    case BlockCode::int4: return 7;
    case BlockCode::int8: return 127;
    case BlockCode::e4m3: return kE4M3.largest;
    case BlockCode::e5m2: return kE5M2.largest;
  }
  return 0;
}

BH_INLINE void code_nearest(const float* x, std::size_t n, float scale, float most, std::int8_t* codes) {
  constexpr float kRounder = 0x1.8p23f;  // leaves no bits behind the point
  for (std::size_t i = 0; i < n; ++i) {
    float y = x[i] / scale;
    y = y < most ? y : most;  // NaN too, should x have changed since its scale was found
    y = y > -most ? y : -most;
    codes[i] = static_cast<std::int8_t>(static_cast<std::int32_t>((y + kRounder) - kRounder));
  }
}

BH_INLINE void code_stochastic(const float* x, const std::uint16_t* draws, std::size_t n, float scale, float most,
                               std::int8_t* codes) {
  const auto highest = static_cast<std::int32_t>(most);
  for (std::size_t i = 0; i < n; ++i) {
    float y = x[i] / scale;
    y = y < most ? y : most;  // NaN too, should x have changed since its scale was found
    y = y > -most ? y : -most;
    y += (static_cast<float>(std::int32_t{draws[i]}) + 0.5f) * 0x1p-16f;
    auto floor = static_cast<std::int32_t>(y);
    floor -= static_cast<float>(floor) > y;
    codes[i] = static_cast<std::int8_t>(floor < highest ? floor : highest);
  }
}

// Normal numbers lose mantissa bits to the nearest even, and a carry moves into the exponent as it should. Below them
// codes count multiples of the smallest one.
template <const Float8& F>
BH_INLINE void code_float8(const float* x, std::size_t n, float scale, std::int8_t* codes) {
  constexpr int kDropped = 23 - F.mantissa;
  constexpr float kRounder = 0x1.8p23f;
  constexpr std::uint32_t kRebias = std::uint32_t{127 - F.bias} << F.mantissa;
  constexpr auto kSmallestNormal = std::bit_cast<float>(std::uint32_t{128 - F.bias} << 23);
  constexpr auto kPerStep = std::bit_cast<float>(std::uint32_t{126 + F.bias + F.mantissa} << 23);
  for (std::size_t i = 0; i < n; ++i) {
    const float y = x[i] / scale;
    float size = std::abs(y);
    size = size < F.largest ? size : F.largest;
    const auto bits = std::bit_cast<std::uint32_t>(size);
    const std::uint32_t normal = ((bits + ((1u << (kDropped - 1)) - 1) + (bits >> kDropped & 1)) >> kDropped) - kRebias;
    const auto counted = static_cast<std::uint32_t>(static_cast<std::int32_t>((size * kPerStep + kRounder) - kRounder));
    const std::uint32_t code = size < kSmallestNormal ? counted : normal;
    codes[i] = static_cast<std::int8_t>(code | (std::bit_cast<std::uint32_t>(y) >> 31) << 7);
  }
}

// The value of every code; NaN and infinity are read as what they are.
std::array<float, 256> values_of(const Float8& f) {
  std::array<float, 256> values;
  const int exponents = 7 - f.mantissa;
  for (int code = 0; code < 256; ++code) {
    const int exponent = code >> f.mantissa & ((1 << exponents) - 1), mantissa = code & ((1 << f.mantissa) - 1);
    float size = exponent == 0
                     ? std::ldexp(static_cast<float>(mantissa), 1 - f.bias - f.mantissa)
                     : std::ldexp(static_cast<float>(mantissa + (1 << f.mantissa)), exponent - f.bias - f.mantissa);
    if (size > f.largest) size = f.mantissa == 2 && mantissa == 0 ? INFINITY : NAN;
    values[static_cast<std::size_t>(code)] = code & 128 ? -size : size;
  }
  return values;
}

template <bool First>
BH_INLINE void add_scaled(const std::int8_t* codes, std::size_t n, float scale, float* total) {
  for (std::size_t i = 0; i < n; ++i) {
    const float value = static_cast<float>(std::int32_t{codes[i]}) * scale;
    total[i] = First ? value : total[i] + value;
  }
}

BH_INLINE void nibbles(const std::int8_t* codes, std::size_t half, std::uint8_t* packed) {
  for (std::size_t j = 0; j < half; ++j)
    packed[j] = static_cast<std::uint8_t>((codes[j] & 15) | (codes[half + j] & 15) << 4);
}

BH_INLINE void bytes_of_nibbles(const std::uint8_t* packed, std::size_t half, std::int8_t* codes) {
  for (std::size_t j = 0; j < half; ++j) {
    codes[j] = static_cast<std::int8_t>((((packed[j] & 15) ^ 8)) - 8);
    codes[half + j] = static_cast<std::int8_t>((((packed[j] >> 4) ^ 8)) - 8);
  }
}

}  // namespace

BH_MULTIVERSION void nearest_codes(const float* x, std::size_t n, float scale, float most, std::int8_t* codes) {
  code_nearest(x, n, scale, most, codes);
}
BH_MULTIVERSION void stochastic_codes(const float* x, const std::uint16_t* draws, std::size_t n, float scale,
                                      float most, std::int8_t* codes) {
  code_stochastic(x, draws, n, scale, most, codes);
}
BH_MULTIVERSION void e4m3_codes(const float* x, std::size_t n, float scale, std::int8_t* codes) {
  code_float8<kE4M3>(x, n, scale, codes);
}
BH_MULTIVERSION void e5m2_codes(const float* x, std::size_t n, float scale, std::int8_t* codes) {
  code_float8<kE5M2>(x, n, scale, codes);
}
BH_MULTIVERSION void write_scaled(const std::int8_t* codes, std::size_t n, float scale, float* total) {
  add_scaled<true>(codes, n, scale, total);
}
BH_MULTIVERSION void add_scaled_to(const std::int8_t* codes, std::size_t n, float scale, float* total) {
  add_scaled<false>(codes, n, scale, total);
}
BH_MULTIVERSION void pack_nibbles(const std::int8_t* codes, std::size_t half, std::uint8_t* packed) {
  nibbles(codes, half, packed);
}
BH_MULTIVERSION void unpack_nibbles(const std::uint8_t* packed, std::size_t half, std::int8_t* codes) {
  bytes_of_nibbles(packed, half, codes);
}

// The largest absolute value by its bits, among which NaN is above infinity, and the sum of squares in fixed lanes.
BH_MULTIVERSION std::uint32_t largest_bits(const float* x, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]) & 0x7FFFFFFF;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}
BH_MULTIVERSION double block_squares(const float* x, std::size_t n) {
  double sums[kSums] = {};
  for (std::size_t i = 0; i < n; i += kSums)
    for (std::size_t lane = 0; lane < kSums; ++lane)
      sums[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(x[i + lane]);
  for (std::size_t half = kSums / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

namespace {

float scale_of(const float* x, const BlockFormat& format) {
  const std::uint32_t largest = largest_bits(x, format.block);
  float norm = std::bit_cast<float>(largest);
  if (largest < kInfinity && format.norm == BlockNorm::euclidean)
    norm = static_cast<float>(std::sqrt(block_squares(x, format.block)));
  if (!(norm <= std::numeric_limits<float>::max())) return std::numeric_limits<float>::quiet_NaN();
  const float scale = norm / largest_code(format.code);
  return format.short_scale ? std::bit_cast<float>((std::bit_cast<std::uint32_t>(scale) + 0xFFFF) & 0xFFFF0000) : scale;
}

void store_scale(float scale, bool short_scale, std::uint8_t* to) {
  const auto bits = std::bit_cast<std::uint32_t>(scale);
  const auto upper = static_cast<std::uint16_t>(bits >> 16);
  short_scale ? std::memcpy(to, &upper, sizeof upper) : std::memcpy(to, &bits, sizeof bits);
}

float load_scale(const std::uint8_t* from, bool short_scale) {
  std::uint32_t bits = 0;
  std::uint16_t upper = 0;
  if (!short_scale) {
    std::memcpy(&bits, from, sizeof bits);
    return std::bit_cast<float>(bits);
  }
  std::memcpy(&upper, from, sizeof upper);
  return std::bit_cast<float>(std::uint32_t{upper} << 16);
}

void code(const float* x, std::size_t n, float scale, BlockCode kind, const std::uint16_t* draws, std::int8_t* codes) {
  if (!(scale > 0)) return static_cast<void>(std::fill_n(codes, n, std::int8_t{0}));
  switch (kind) {
    case BlockCode::e4m3: return e4m3_codes(x, n, scale, codes);
    case BlockCode::e5m2: return e5m2_codes(x, n, scale, codes);
    case BlockCode::int4:
    case BlockCode::int8: break;
  }
  if (draws)
    stochastic_codes(x, draws, n, scale, largest_code(kind), codes);
  else
    nearest_codes(x, n, scale, largest_code(kind), codes);
}

}  // namespace

void block_encode(std::span<const float> x, const BlockFormat& format, const std::optional<Dither>& dither,
                  std::span<std::uint8_t> message) {
  const std::size_t blocks = x.size() / format.block, n = format.block;
  std::uint8_t* packed = message.data() + blocks * format.scale_bytes();
  Draws draws(dither.value_or(Dither{}));
  const std::uint64_t first = dither ? dither->first : 0;
  std::vector<std::int8_t> codes(n);
  for (std::size_t b = 0; b < blocks; ++b) {
    const float* from = x.data() + b * n;
    const float scale = scale_of(from, format);
    store_scale(scale, format.short_scale, message.data() + b * format.scale_bytes());
    each_drawn(first + b * n, n, [&](std::size_t at, std::size_t size) {
      code(from + at, size, scale, format.code, dither ? draws.at(first + b * n + at) : nullptr, codes.data() + at);
    });
    if (format.code == BlockCode::int4)
      pack_nibbles(codes.data(), n / 2, packed + b * n / 2);
    else
      std::memcpy(packed + b * n, codes.data(), n);
  }
}

void block_accumulate(std::span<const std::uint8_t> message, const BlockFormat& format, bool first,
                      std::span<float> total) {
  const std::size_t blocks = total.size() / format.block, n = format.block;
  const std::uint8_t* packed = message.data() + blocks * format.scale_bytes();
  const bool floats = format.code == BlockCode::e4m3 || format.code == BlockCode::e5m2;
  const std::array<float, 256> values = values_of(format.code == BlockCode::e5m2 ? kE5M2 : kE4M3);
  std::vector<std::int8_t> codes(n);
  for (std::size_t b = 0; b < blocks; ++b) {
    const float scale = load_scale(message.data() + b * format.scale_bytes(), format.short_scale);
    float* to = total.data() + b * n;
    if (floats) {
      for (std::size_t i = 0; i < n; ++i) {
        const float value = values[packed[b * n + i]] * scale;
        to[i] = first ? value : to[i] + value;
      }
      continue;
    }
    if (format.code == BlockCode::int4)
      unpack_nibbles(packed + b * n / 2, n / 2, codes.data());
    else
      std::memcpy(codes.data(), packed + b * n, n);
    if (first)
      write_scaled(codes.data(), n, scale, to);
    else
      add_scaled_to(codes.data(), n, scale, to);
  }
}

}  // namespace bh::gradients
