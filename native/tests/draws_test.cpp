#include "scheduling/draws.h"

#include <cmath>
#include <vector>

#include "check.h"
#include "support/random.h"

namespace scheduling = bh::scheduling;

namespace {

void words_become_53_bits() {
  std::vector<double> u(3);
  scheduling::uniforms(0x1122334455667788, scheduling::Stream::cheap, 0x500000001, u);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const bh::Quad words = bh::philox({1 + i, 5, 3, 8u << 24}, 0x55667788, 0x11223344);
    const std::uint64_t k = std::uint64_t{words[0] >> 5} << 26 | words[1] >> 6;
    CHECK(u[i] == static_cast<double>(k + 1) * 0x1p-53);
  }
}

void logarithms_are_right_to_rounding() {
  std::vector<double> u(5000), e(5000);
  scheduling::uniforms(1, scheduling::Stream::gap, 100, u);
  scheduling::exponentials(1, scheduling::Stream::gap, 100, e);
  for (std::size_t i = 0; i < u.size(); ++i) CHECK(std::abs(e[i] + std::log(u[i])) <= 4e-16 * std::abs(std::log(u[i])));
}

void bits_are_the_same_everywhere() {
  std::vector<double> e(2);
  scheduling::exponentials(0, scheduling::Stream::gap, 0, e);
  CHECK(e[0] == 0x1.967ee289ee27fp-2);
  CHECK(e[1] == 0x1.a9640701f4151p-3);
}

}  // namespace

int main() {
  words_become_53_bits();
  logarithms_are_right_to_rounding();
  bits_are_the_same_everywhere();
}
