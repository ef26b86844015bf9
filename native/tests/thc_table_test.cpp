#include "gradients/thc_table.h"

#include <bit>
#include <cstdint>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;

namespace {

bool near(double a, double b) { return a < b + 1e-9 && b < a + 1e-9; }

// Every table with fixed ends, by the bits of its inner points.
double least_cost(int levels, int granularity, double half_range, bool symmetric) {
  double least = 1e9;
  for (std::uint32_t inner = 0; inner < 1u << (granularity - 1); ++inner) {
    if (std::popcount(inner) != levels - 2) continue;
    std::vector<std::uint16_t> values = {0};
    for (int i = 1; i < granularity; ++i)
      if (inner >> (i - 1) & 1) values.push_back(static_cast<std::uint16_t>(i));
    values.push_back(static_cast<std::uint16_t>(granularity));
    bool mirrors = true;
    for (int z = 0; z < levels; ++z) mirrors &= values[z] + values[levels - 1 - z] == granularity;
    if (symmetric && !mirrors) continue;
    const double cost = gradients::rounding_cost(values, half_range, 1);
    if (cost < least) least = cost;
  }
  return least;
}

void no_table_is_better() {
  for (const double half_range : {1.1503494, 1.8627319, 2.1538747, 2.8856, 3.2971933})
    for (int bits = 1; bits <= 3; ++bits)
      for (int granularity = (1 << bits) - 1; granularity <= 12; ++granularity)
        for (const bool symmetric : {false, true}) {
          const gradients::ThcTable table = gradients::thc_table(1 << bits, granularity, half_range, symmetric);
          CHECK(near(table.rounding_cost, least_cost(1 << bits, granularity, half_range, symmetric)));
          CHECK(near(table.rounding_cost, gradients::rounding_cost(table.values, half_range, 1)));
        }
}

void published_table() {
  const gradients::ThcTable table = gradients::thc_table(16, 30, 2.1538747, true);
  CHECK((table.values == std::vector<std::uint16_t>{0, 3, 5, 7, 9, 11, 13, 14, 16, 17, 19, 21, 23, 25, 27, 30}));
}

}  // namespace

int main() {
  no_table_is_better();
  published_table();
}
