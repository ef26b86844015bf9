// Each solver against brute force, on small inputs of every nasty kind. The argument is the number of inputs.
#include <cstdlib>
#include <random>

#include "brute_force.h"
#include "check.h"
#include "families.h"
#include "quantization/layered.h"
#include "quantization/penalised.h"
#include "quantization/solve.h"

namespace bh {
namespace {

// How far above the optimum a path may be: what the tolerance allows where rounding is large, else 1e-9 of it.
template <typename Cost>
void check_path(const Cost& cost, const BruteForce& truth, const Path& path, std::size_t links) {
  CHECK(path.size() == links + 1);
  CHECK(path.front() == 0 && path.back() == cost.size() - 1);
  for (std::size_t i = 1; i < path.size(); ++i) CHECK(path[i - 1] < path[i]);
  const long double least = truth.least(links);
  CHECK(truth.cost(path) - least <= 1e-9L * least + 4 * tolerance(cost, path));
}

template <typename Cost>
void check_solvers(const Cost& cost, const BruteForce& truth, std::size_t links) {
  check_path(cost, truth, Layered<Cost>::solve(cost, links), links);
  double price = 0;
  check_path(cost, truth, solve(cost, links, price).path, links);
  if (links < 2) return;
  for (const double start : {0.0, 1e-200, 1e200}) {
    const Penalised found = penalised(cost, links, start);
    check_path(cost, truth, found.path, links);
    const double slack = 2 * tolerance(cost, found.path);
    CHECK(found.bound <= static_cast<double>(truth.least(links)) + slack);
    if (links > 2) CHECK(certified(cost, found));  // with two links the price of one can dwarf all costs
  }
}

void check_random(std::size_t cases) {
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < cases; ++i) {
    const std::size_t n = 2 + random() % 149, s = 2 + random() % 14;
    const std::vector<double> x = family(static_cast<int>(i % kFamilies), n, random);
    std::vector<double> weights(i / kFamilies % 2 ? n : 0);
    for (double& weight : weights) weight = static_cast<double>(random() % 5);
    if (!weights.empty()) weights[random() % n] = 1;
    const std::span<const double> values(x);
    if (const auto found = distinct(values, std::span<const double>(weights), Objective::unbiased); found.size() > s) {
      const Nodes nodes = value_nodes(found, 1);
      check_solvers(UnbiasedCost(nodes.nodes, nodes.anchor), BruteForce(found, Objective::unbiased), s - 1);
    }
    if (const auto found = distinct(values, std::span<const double>(weights), Objective::mse); found.size() > s) {
      const Nodes nodes = boundary_nodes(found, 1);
      check_solvers(KMeansCost(nodes.nodes), BruteForce(found, Objective::mse), s);
    }
  }
}

// Equal costs everywhere: no price gives most numbers of links, so that paths must be spliced.
void check_lattices() {
  for (const int step : {1, 3}) {
    Distinct<double> lattice;
    for (int i = 0; i < 1000; ++i) lattice.values.push_back(i * step);
    const Nodes nodes = value_nodes(lattice, 1);
    const UnbiasedCost cost(nodes.nodes, nodes.anchor);
    for (std::size_t links = 2; links < 50; ++links) {
      const Penalised found = penalised(cost, links, 0);
      CHECK(found.path.size() == links + 1);
      const double least = path_cost(cost, Layered<UnbiasedCost>::solve(cost, links));
      CHECK(std::abs(path_cost(cost, found.path) - least) <= 1e-9 * least);
    }
  }
}

void check_splice() {
  const Path few{0, 5, 10}, many{0, 2, 4, 6, 8, 10};
  CHECK((splice(few, many, 3) == Path{0, 2, 4, 10} || splice(few, many, 3) == Path{0, 2, 5, 10}));
  for (std::size_t links = 3; links < 5; ++links) CHECK(splice(few, many, links).size() == links + 1);
}

// Powers of ten over thirty decades: rounding exceeds the optimum, but levels must still ascend.
void check_decades() {
  Distinct<double> decades;
  for (int i = 0; i < 30; ++i) decades.values.push_back(std::pow(10.0, i - 15));
  const Nodes nodes = value_nodes(decades, 1);
  const UnbiasedCost cost(nodes.nodes, nodes.anchor);
  const BruteForce truth(decades, Objective::unbiased);
  for (std::size_t links = 2; links < 29; ++links) check_solvers(cost, truth, links);
}

}  // namespace
}  // namespace bh

int main(int count, char** arguments) {
  bh::check_random(count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 600);
  bh::check_lattices();
  bh::check_splice();
  bh::check_decades();
}
