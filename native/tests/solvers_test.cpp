// Each solver against brute force, on small inputs of every difficult kind. The argument is the number of inputs.
#include <cstdlib>
#include <random>

#include "brute_force.h"
#include "check.h"
#include "families.h"
#include "quantization/lagrangian.h"
#include "quantization/narrow.h"
#include "quantization/solve.h"

namespace bh::quantization {
namespace {

// Cells from the start, however few values there are, coarse ones and fine ones; and none at all.
constexpr std::size_t kNone = 1 << 30;
constexpr Effort kEfforts[] = {
    {}, {1, 1, 1, 0, 2, kNone}, {4, 1, 1, 0, 4, kNone}, {2, 1, 1, kNone, 4, kNone}, {2, 1, 1, 0, 4, 0.5}};

template <Objective kind>
void check_solution(const BruteForce& truth, const Solution& found, std::size_t links) {
  CHECK(found.path.size() == links + 1);
  for (std::size_t i = 1; i < found.path.size(); ++i) CHECK(found.path[i - 1] < found.path[i]);
  const long double least = truth.least(links), cost = truth.cost(found.path);
  CHECK(found.gap == 0 && cost - least <= 1e-9L * least);
  CHECK(std::abs(cost - found.cost) <= 1e-11L * cost);  // no digit is lost, wherever the others lie
}

template <Objective kind>
void check_values(const Distinct<double>& values, std::size_t links) {
  const Ascending<double, kind> points(values, 1);
  const BruteForce truth(values, kind);
  const auto last = static_cast<Index>(points.size() - 1);
  for (const Effort& effort : kEfforts) {
    double price = 0;
    check_solution<kind>(truth, solve(points, links, price, effort), links);
  }
  for (const double start : {1e-200, 1e200}) {
    const Relaxed found = lagrangian<kind>(points, links, start);
    CHECK(found.bound <= static_cast<double>(truth.least(links)) * (1 + 1e-12));
    CHECK(truth.cost(found.path) <= truth.least(links) * (1 + 1e-9L));
  }
  // Sums over any part are right to nearly all digits.
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t from = i * last / 16, to = last - i * last / 17;
    if (from < to) CHECK(std::abs(points.piece(from, to).cost - truth.cost(from, to)) <= 1e-11L * truth.cost(from, to));
  }
}

// Bounds on cells stay below what the best levels cost, even where these may lie anywhere in a cell.
template <Objective kind>
void check_bounds(const Distinct<double>& values, std::size_t links) {
  const Ascending<double, kind> points(values, 1);
  const BruteForce truth(values, kind);
  const Chain chain = equal_cost_chain(points, 3 * links);
  if (chain.size() <= links) return;
  const Relaxed coarse = lagrangian<kind>(chain, links, 0);
  const double least = static_cast<double>(truth.least(links));
  CHECK(coarse.cost >= least * (1 - 1e-12));
  for (const double factor : {0.3, 1.0, 3.0}) {
    const Narrowed found = narrow<kind>(chain, links, coarse.price * factor, coarse.cost, 0);
    CHECK(found.bound <= least * (1 + 1e-12));
  }
}

void check_random(std::size_t cases) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> decades(-30, 0);
  for (std::size_t i = 0; i < cases; ++i) {
    const std::size_t n = 2 + random() % 149, s = 2 + random() % 14;
    const std::vector<double> x = family(static_cast<int>(i % kFamilies), n, random);
    const std::size_t weighing = i / kFamilies % 3;
    std::vector<double> weights(weighing ? n : 0);
    for (double& weight : weights)
      weight = weighing == 1 ? static_cast<double>(random() % 5) : std::pow(10.0, decades(random));
    if (!weights.empty()) weights[random() % n] = 1;
    const std::span<const double> values(x);
    for (const Objective kind : {Objective::unbiased, Objective::mse}) {
      const auto found = distinct(values, std::span<const double>(weights), kind);
      if (found.size() <= s) continue;
      if (kind == Objective::unbiased)
        check_values<Objective::unbiased>(found, s - 1), check_bounds<Objective::unbiased>(found, s - 1);
      else
        check_values<Objective::mse>(found, s), check_bounds<Objective::mse>(found, s);
    }
  }
}

// More values than brute force takes: with cells and without, the same error.
void check_cells() {
  std::mt19937_64 random(3);
  for (int kind = 0; kind < kFamilies; ++kind)
    for (const std::size_t links : {3, 5, 20}) {
      const std::vector<double> x = family(kind, 8000, random);
      const auto check = [&]<Objective objective>(const Ascending<double, objective>& points) {
        if (points.size() <= links) return;
        double price = 0;
        const Solution plain = solve(points, links, price, {2, 1, 1, kNone, 4, kNone});
        for (const Effort& effort : kEfforts) {
          const Solution found = solve(points, links, price = 0, effort);
          CHECK(found.gap == 0 && found.path.size() == links + 1);
          CHECK(std::abs(found.cost - plain.cost) <= 1e-9 * plain.cost);
        }
      };
      const auto values = distinct(std::span<const double>(x), {}, Objective::unbiased);
      check(Ascending<double, Objective::unbiased>(values, 1));
      check(Ascending<double, Objective::mse>(values, 1));
    }
}

// Equal costs everywhere: no price gives most numbers of links, so that paths must be spliced.
void check_lattices() {
  for (const int step : {1, 3}) {
    Distinct<double> lattice;
    for (int i = 0; i < 1000; ++i) lattice.own.push_back(i * step);
    lattice.values = lattice.own;
    const Ascending<double, Objective::unbiased> points(lattice, 1);
    for (std::size_t links = 2; links < 50; ++links) {
      const Relaxed found = lagrangian<Objective::unbiased>(points, links, 0);
      CHECK(found.path.size() == links + 1);
      // Links of m steps cost m (m - 1) (m + 1) / 6, and are as equal as they can be.
      const auto cost = [&](std::size_t m) { return static_cast<double>(step * step * m * (m * m - 1)) / 6; };
      const std::size_t least = 999 / links, longer = 999 % links;
      const double truth =
          static_cast<double>(links - longer) * cost(least) + static_cast<double>(longer) * cost(least + 1);
      CHECK(std::abs(found.cost - truth) <= 1e-9 * truth && found.bound <= truth);
    }
  }
}

void check_splice() {
  const Path few{0, 5, 10}, many{0, 2, 4, 6, 8, 10};
  CHECK((splice(few, many, 3) == Path{0, 2, 4, 10} || splice(few, many, 3) == Path{0, 2, 5, 10}));
  for (std::size_t links = 3; links < 5; ++links) CHECK(splice(few, many, links).size() == links + 1);
}

// Powers of ten over thirty decades.
void check_decades() {
  Distinct<double> decades;
  for (int i = 0; i < 30; ++i) decades.own.push_back(std::pow(10.0, i - 15));
  decades.values = decades.own;
  for (std::size_t links = 2; links < 29; ++links) check_values<Objective::unbiased>(decades, links);
}

}  // namespace
}  // namespace bh::quantization

int main(int count, char** arguments) {
  bh::quantization::check_random(count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 600);
  bh::quantization::check_cells();
  bh::quantization::check_lattices();
  bh::quantization::check_splice();
  bh::quantization::check_decades();
}
