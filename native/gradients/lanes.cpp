#include "gradients/lanes.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "support/simd.h"

namespace bh::gradients {
namespace {

constexpr std::size_t kNear = 2048;  // containers that stay near while their lanes are filled one after the other
constexpr std::size_t kSums = 16;
constexpr std::size_t kSquared = 1024;  // values whose squares are added one after the other, in kSums lanes

template <typename Value, typename Container>
BH_INLINE void fill(const Value* values, std::size_t n, int shift, Container* containers) {
  using Bits = std::make_unsigned_t<Container>;
  for (std::size_t i = 0; i < n; ++i)
    containers[i] = static_cast<Container>(static_cast<Bits>(containers[i]) | static_cast<Bits>(values[i]) << shift);
}

template <typename Value, typename Container>
BH_INLINE void take(const Container* containers, std::size_t n, int shift, int width, Value* values) {
  using Bits = std::make_unsigned_t<Container>;
  const auto mask = static_cast<Bits>((Bits{1} << width) - 1);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<Value>(static_cast<Bits>(containers[i]) >> shift & mask);
}

template <typename Value>
BH_INLINE void scale(const Value* values, std::size_t n, float factor, float offset, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(std::int32_t{values[i]}) * factor - offset;
}

// Calls visit(first value, first container, how many, shift) so that each run of containers is finished at once.
template <typename Visit>
void each_lane(std::size_t values, std::size_t containers, int width, const Visit& visit) {
  for (std::size_t c = 0; c < containers; c += kNear)
    for (std::size_t lane = 0; lane * containers + c < values; ++lane) {
      const std::size_t at = lane * containers + c;
      visit(at, c, std::min({kNear, containers - c, values - at}), width * static_cast<int>(lane));
    }
}

}  // namespace

#define BH_LANES(Value, Container)                                                                                  \
  BH_MULTIVERSION void fill_lane(const Value* values, std::size_t n, int shift, Container* containers) {            \
    fill(values, n, shift, containers);                                                                             \
  }                                                                                                                 \
  BH_MULTIVERSION void take_lane(const Container* containers, std::size_t n, int shift, int width, Value* values) { \
    take(containers, n, shift, width, values);                                                                      \
  }
BH_LANES(std::uint8_t, std::int32_t)
BH_LANES(std::uint8_t, std::int64_t)
BH_LANES(std::uint16_t, std::int32_t)
BH_LANES(std::uint16_t, std::int64_t)
#undef BH_LANES

BH_MULTIVERSION void scale_bytes(const std::uint8_t* values, std::size_t n, float factor, float offset, float* out) {
  scale(values, n, factor, offset, out);
}
BH_MULTIVERSION void scale_words(const std::uint16_t* values, std::size_t n, float factor, float offset, float* out) {
  scale(values, n, factor, offset, out);
}

BH_MULTIVERSION void add_squares(const float* x, std::size_t n, double* sums) {
  for (std::size_t i = 0; i < n; i += kSums)
    for (std::size_t lane = 0; lane < kSums; ++lane)
      sums[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(x[i + lane]);
}

template <typename Value, typename Container>
void pack_lanes(std::span<const Value> values, int width, std::span<Container> containers) {
  std::fill(containers.begin(), containers.end(), Container{0});
  each_lane(values.size(), containers.size(), width, [&](std::size_t at, std::size_t c, std::size_t n, int shift) {
    fill_lane(values.data() + at, n, shift, containers.data() + c);
  });
}

template <typename Value, typename Container>
void unpack_lanes(std::span<const Container> containers, int width, std::span<Value> values) {
  each_lane(values.size(), containers.size(), width, [&](std::size_t at, std::size_t c, std::size_t n, int shift) {
    take_lane(containers.data() + c, n, shift, width, values.data() + at);
  });
}

template <typename Value>
void decode_lanes(std::span<const Value> values, float factor, float offset, std::span<float> out) {
  if constexpr (sizeof(Value) == 1)
    scale_bytes(values.data(), values.size(), factor, offset, out.data());
  else
    scale_words(values.data(), values.size(), factor, offset, out.data());
}

namespace {

double sum_of_block(std::span<const float> x) {
  double sums[kSums] = {};
  const std::size_t whole = x.size() / kSums * kSums;
  add_squares(x.data(), whole, sums);
  for (std::size_t i = whole; i < x.size(); ++i)
    sums[i - whole] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (std::size_t half = kSums / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

}  // namespace

double sum_of_squares(std::span<const float> x) {
  if (x.size() <= kSquared) return sum_of_block(x);
  const std::size_t half = std::bit_floor(x.size() - 1);  // at least kSquared, and less than all
  return sum_of_squares(x.first(half)) + sum_of_squares(x.subspan(half));
}

template void pack_lanes(std::span<const std::uint8_t>, int, std::span<std::int32_t>);
template void pack_lanes(std::span<const std::uint8_t>, int, std::span<std::int64_t>);
template void pack_lanes(std::span<const std::uint16_t>, int, std::span<std::int32_t>);
template void pack_lanes(std::span<const std::uint16_t>, int, std::span<std::int64_t>);
template void unpack_lanes(std::span<const std::int32_t>, int, std::span<std::uint8_t>);
template void unpack_lanes(std::span<const std::int64_t>, int, std::span<std::uint8_t>);
template void unpack_lanes(std::span<const std::int32_t>, int, std::span<std::uint16_t>);
template void unpack_lanes(std::span<const std::int64_t>, int, std::span<std::uint16_t>);
template void decode_lanes(std::span<const std::uint8_t>, float, float, std::span<float>);
template void decode_lanes(std::span<const std::uint16_t>, float, float, std::span<float>);

}  // namespace bh::gradients
