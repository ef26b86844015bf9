// The scale of a block of values, in one or two bytes.
#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bh::quantization {

// In the order in which the bytes of codes number them. E8M0 is a power of two without sign (OCP Microscaling 1.0).
enum class Scale : std::uint8_t { none, float16, bfloat16, e8m0 };

constexpr std::size_t scale_bytes(Scale scale) { return scale == Scale::none ? 0 : scale == Scale::e8m0 ? 1 : 2; }

// The numbers that a type of scale can hold, as doubles. Every one of them is a float too.
class ScaleGrid {
 public:
  explicit ScaleGrid(Scale scale)
      : signed_(scale != Scale::e8m0),
        mantissa_(scale == Scale::float16    ? 10
                  : scale == Scale::bfloat16 ? 7
                                             : 0),
        bias_(scale == Scale::float16 ? 15 : 127),
        least_(std::ldexp(1.0, signed_ ? 1 - bias_ : -bias_)),
        step_(signed_ ? std::ldexp(least_, -mantissa_) : least_),
        magic_(std::ldexp(1.5 * step_, 52)),
        most_(scale == Scale::float16    ? 65504
              : scale == Scale::bfloat16 ? 0x1.fep127
                                         : 0x1p127) {}

  bool has_sign() const { return signed_; }
  double least() const { return step_; }  // above 0

  // The nearest one, ties to even, at most the largest. Without sign, only what is positive may be asked for.
  double nearest(double scale) const {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(scale), magnitude = bits & ~sign;
    const double size = std::bit_cast<double>(magnitude);
    const int dropped = 52 - mantissa_;
    const std::uint64_t half = (std::uint64_t{1} << (dropped - 1)) - 1 + (magnitude >> dropped & 1);
    const double rounded = std::bit_cast<double>((magnitude + half) >> dropped << dropped);
    const double large = rounded < most_ ? rounded : most_, small = signed_ ? (size + magic_) - magic_ : least_;
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(size > least_ ? large : small) | (bits & sign));
  }

  // The nearest one that is not closer to 0, if there is any.
  double enclosing(double scale) const {
    const double rounded = nearest(scale);
    if (std::abs(rounded) >= std::abs(scale) || std::abs(rounded) >= most_) return rounded;
    return value(static_cast<std::uint16_t>(bits(rounded) + 1));
  }

  std::uint16_t bits(double scale) const {
    const double size = std::abs(scale);
    const std::uint16_t sign = signed_ && std::signbit(scale) ? 0x8000 : 0;
    if (signed_ && size < least_) return sign | static_cast<std::uint16_t>(size / step_);
    const std::uint64_t shifted = std::bit_cast<std::uint64_t>(size) >> (52 - mantissa_);
    return sign | static_cast<std::uint16_t>(shifted - (static_cast<std::uint64_t>(1023 - bias_) << mantissa_));
  }

  double value(std::uint16_t bits) const {
    const std::uint64_t size = signed_ ? bits & 0x7FFF : bits;
    const bool small = signed_ && size >> mantissa_ == 0;
    const std::uint64_t shifted = size + (static_cast<std::uint64_t>(1023 - bias_) << mantissa_);
    const double unsigned_value =
        small ? static_cast<double>(size) * step_ : std::bit_cast<double>(shifted << (52 - mantissa_));
    return signed_ && bits >> 15 ? -unsigned_value : unsigned_value;
  }

  bool finite(std::uint16_t bits) const {
    return ((signed_ ? bits & 0x7FFF : bits) >> mantissa_) < (signed_ && bias_ == 15 ? 31 : 255);
  }

 private:
  bool signed_;
  int mantissa_, bias_;
  double least_, step_, magic_, most_;
};

}  // namespace bh::quantization
