#include "gradients/lanes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;

namespace {

// The sum of n workers' containers holds the sums, at the bound of the lanes too.
template <typename Value, typename Container>
void sums_of_containers(int width, std::size_t size, std::uint32_t workers) {
  const std::uint32_t most = ((1u << width) - 1) / workers;
  const std::size_t lanes = 8 * sizeof(Container) / static_cast<std::size_t>(width);
  std::vector<Container> total((size + lanes - 1) / lanes, 0);
  std::vector<std::uint32_t> sums(size, 0);
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    std::vector<Value> values(size);
    for (std::size_t i = 0; i < size; ++i)
      values[i] = static_cast<Value>(i % 5 == 0 ? most : (i * 7919 + worker * 104729) % (most + 1));
    std::vector<Container> packed(total.size());
    gradients::pack_lanes<Value, Container>(values, width, packed);
    using Bits = std::make_unsigned_t<Container>;
    for (std::size_t c = 0; c < total.size(); ++c)
      total[c] = static_cast<Container>(static_cast<Bits>(total[c]) + static_cast<Bits>(packed[c]));
    for (std::size_t i = 0; i < size; ++i) sums[i] += values[i];
  }
  std::vector<Value> found(size);
  gradients::unpack_lanes<Value, Container>(total, width, found);
  for (std::size_t i = 0; i < size; ++i) CHECK(found[i] == sums[i]);
}

void no_carry_crosses_a_lane() {
  for (const std::uint32_t workers : {1u, 3u, 15u})
    for (const std::size_t size : {1, 6, 7, 511, 6151}) {
      sums_of_containers<std::uint8_t, std::int32_t>(5, size, workers);
      sums_of_containers<std::uint8_t, std::int64_t>(6, size, workers);
      sums_of_containers<std::uint8_t, std::int64_t>(7, size, workers);
      sums_of_containers<std::uint16_t, std::int64_t>(9, size, workers);
      sums_of_containers<std::uint16_t, std::int32_t>(10, size, workers);
      sums_of_containers<std::uint16_t, std::int64_t>(12, size, workers);
      sums_of_containers<std::uint16_t, std::int32_t>(16, size, workers);
    }
}

void lanes_lie_where_they_should() {
  const std::vector<std::uint8_t> values = {1, 2, 3, 4, 5, 6, 7};
  std::vector<std::int32_t> packed(2);
  gradients::pack_lanes<std::uint8_t, std::int32_t>(values, 5, packed);
  CHECK(packed[0] == (1 | 3 << 5 | 5 << 10 | 7 << 15));
  CHECK(packed[1] == (2 | 4 << 5 | 6 << 10));
}

void decoding_rounds_twice() {
  std::vector<std::uint16_t> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint16_t>(65535 - i);
  std::vector<float> found(values.size());
  gradients::decode_lanes<std::uint16_t>(values, 0.1f, 3276.7f, found);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const volatile float product = static_cast<float>(values[i]) * 0.1f;
    CHECK(found[i] == product - 3276.7f);
  }
  const std::vector<std::uint8_t> bytes = {0, 1, 255};
  found.resize(3);
  gradients::decode_lanes<std::uint8_t>(bytes, 2, 1, found);
  CHECK(found[0] == -1 && found[1] == 1 && found[2] == 509);
}

// Blocks of 1024 in 16 lanes, then neighbors of a tree.
double plain_squares(const std::vector<float>& x) {
  std::vector<double> blocks(std::bit_ceil(std::max<std::size_t>(1, (x.size() + 1023) / 1024)));
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    double lanes[16] = {};
    for (std::size_t i = 1024 * block; i < std::min(x.size(), 1024 * (block + 1)); ++i)
      lanes[i % 16] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    for (int half = 8; half > 0; half /= 2)
      for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    blocks[block] = lanes[0];
  }
  for (std::size_t left = blocks.size(); left > 1; left /= 2)
    for (std::size_t i = 0; i < left / 2; ++i) blocks[i] = blocks[2 * i] + blocks[2 * i + 1];
  return blocks[0];
}

void squares_have_the_same_bits_everywhere() {
  for (const std::size_t size : {0, 1, 15, 16, 1003, 1024, 1025, 2048, 3072, 5000, 8192, 70001}) {
    std::vector<float> x(size);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sqrt(static_cast<double>(i) + 0.1));
    CHECK(gradients::sum_of_squares(x) == plain_squares(x));
    if (size == 0) continue;
    x[size / 2] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(gradients::sum_of_squares(x)));
  }
}

}  // namespace

int main() {
  no_carry_crosses_a_lane();
  lanes_lie_where_they_should();
  decoding_rounds_twice();
  squares_have_the_same_bits_everywhere();
}
