// Each solver against brute force, on small inputs of every difficult kind. The argument is the number of inputs.
#include <cstdlib>
#include <random>

#include "brute_force.h"
#include "check.h"
#include "families.h"
#include "quantization/coarse_to_fine.h"
#include "quantization/lagrangian.h"
#include "quantization/layered.h"
#include "quantization/solve.h"
#include "quantization/tangent.h"

namespace bh::quantization {
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
  const Search fine = coarse_to_fine(cost, links, ~std::uint64_t{0}, Beyond::give_up);
  CHECK(fine.end == Search::End::optimal);
  check_path(cost, truth, fine.path, links);
  const Search finished = coarse_to_fine(cost, links, links * cost.size() / 2, Beyond::finish);
  CHECK(finished.end == Search::End::optimal);
  check_path(cost, truth, finished.path, links);
  for (const double start : {0.0, 1e-200, 1e200}) {
    const Relaxed found = lagrangian(cost, links, start);
    CHECK(found.path.size() == links + 1);
    CHECK(found.bound <= static_cast<double>(truth.least(links)) + 2 * tolerance(cost, found.path));
    if (certified(cost, found))
      check_path(cost, truth, found.path, links);
    else
      CHECK(links == 2);  // then the price of a link can dwarf all costs, and solve() does not ask for one
  }
}

void check_tangent(const UnbiasedCost& cost, const BruteForce& truth, std::size_t links) {
  const Search found = tangent(cost, links, ~std::uint64_t{0});
  CHECK(found.end == Search::End::optimal);
  check_path(cost, truth, found.path, links);
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
      const UnbiasedCost cost(nodes.nodes, nodes.anchor);
      const BruteForce truth(found, Objective::unbiased);
      check_solvers(cost, truth, s - 1);
      if (s > 3) check_tangent(cost, truth, s - 1);
    }
    if (const auto found = distinct(values, std::span<const double>(weights), Objective::mse); found.size() > s) {
      const Nodes nodes = boundary_nodes(found, 1);
      check_solvers(KMeansCost(nodes.nodes), BruteForce(found, Objective::mse), s);
    }
  }
}

// Searches that give up or that rounding misleads, in the sizes that would use them: what is found never depends on it.
void check_forced_failures() {
  std::mt19937_64 random(3);
  for (int kind = 0; kind < kFamilies; ++kind)
    for (const std::size_t links : {3, 5}) {
      const std::vector<double> x = family(kind, 8000, random);
      const auto values = distinct(std::span<const double>(x), {}, Objective::unbiased);
      const auto check = [&](const auto& cost) {
        if (cost.size() <= links) return;
        const Path truth = Layered<std::decay_t<decltype(cost)>>::solve(cost, links);
        for (const Limits limits : {Limits{32, 1}, Limits{0, 1}, Limits{32, 0}, Limits{32, -1e6}, Limits{0, 0}}) {
          double price = 0;
          const Solution found = solve(cost, links, price, {}, limits);
          CHECK(found.gap == 0 && found.path.size() == links + 1);
          CHECK(std::abs(path_cost(cost, found.path) - path_cost(cost, truth)) <= 2 * tolerance(cost, truth));
        }
      };
      const Nodes nodes = value_nodes(values, 1), sums = boundary_nodes(values, 1);
      check(UnbiasedCost(nodes.nodes, nodes.anchor));
      check(KMeansCost(sums.nodes));
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
      const Relaxed found = lagrangian(cost, links, 0);
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
}  // namespace bh::quantization

int main(int count, char** arguments) {
  bh::quantization::check_random(count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 600);
  bh::quantization::check_forced_failures();
  bh::quantization::check_lattices();
  bh::quantization::check_splice();
  bh::quantization::check_decades();
}
