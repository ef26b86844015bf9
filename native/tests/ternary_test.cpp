#include "gradients/ternary.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;

namespace {

int code_at(const std::vector<std::uint8_t>& packed, std::size_t i) {
  const std::size_t group = i / 512, within = i % 512;
  return packed[128 * group + within % 128] >> 2 * (within / 128) & 3;
}

void certain_codes_are_where_they_belong() {
  std::vector<float> x(1536);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * 7 % 3) - 1) * 2.5f;
  std::vector<std::uint8_t> packed(x.size() / 4);
  gradients::ternary_encode(x, 2.5f, {1, 2, 0}, packed);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(static_cast<float>(code_at(packed, i) - 1) * 2.5f == x[i]);
}

void the_mean_is_the_value() {
  const std::vector<float> x(512 * 200, -0.75f);
  std::vector<std::uint8_t> packed(x.size() / 4);
  gradients::ternary_encode(x, 3.0f, {1, 2, 0}, packed);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += code_at(packed, i) - 1;
  CHECK(std::abs(sum / static_cast<double>(x.size()) + 0.25) <
        4 * std::sqrt(0.25 * 0.75 / static_cast<double>(x.size())));
}

void a_scale_of_zero_gives_zeros() {
  const std::vector<float> x(512);
  std::vector<std::uint8_t> packed(128);
  gradients::ternary_encode(x, 0, {1, 2, 0}, packed);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(code_at(packed, i) == 1);
}

}  // namespace

int main() {
  certain_codes_are_where_they_belong();
  the_mean_is_the_value();
  a_scale_of_zero_gives_zeros();
}
