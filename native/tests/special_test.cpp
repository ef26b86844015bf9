#include "support/special.h"

#include <cmath>
#include <initializer_list>
#include <limits>

#include "check.h"

namespace {

bool near(double value, double truth) { return std::abs(value - truth) <= 4e-15 * std::abs(truth); }

void normal_tails_are_exact_on_both_sides() {
  CHECK(bh::normal_tail(0) == 0.5);
  CHECK(near(bh::normal_tail(1), 0.15865525393145705142));
  CHECK(near(bh::normal_tail(-1), 0.84134474606854294858));
  CHECK(near(bh::normal_tail(10), 7.6198530241605260660e-24));
  CHECK(bh::normal_tail(std::numeric_limits<double>::infinity()) == 0);
}

void quantiles_undo_tails() {
  CHECK(bh::normal_quantile(0.5) == 0);
  CHECK(near(bh::normal_quantile(0.975), 1.9599639845400542355));
  CHECK(near(bh::normal_quantile(1e-20), -9.2623400897984075739));
  for (double z = -37; z <= 5; z += 0.25) CHECK(std::abs(bh::normal_quantile(bh::normal_tail(-z)) - z) < 1e-10);
}

void quantiles_know_the_ends_and_refuse_what_lies_beyond() {
  CHECK(bh::normal_quantile(0) == -std::numeric_limits<double>::infinity());
  CHECK(bh::normal_quantile(1) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(bh::normal_quantile(-0.1)));
  CHECK(std::isnan(bh::normal_quantile(1.1)));
  CHECK(std::isnan(bh::normal_quantile(std::nan(""))));
}

void gamma_tails_agree_with_their_closed_forms() {
  CHECK(bh::gamma_tail(2, 0) == 1);
  CHECK(bh::gamma_tail(2, std::numeric_limits<double>::infinity()) == 0);
  for (double x : {1e-8, 0.1, 0.9, 1.9, 2.1, 5.0, 30.0, 300.0}) {
    CHECK(std::abs(bh::gamma_tail(1, x) - std::exp(-x)) < 2e-15);
    CHECK(std::abs(bh::gamma_tail(3, x) - std::exp(-x) * (1 + x + x * x / 2)) < 2e-15);
    CHECK(std::abs(bh::gamma_tail(0.5, x) - std::erfc(std::sqrt(x))) < 1e-14);
  }
}

}  // namespace

int main() {
  normal_tails_are_exact_on_both_sides();
  quantiles_undo_tails();
  quantiles_know_the_ends_and_refuse_what_lies_beyond();
  gamma_tails_agree_with_their_closed_forms();
}
