#include "support/simd.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "check.h"

namespace {

// A product and a sum that a machine with fused multiply-add would round differently if it were let.
struct Blend {
  template <int Width>
  static BH_INLINE void run(const float* a, const float* b, float* out, std::size_t n) {
    using F = typename bh::Lanes<Width>::F;
    for (std::size_t i = 0; i < n; i += Width) {
      F x, y;
      bh::load(x, a + i);
      bh::load(y, b + i);
      bh::store(out + i, x * y + x);
    }
  }
};

std::vector<float> blended(bh::Isa width) {
  constexpr std::size_t n = 64;
  std::vector<float> a(n), b(n), out(n);
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = 1.0f / static_cast<float>(i + 3);
    b[i] = 1.0f + static_cast<float>(i) / 7.0f;
  }
  bh::run_at<Blend>(width, a.data(), b.data(), out.data(), n);
  return out;
}

std::uint32_t checksum(const std::vector<float>& x) {
  std::uint32_t sum = 0;
  for (const float v : x) sum = sum * 31 + std::bit_cast<std::uint32_t>(v);
  return sum;
}

constexpr std::uint32_t kBlended = 0x03c85c5f;  // computed by numpy in float32

void every_width_gives_the_same_bits() {
  for (const bh::Isa width : {bh::Isa::v1, bh::Isa::v3, bh::Isa::v4})
    if (width <= bh::isa()) CHECK(checksum(blended(width)) == kBlended);
}

#if BH_DISPATCH
void the_environment_lowers_the_width_and_never_raises_it() {
  unsetenv("BEFOREHAND_ISA");
  const bh::Isa best = bh::detect_isa();
  setenv("BEFOREHAND_ISA", "v1", 1);
  CHECK(bh::detect_isa() == bh::Isa::v1);
  setenv("BEFOREHAND_ISA", "v3", 1);
  CHECK(bh::detect_isa() == std::min(best, bh::Isa::v3));
  setenv("BEFOREHAND_ISA", "v4", 1);
  CHECK(bh::detect_isa() == best);
  unsetenv("BEFOREHAND_ISA");
}
#endif

}  // namespace

int main() {
  every_width_gives_the_same_bits();
#if BH_DISPATCH
  the_environment_lowers_the_width_and_never_raises_it();
#endif
}
