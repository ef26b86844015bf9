#include "quantization/cost.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

namespace quantization = bh::quantization;

namespace {

using quantization::Cost, quantization::GroupCost;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

void errors_add_up_and_gaps_count_by_their_errors() {
  const std::vector<GroupCost> groups = {{1, 3, 4, 20, 0.5}, {1, 1, 2, 10, 0.1}, {1, 0, 0, 10, kUnknown}};
  const Cost cost = quantization::total(groups, 1);
  CHECK((cost.group_squared_error == std::vector<double>{3, 1, 0}));
  CHECK(cost.squared_error == 4);
  CHECK(cost.vnmse == 6.0 / 40);
  CHECK(cost.gap && std::abs(*cost.gap - (0.5 * 3 + 0.1) / 4) < 1e-16);
}

void what_is_not_known_of_one_group_is_not_known_of_all() {
  CHECK(!quantization::total(std::vector<GroupCost>{{1, 3, 3, 9, 0}, {1, 1, 1, 9, kUnknown}}, 1).gap);
  const Cost unscored = quantization::total(std::vector<GroupCost>{{1, kUnknown, kUnknown, kUnknown, kUnknown}}, 1);
  CHECK(std::isnan(unscored.squared_error) && std::isnan(unscored.vnmse) && !unscored.gap);
}

void data_that_are_all_zero_lose_nothing() {
  const Cost cost = quantization::total(std::vector<GroupCost>{{0x1p600, 0, 0, 0, 0}}, 1);
  CHECK(cost.squared_error == 0 && cost.vnmse == 0 && cost.gap == 0.0);
}

// Errors in units of 2^1200, 1 and 2^-1200 at once: only the largest count in the sums.
void groups_keep_units_of_their_own() {
  const std::vector<GroupCost> groups = {{0x1p-600, 2, 2, 8, 0}, {1, 3, 3, 5, 0}, {0x1p600, 7, 7, 9, 0.5}};
  const Cost cost = quantization::total(groups, 1);
  CHECK((cost.group_squared_error == std::vector<double>{kInfinity, 3, 0}));
  CHECK(cost.squared_error == kInfinity);
  CHECK(cost.vnmse == 0.25);
  CHECK(cost.gap == 0.0);
  const Cost tiny = quantization::total(std::vector<GroupCost>{{0x1p600, 0x1p190, 0x1p190, 0x1p200, 0}}, 1);
  CHECK(tiny.squared_error == 0x1p-1010 && tiny.vnmse == 0x1p-10);
}

// A weight unit may bring back into range what the unit of the values alone would not.
void the_unit_of_weights_belongs_to_errors_only() {
  const Cost cost = quantization::total(std::vector<GroupCost>{{0x1p-600, 3, 5, 10, 0.25}}, 0x1p-1000);
  CHECK(cost.squared_error == 3 * 0x1p200 && cost.group_squared_error[0] == cost.squared_error);
  CHECK(cost.vnmse == 0.5 && cost.gap == 0.25);
}

void many_groups_are_summed_without_losing_the_small_ones() {
  std::vector<GroupCost> groups(100'001, {1, 0x1p-53, 0x1p-53, 1, 0});
  groups[0].squared_error = 1;  // added one by one, the others would all vanish
  const double exact = 1 + 100'000 * 0x1p-53;
  CHECK(std::abs(quantization::total(groups, 1).squared_error - exact) < 0x1p-46);
}

}  // namespace

int main() {
  errors_add_up_and_gaps_count_by_their_errors();
  what_is_not_known_of_one_group_is_not_known_of_all();
  data_that_are_all_zero_lose_nothing();
  groups_keep_units_of_their_own();
  the_unit_of_weights_belongs_to_errors_only();
  many_groups_are_summed_without_losing_the_small_ones();
}
