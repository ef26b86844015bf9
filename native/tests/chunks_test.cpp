#include "gradients/chunks.h"

#include <cstddef>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;

namespace {

void sums_of_small_integers_are_exact() {
  for (const std::size_t length : {16, 64, 4096})
    for (const std::size_t chunks : {0, 1, 3}) {
      std::vector<float> x(length * chunks), energies(chunks);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3;
      gradients::chunk_energies(x, energies);
      for (std::size_t c = 0; c < chunks; ++c) {
        float sum = 0;
        for (std::size_t i = 0; i < length; ++i) sum += x[c * length + i] * x[c * length + i];
        CHECK(energies[c] == sum);
      }
    }
}

}  // namespace

int main() { sums_of_small_integers_are_exact(); }
