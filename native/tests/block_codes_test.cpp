#include "gradients/block_codes.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;
using gradients::BlockCode;
using gradients::BlockFormat;
using gradients::BlockNorm;

namespace {

std::vector<float> numbers(std::size_t n) {
  std::vector<float> x(n);
  std::uint32_t state = 1;
  for (float& value : x) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
  }
  return x;
}

std::vector<float> through(const std::vector<float>& x, const BlockFormat& format,
                           const std::optional<gradients::Dither>& dither = std::nullopt) {
  std::vector<std::uint8_t> message(format.message_bytes(x.size()));
  std::vector<float> found(x.size());
  gradients::block_encode(x, format, dither, 1, message);
  gradients::block_accumulate(message, format, true, 1, found);
  return found;
}

void errors_stay_within_a_step() {
  for (const BlockCode code : {BlockCode::int4, BlockCode::int8})
    for (const std::size_t block : {16, 32, 256, 4096})
      for (const bool short_scale : {false, true})
        for (const bool stochastic : {false, true}) {
          const std::vector<float> x = numbers(2 * block);
          const BlockFormat format{code, BlockNorm::largest, short_scale, block};
          const auto dither = stochastic ? std::optional(gradients::Dither{1, 2, 48}) : std::nullopt;
          const std::vector<float> found = through(x, format, dither);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const float step = 1.01f / (code == BlockCode::int4 ? 7 : 127);
            CHECK(std::abs(found[i] - x[i]) <= step * (stochastic ? 1.0f : 0.5f));
          }
        }
}

void floats_of_8_bits_keep_their_digits() {
  for (const auto& [code, digits, smallest] :
       {std::tuple{BlockCode::e4m3, 0x1p-4f, 0x1p-6f / 448}, std::tuple{BlockCode::e5m2, 0x1p-3f, 0x1p-14f / 57344}}) {
    const std::vector<float> x = numbers(512);
    const std::vector<float> found = through(x, {code, BlockNorm::largest, false, 512});
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(std::abs(found[i] - x[i]) <= digits * (1.01f * std::abs(x[i]) + smallest));
  }
}

// A block whose largest value is the largest code has the scale 1: every value of the format comes back.
void every_code_is_a_fixed_point() {
  for (const BlockCode code : {BlockCode::int8, BlockCode::e4m3, BlockCode::e5m2}) {
    const BlockFormat format{code, BlockNorm::largest, false, 256};
    std::vector<std::uint8_t> message(format.message_bytes(256));
    const auto one = std::bit_cast<std::uint32_t>(1.0f);
    for (int i = 0; i < 4; ++i) message[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(one >> 8 * i);
    for (std::size_t i = 0; i < 256; ++i) message[4 + i] = static_cast<std::uint8_t>(i);
    std::vector<float> values(256);
    gradients::block_accumulate(message, format, true, 1, values);
    for (float& value : values)
      if (!std::isfinite(value) || value == -128) value = 0;
    const std::vector<float> found = through(values, format);
    for (std::size_t i = 0; i < 256; ++i) CHECK(found[i] == values[i]);
  }
}

void messages_add_up() {
  const BlockFormat format{BlockCode::int4, BlockNorm::euclidean, false, 32};
  const std::vector<float> x = numbers(64), once = through(x, format);
  std::vector<std::uint8_t> message(format.message_bytes(64));
  gradients::block_encode(x, format, std::nullopt, 1, message);
  std::vector<float> total(64);
  gradients::block_accumulate(message, format, true, 1, total);
  gradients::block_accumulate(message, format, false, 1, total);
  for (std::size_t i = 0; i < 64; ++i) CHECK(total[i] == 2 * once[i]);
}

void blocks_are_zero_or_not_a_number_as_a_whole() {
  for (const BlockCode code : {BlockCode::int4, BlockCode::int8, BlockCode::e4m3, BlockCode::e5m2})
    for (const BlockNorm norm : {BlockNorm::largest, BlockNorm::euclidean})
      for (const bool short_scale : {false, true}) {
        std::vector<float> x(48);
        x[17] = std::numeric_limits<float>::infinity();
        x[20] = -std::numeric_limits<float>::quiet_NaN();
        x[40] = 0x1p-149f;  // too small for a scale
        const std::vector<float> found = through(x, {code, norm, short_scale, 16});
        for (std::size_t i = 0; i < 48; ++i) CHECK(i / 16 == 1 ? std::isnan(found[i]) : std::abs(found[i]) < 1e-37f);
      }
}

void bytes_do_not_depend_on_threads() {
  const std::vector<float> x = numbers(201 * 4096);
  for (const std::size_t block : {16, 64, 4096})
    for (const bool stochastic : {false, true}) {
      const BlockFormat format{block == 64 ? BlockCode::int4 : BlockCode::int8, BlockNorm::largest, false, block};
      const auto dither = stochastic ? std::optional(gradients::Dither{1, 2, 3 * block}) : std::nullopt;
      std::vector<std::uint8_t> alone(format.message_bytes(x.size())), together(alone.size());
      gradients::block_encode(x, format, dither, 1, alone);
      gradients::block_encode(x, format, dither, 4, together);
      CHECK(alone == together);
      std::vector<float> one(x), many(x);
      gradients::block_accumulate(alone, format, false, 1, one);
      gradients::block_accumulate(alone, format, false, 4, many);
      CHECK(one == many);
    }
}

void any_bytes_are_a_message() {
  for (const BlockCode code : {BlockCode::int4, BlockCode::int8, BlockCode::e4m3, BlockCode::e5m2}) {
    const BlockFormat format{code, BlockNorm::largest, true, 64};
    std::vector<std::uint8_t> message(format.message_bytes(640));
    for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 37);
    std::vector<float> total(640);
    gradients::block_accumulate(message, format, false, 1, total);
  }
}

}  // namespace

int main() {
  errors_stay_within_a_step();
  floats_of_8_bits_keep_their_digits();
  every_code_is_a_fixed_point();
  messages_add_up();
  blocks_are_zero_or_not_a_number_as_a_whole();
  bytes_do_not_depend_on_threads();
  any_bytes_are_a_message();
}
