// An epoch and a bin in 16 bits: 5 for the bin, 11 for the epoch, which is exact up to 127 and beyond that rounded up
// by less than 1 part in 128. What a key may have lost until its epoch is thus never told too low.
#pragma once
#include <bit>
#include <cstdint>

namespace bh::streams {

class EpochBin {
 public:
  constexpr EpochBin() = default;
  constexpr explicit EpochBin(std::uint16_t bits) : bits_(bits) {}
  constexpr std::uint16_t bits() const { return bits_; }

  constexpr std::uint32_t bin() const { return bits_ & 31u; }
  // 7 bits below a leading one, above a shift of 4 bits; without a shift the leading one is missing.
  constexpr std::uint32_t epoch() const {
    const std::uint32_t shift = bits_ >> 12, low = bits_ >> 5 & 127u;
    return shift == 0 ? low : (128 + low) << (shift - 1);
  }

  constexpr EpochBin with_bin(std::uint32_t bin) const {
    return EpochBin(static_cast<std::uint16_t>((bits_ & ~31u) | bin));
  }
  constexpr EpochBin with_epoch(std::uint32_t epoch) const {  // up to 65,536
    const int excess = std::bit_width(epoch) - 8;
    std::uint32_t code = epoch;  // shift and the bits below the leading one, which carry into the shift
    if (excess >= 0) code = ((epoch + (1u << excess) - 1) >> excess) + (static_cast<std::uint32_t>(excess) << 7);
    return EpochBin(static_cast<std::uint16_t>(code << 5 | bin()));
  }

 private:
  std::uint16_t bits_ = 0;
};

// The epoch as it is kept.
constexpr std::uint32_t rounded_epoch(std::uint32_t epoch) { return EpochBin().with_epoch(epoch).epoch(); }

}  // namespace bh::streams
