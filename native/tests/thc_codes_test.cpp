// Instruction sets: thc_kernels_v3 thc_kernels_v4
#include "gradients/thc_codes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "support/random.h"

namespace gradients = bh::gradients;

namespace {

constexpr gradients::SeedAndStream kDraws{0xe99ff867dbf682c9, 7};
const std::vector<bh::Isa> kWidths = [] {
  std::vector<bh::Isa> widths = {bh::Isa::v1};
  if (bh::isa() >= bh::Isa::v3) widths.push_back(bh::Isa::v3);
  if (bh::isa() >= bh::Isa::v4) widths.push_back(bh::Isa::v4);
  return widths;
}();

std::vector<std::uint16_t> all_points(int granularity) {
  std::vector<std::uint16_t> points;
  for (int i = 0; i <= granularity; ++i) points.push_back(static_cast<std::uint16_t>(i));
  return points;
}
const std::vector<std::vector<std::uint16_t>> kTables = {
    {0, 6, 10, 16},
    {0, 3, 5, 7, 9, 11, 13, 16},
    {0, 3, 5, 7, 9, 11, 13, 14, 15, 17, 19, 21, 23, 25, 27, 30},
    {0, 8, 13, 17, 21, 24, 27, 30, 33, 36, 39, 42, 46, 50, 55, 63},
    {0, 13, 26, 33, 40, 47, 53, 60, 67, 74, 80, 87, 94, 101, 114, 127},
    {0, 50, 70, 130},
    {0, 1, 1022, 1023},
    all_points(3),
    all_points(7),
    all_points(15)};

std::uint32_t draw(std::size_t i, std::uint64_t stream = kDraws.stream) {
  const std::size_t counter = (i >> 9) << 6 | (i & 63);
  const bh::Quad words =
      bh::philox({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                  static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32) | 4u << 24},
                 static_cast<std::uint32_t>(kDraws.seed), static_cast<std::uint32_t>(kDraws.seed >> 32));
  return words[i >> 6 & 3] >> (i >> 8 & 1) * 16 & 0xFFFF;
}

// One coordinate by the rule, with tables of the granularity.
std::uint16_t code(float h, float scale, const std::vector<std::uint16_t>& points, std::size_t i) {
  const auto most = static_cast<float>(points.back());
  const volatile float product = h * scale;
  const volatile float moved = product + most / 2;
  const float u = moved > 0 ? std::min(float{moved}, most) : 0;
  std::size_t low = points.size() - 2;
  while (static_cast<float>(points[low]) > u) --low;
  const volatile float inverse = 65536.0f / static_cast<float>(points[low + 1] - points[low]);
  const volatile float share = (u - static_cast<float>(points[low])) * inverse;
  return static_cast<std::uint16_t>(low + (static_cast<float>(draw(i)) + 0.5f < share));
}

std::vector<float> coordinates(std::size_t n) {
  std::vector<float> h(n);
  for (std::size_t i = 0; i < n; ++i) h[i] = static_cast<float>(std::sin(static_cast<double>(i) * 12.9898) * 1.2);
  h[3] = std::numeric_limits<float>::quiet_NaN();
  h[4] = std::numeric_limits<float>::infinity();
  h[5] = -std::numeric_limits<float>::infinity();
  h[6] = 0;
  return h;
}

std::uint16_t unpacked(const std::vector<std::uint8_t>& packed, int bits, std::size_t i) {
  const std::uint8_t* group = &packed[gradients::packed_bytes(i / 512 * 512, bits)];
  const std::size_t j = i % 512;
  if (bits == 4) return group[j % 256] >> j / 256 * 4 & 15;
  if (bits == 2) return group[j % 128] >> j / 128 * 2 & 3;
  std::uint16_t found = 0;
  for (int plane = 0; plane < 3; ++plane)
    found |= static_cast<std::uint16_t>((group[64 * plane + j / 8] >> j % 8 & 1) << plane);
  return found;
}

void codes_follow_the_rule_on_every_width() {
  for (const std::vector<std::uint16_t>& points : kTables)
    for (const std::size_t size : {512u, 1536u, 2048u, 6144u}) {
      const std::vector<float> h = coordinates(size);
      const int bits = points.size() == 4 ? 2 : points.size() == 8 ? 3 : 4;
      const float scale = static_cast<float>(points.back()) / 2;
      for (const bh::Isa width : kWidths) {
        std::vector<std::uint8_t> packed(gradients::packed_bytes(size, bits));
        const std::size_t outside = gradients::encode(h, scale, points, bits, kDraws, 1, packed, width);
        std::vector<std::uint16_t> wide(size);
        CHECK(gradients::round_to_points<std::uint16_t>(h, scale, points, kDraws, 1, wide, width) == outside);
        std::size_t beyond = 0;
        for (std::size_t i = 0; i < size; ++i) {
          const std::uint16_t expected = code(h[i], scale, points, i);
          CHECK(unpacked(packed, bits, i) == expected);
          CHECK(wide[i] == points[expected]);
          beyond += std::abs(h[i]) > 1.0f + 1e-6f;
        }
        CHECK(outside == beyond);
        if (points.back() > 255) continue;
        std::vector<std::uint8_t> narrow(size);
        gradients::round_to_points<std::uint8_t>(h, scale, points, kDraws, 1, narrow, width);
        CHECK(std::equal(narrow.begin(), narrow.end(), wide.begin()));
      }
    }
}

void threads_change_nothing() {
  const std::vector<float> h = coordinates(1100 * 2048 - 512);
  for (const std::vector<std::uint16_t>& points : {kTables[2], kTables.back()}) {
    std::vector<std::uint8_t> alone(h.size() / 2), together(h.size() / 2);
    const std::size_t outside = gradients::encode(h, 15.0f, points, 4, kDraws, 1, alone, bh::isa());
    CHECK(gradients::encode(h, 15.0f, points, 4, kDraws, 4, together, bh::isa()) == outside);
    CHECK(alone == together);
  }
}

void many_points() {
  const std::vector<float> h = coordinates(4096);
  for (const int granularity : {63, 255, 1023}) {
    const std::vector<std::uint16_t> points = all_points(granularity);
    const float scale = static_cast<float>(granularity) / 2;
    for (const bh::Isa width : kWidths) {
      std::vector<std::uint16_t> found(h.size());
      gradients::round_to_points<std::uint16_t>(h, scale, points, kDraws, 1, found, width);
      for (std::size_t i = 0; i < h.size(); ++i) CHECK(found[i] == code(h[i], scale, points, i));
    }
  }
}

template <typename Sum>
void sums(const std::vector<std::uint16_t>& points, std::uint32_t workers) {
  const int bits = points.size() == 4 ? 2 : points.size() == 8 ? 3 : 4;
  const std::size_t size = 1024;
  std::vector<Sum> total(size, static_cast<Sum>(77));
  std::vector<std::uint32_t> expected(size, 0);
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    std::vector<std::uint8_t> packed(gradients::packed_bytes(size, bits));
    for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<std::uint8_t>(i * 97 + worker * 31 + i / 7);
    gradients::accumulate<Sum>(packed, points, bits, worker == 0, total);
    for (std::size_t i = 0; i < size; ++i) expected[i] += points[unpacked(packed, bits, i)];
  }
  for (std::size_t i = 0; i < size; ++i) CHECK(total[i] == expected[i]);
}

void sums_of_points() {
  for (const std::vector<std::uint16_t>& points : kTables) {
    sums<std::uint16_t>(points, 64);
    if (points.back() <= 255) sums<std::uint8_t>(points, 255u / points.back());
  }
}

void golden_draws() {
  const std::vector<std::size_t> coordinates = {0, 1, 2, 3, 256, 257, 512, 513};
  const std::vector<std::uint32_t> expected = {18359, 21270, 6464, 20341, 42627, 57486, 48690, 34448};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(draw(coordinates[i], 0) == expected[i]);
}

}  // namespace

int main() {
  codes_follow_the_rule_on_every_width();
  threads_change_nothing();
  many_points();
  sums_of_points();
  golden_draws();
}
