// Blocks of coordinates that share a scale: BlockInt, BlockFloat8 and QSGD. A message is the scales of its blocks, then
// their codes.
//
// The scale of a block is its largest absolute value, or its Euclidean norm, over the largest code. A block that is not
// finite has the scale NaN, and so decodes to NaN; a block of zeros has the scale 0.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "gradients/dither.h"

namespace bh::gradients {

// Integers are two's complement; of int4, byte j of a block holds code j in its low and code block / 2 + j in its high
// half. Floats are the OCP 8-bit formats, of which only finite codes are written.
enum class BlockCode : std::uint8_t { int4, int8, e4m3, e5m2 };
enum class BlockNorm : std::uint8_t { largest, euclidean };

struct BlockFormat {
  BlockCode code = BlockCode::int8;
  BlockNorm norm = BlockNorm::largest;
  bool short_scale = false;  // bfloat16 rounded up, in place of float32
  std::size_t block = 256;   // a multiple of 16

  std::size_t scale_bytes() const { return short_scale ? 2 : 4; }
  std::size_t code_bytes(std::size_t n) const { return code == BlockCode::int4 ? n / 2 : n; }
  std::size_t message_bytes(std::size_t n) const { return n / block * scale_bytes() + code_bytes(n); }
};

// Codes x.size() coordinates, a multiple of the block. Integers are rounded to the nearest, ties to even, or with
// `dither` at random to one of the two around; floats to the nearest only.
void block_encode(std::span<const float> x, const BlockFormat& format, const std::optional<Dither>& dither,
                  std::size_t threads, std::span<std::uint8_t> message);

// Adds, or if `first` writes, what a message stands for. What it says is untrusted: all values are defined.
void block_accumulate(std::span<const std::uint8_t> message, const BlockFormat& format, bool first, std::size_t threads,
                      std::span<float> total);

}  // namespace bh::gradients
