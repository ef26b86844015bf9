// Bounds between tangents, bit by bit: what solvers_test.cpp holds to brute force is the same on all instruction sets.
#include "quantization/bands.h"

#include <bit>

#include "check.h"
#include "numbers.h"
#include "quantization/distinct.h"
#include "quantization/tangent.h"

namespace bh::quantization {
namespace {

void checksum() {
  const std::vector<double> x = numbers<double>(3000);
  const auto values = distinct(std::span<const double>(x), {}, Objective::unbiased);
  const Nodes nodes = value_nodes(values, 1);
  const UnbiasedCost cost(nodes.nodes, nodes.anchor);
  std::uint64_t sum = 0;
  for (const std::size_t links : {3, 7, 15}) {
    const Search found = tangent(cost, links, ~std::uint64_t{0});
    CHECK(found.end == Search::End::optimal);
    for (const Index node : found.path) sum = sum * 31 + node;
    const double bound = lower_bound(cost, found.path, equal_cost_cells(cost, 300));
    CHECK(bound <= path_cost(cost, found.path));
    sum = sum * 31 + std::bit_cast<std::uint64_t>(bound);
  }
  CHECK(sum == 0x75f01b864da5dc9c);
}

}  // namespace
}  // namespace bh::quantization

int main() { bh::quantization::checksum(); }
