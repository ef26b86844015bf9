#include "gradients/block_codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/parallel.h"
#include "support/simd.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kSums = 16;
constexpr std::size_t kNear = 4096;        // coordinates whose codes stay near while they are packed
constexpr std::size_t kWorthAThread = 32;  // such runs take about as long as a thread takes to start
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
    const float small = size < kSmallestNormal ? size : 0;  // others may have more steps than an integer
    const auto counted =
        static_cast<std::uint32_t>(static_cast<std::int32_t>((small * kPerStep + kRounder) - kRounder));
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

template <bool First>
void look_up(const std::uint8_t* codes, std::size_t n, float scale, const std::array<float, 256>& values,
             float* __restrict total) {
  for (std::size_t i = 0; i < n; ++i) {
    const float value = values[codes[i]] * scale;
    total[i] = First ? value : total[i] + value;
  }
}

BH_INLINE void pack_nibbles(const std::int8_t* codes, std::size_t half, std::uint8_t* packed) {
  for (std::size_t j = 0; j < half; ++j)
    packed[j] = static_cast<std::uint8_t>((codes[j] & 15) | (codes[half + j] & 15) << 4);
}

BH_INLINE void unpack_nibbles(const std::uint8_t* packed, std::size_t half, std::int8_t* codes) {
  for (std::size_t j = 0; j < half; ++j) {
    codes[j] = static_cast<std::int8_t>((((packed[j] & 15) ^ 8)) - 8);
    codes[half + j] = static_cast<std::int8_t>((((packed[j] >> 4) ^ 8)) - 8);
  }
}

// The largest absolute value by its bits, among which NaN is above infinity.
BH_INLINE std::uint32_t largest_bits(const float* x, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]) & 0x7FFFFFFF;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

// The sum of squares in fixed lanes.
BH_INLINE double squares(const float* x, std::size_t n) {
  double sums[kSums] = {};
  for (std::size_t i = 0; i < n; i += kSums)
    for (std::size_t lane = 0; lane < kSums; ++lane)
      sums[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(x[i + lane]);
  for (std::size_t half = kSums / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

}  // namespace

// Each takes several blocks of n, so that small ones cost no call each. A block without a positive scale has codes 0.
#define BH_CODES(name, work)                                                                                       \
  BH_MULTIVERSION void name(const float* x, [[maybe_unused]] const std::uint16_t* draws, std::size_t blocks,       \
                            std::size_t n, const float* scales, [[maybe_unused]] float most, std::int8_t* codes) { \
    for (std::size_t b = 0; b < blocks; ++b, x += n, codes += n) {                                                 \
      const float scale = scales[b];                                                                               \
      if (scale > 0)                                                                                               \
        work;                                                                                                      \
      else                                                                                                         \
        std::fill_n(codes, n, std::int8_t{0});                                                                     \
    }                                                                                                              \
  }
BH_CODES(nearest_codes, code_nearest(x, n, scale, most, codes))
BH_CODES(stochastic_codes, code_stochastic(x, draws + b * n, n, scale, most, codes))
BH_CODES(e4m3_codes, code_float8<kE4M3>(x, n, scale, codes))
BH_CODES(e5m2_codes, code_float8<kE5M2>(x, n, scale, codes))
#undef BH_CODES

BH_MULTIVERSION void largest_of_blocks(const float* x, std::size_t blocks, std::size_t n, std::uint32_t* largest) {
  for (std::size_t b = 0; b < blocks; ++b) largest[b] = largest_bits(x + b * n, n);
}
BH_MULTIVERSION void squares_of_blocks(const float* x, std::size_t blocks, std::size_t n, double* sums) {
  for (std::size_t b = 0; b < blocks; ++b) sums[b] = squares(x + b * n, n);
}
BH_MULTIVERSION void pack_blocks(const std::int8_t* codes, std::size_t blocks, std::size_t n, std::uint8_t* packed) {
  for (std::size_t b = 0; b < blocks; ++b) pack_nibbles(codes + b * n, n / 2, packed + b * n / 2);
}
BH_MULTIVERSION void unpack_blocks(const std::uint8_t* packed, std::size_t blocks, std::size_t n, std::int8_t* codes) {
  for (std::size_t b = 0; b < blocks; ++b) unpack_nibbles(packed + b * n / 2, n / 2, codes + b * n);
}
BH_MULTIVERSION void write_blocks(const std::int8_t* codes, std::size_t blocks, std::size_t n, const float* scales,
                                  float* total) {
  for (std::size_t b = 0; b < blocks; ++b) add_scaled<true>(codes + b * n, n, scales[b], total + b * n);
}
BH_MULTIVERSION void add_blocks(const std::int8_t* codes, std::size_t blocks, std::size_t n, const float* scales,
                                float* total) {
  for (std::size_t b = 0; b < blocks; ++b) add_scaled<false>(codes + b * n, n, scales[b], total + b * n);
}

namespace {

float scale_of(std::uint32_t largest, double sum, const BlockFormat& format) {
  float norm = std::bit_cast<float>(largest);
  if (largest < kInfinity && format.norm == BlockNorm::euclidean) norm = static_cast<float>(std::sqrt(sum));
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

auto coder(BlockCode kind, bool stochastic) {
  switch (kind) {
    case BlockCode::e4m3: return e4m3_codes;
    case BlockCode::e5m2: return e5m2_codes;
    case BlockCode::int4:
    case BlockCode::int8: break;
  }
  return stochastic ? stochastic_codes : nearest_codes;
}

// Calls work(first block, how many) for runs of blocks that stay near, in as many threads.
template <typename Work>
void each_run(std::size_t blocks, std::size_t n, std::size_t threads, const Work& work) {
  const std::size_t together = std::max<std::size_t>(kNear / n, 1), runs = (blocks + together - 1) / together;
  share(runs, std::min(threads, runs / kWorthAThread), [&](std::uint64_t first, std::uint64_t last) {
    work(first * together, std::min<std::size_t>(last * together, blocks), together);
  });
}

}  // namespace

void block_encode(std::span<const float> x, const BlockFormat& format, const std::optional<Dither>& dither,
                  std::size_t threads, std::span<std::uint8_t> message) {
  const std::size_t all = x.size() / format.block, n = format.block;
  std::uint8_t* const packed = message.data() + all * format.scale_bytes();
  each_run(all, n, threads, [&](std::size_t begin, std::size_t end, std::size_t together) {
    Draws draws(dither.value_or(Dither{}));
    std::vector<std::uint32_t> largest(together);
    std::vector<double> sums(together);
    std::vector<float> scales(together);
    std::vector<std::uint16_t> drawn(dither ? together * n : 0);
    std::vector<std::int8_t> codes(together * n);
    for (std::size_t b = begin; b < end; b += together) {
      const std::size_t blocks = std::min(together, end - b);
      const float* from = x.data() + b * n;
      largest_of_blocks(from, blocks, n, largest.data());
      if (format.norm == BlockNorm::euclidean) squares_of_blocks(from, blocks, n, sums.data());
      for (std::size_t k = 0; k < blocks; ++k) {
        scales[k] = scale_of(largest[k], sums[k], format);
        store_scale(scales[k], format.short_scale, message.data() + (b + k) * format.scale_bytes());
      }
      if (dither) draws.copy(dither->first + b * n, std::span(drawn).first(blocks * n));
      std::int8_t* const into =
          format.code == BlockCode::int4 ? codes.data() : reinterpret_cast<std::int8_t*>(packed) + b * n;
      coder(format.code, dither.has_value())(from, drawn.data(), blocks, n, scales.data(), largest_code(format.code),
                                             into);
      if (format.code == BlockCode::int4) pack_blocks(into, blocks, n, packed + b * n / 2);
    }
  });
}

void block_accumulate(std::span<const std::uint8_t> message, const BlockFormat& format, bool first, std::size_t threads,
                      std::span<float> total) {
  const std::size_t all = total.size() / format.block, n = format.block;
  const std::uint8_t* const packed = message.data() + all * format.scale_bytes();
  const bool floats = format.code == BlockCode::e4m3 || format.code == BlockCode::e5m2;
  const std::array<float, 256> values = values_of(format.code == BlockCode::e5m2 ? kE5M2 : kE4M3);
  each_run(all, n, threads, [&](std::size_t begin, std::size_t end, std::size_t together) {
    std::vector<float> scales(together);
    std::vector<std::int8_t> codes(format.code == BlockCode::int4 ? together * n : 0);
    for (std::size_t b = begin; b < end; b += together) {
      const std::size_t blocks = std::min(together, end - b);
      for (std::size_t k = 0; k < blocks; ++k)
        scales[k] = load_scale(message.data() + (b + k) * format.scale_bytes(), format.short_scale);
      float* const to = total.data() + b * n;
      if (floats) {
        for (std::size_t k = 0; k < blocks; ++k)
          (first ? look_up<true> : look_up<false>)(packed + (b + k) * n, n, scales[k], values, to + k * n);
        continue;
      }
      const auto* from = reinterpret_cast<const std::int8_t*>(packed) + b * n;
      if (format.code == BlockCode::int4) {
        unpack_blocks(packed + b * n / 2, blocks, n, codes.data());
        from = codes.data();
      }
      (first ? write_blocks : add_blocks)(from, blocks, n, scales.data(), to);
    }
  });
}

}  // namespace bh::gradients
