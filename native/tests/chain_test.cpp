// Sums over parts and the choice of columns: right, and the same to the last bit on every machine.
// Instruction sets: cheapest
#include "quantization/chain.h"

#include <bit>
#include <cmath>

#include "check.h"
#include "quantization/cheapest.h"

namespace bh::quantization {
namespace {

std::uint64_t mixed(std::uint64_t sum, double x) {
  return (sum ^ std::bit_cast<std::uint64_t>(x)) * 0x9E3779B97F4A7C15u;
}

// Ascending values, some of them repeated, and how many are at most each.
template <typename T>
Distinct<T> made(std::size_t n, bool repeated) {
  Distinct<T> values;
  double x = -100;
  Index end = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x += static_cast<double>(i * 7919 % 101 + 1) / 64;
    values.own.push_back(static_cast<T>(x));
    if (repeated) values.ends.push_back(end += 1 + i % 7 / 5);
  }
  values.values = values.own;
  return values;
}

template <typename T, Objective kind>
std::uint64_t checksum(bool repeated) {
  const Distinct<T> values = made<T>(3000, repeated);
  const Ascending<T, kind> points(values, 1);
  std::uint64_t sum = 0;
  for (std::size_t from = 0; from < 2000; from += 333)
    for (std::size_t to = from + 1; to < points.size(); to += 111) {
      const Piece piece = points.piece(from, to);
      for (const double part : {piece.weight, piece.low, piece.high, piece.cost}) sum = mixed(sum, part);
    }
  for (const Index i : Cheapest<kind, Ascending<T, kind>>(points).path(1e4)) sum = mixed(sum, i);
  return sum;
}

void sums_have_the_same_bits_everywhere() {
  CHECK((checksum<float, Objective::unbiased>(false)) == 0xdf31208c09d47a00);
  CHECK((checksum<float, Objective::mse>(true)) == 0x90399b7f62eb6146);
  CHECK((checksum<double, Objective::unbiased>(true)) == 0x3e933ed2e0620600);
  CHECK((checksum<double, Objective::mse>(false)) == 0x75dff9c1e68bcfc9);
}

// Part by part, and all at once.
template <Objective kind>
void parts_join_to_the_whole() {
  const Distinct<double> values = made<double>(3000, true);
  const Ascending<double, kind> points(values, 1);
  const std::size_t last = points.size() - 1, middle = 1234;
  const auto close = [](double a, double b) { CHECK(std::abs(a - b) <= 1e-13 * std::abs(b)); };
  const auto check = [&](const Piece& made_up) {
    const Piece whole = points.piece(0, last);
    close(made_up.weight, whole.weight), close(made_up.low, whole.low);
    close(made_up.high, whole.high), close(made_up.cost, whole.cost);
  };
  const double left = points.x(middle) - points.x(0), right = points.x(last) - points.x(middle);
  check(join<kind>(points.piece(0, middle), points.piece(middle, last), left, right));
  Piece ahead, back;
  for (std::size_t i = 0; i < last; ++i) ahead = points.template after<kind>(i, ahead, points.x(i) - points.x(0));
  for (std::size_t i = last; i-- > 0;) back = points.template before<kind>(i, back, points.x(last) - points.x(i + 1));
  check(ahead), check(back);
  const Chain chain = equal_cost_chain(points, 100);
  CHECK(chain.size() > 50 && chain.size() <= 101);
  check(chain.template between<kind>(0, chain.size() - 1));
  const Chain finer = cut(points, chain, std::vector<char>(chain.size(), true), 4);
  check(finer.template between<kind>(0, finer.size() - 1));
  // Every position is in one cell.
  Index next = 1;
  for (std::size_t i = 1; i + 1 < finer.size(); ++i) {
    CHECK(finer.cells[i].first == next && finer.at[i] >= next && finer.at[i] <= finer.cells[i].last);
    next = finer.cells[i].last + 1;
  }
  CHECK(next == last);
}

}  // namespace
}  // namespace bh::quantization

int main() {
  bh::quantization::sums_have_the_same_bits_everywhere();
  bh::quantization::parts_join_to_the_whole<bh::quantization::Objective::unbiased>();
  bh::quantization::parts_join_to_the_whole<bh::quantization::Objective::mse>();
}
