#include "quantization/cost.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bh::quantization {
namespace {

int exponent(const GroupCost& group) { return -2 * std::ilogb(group.unit); }

// Pairwise, in the order in which numpy adds: rounding grows with the logarithm of the number of groups.
template <typename Term>
double sum(std::span<const GroupCost> groups, const Term& term) {
  const std::size_t n = groups.size();
  if (n > 128) {
    const std::size_t half = n / 2 - n / 2 % 8;
    return sum(groups.first(half), term) + sum(groups.subspan(half), term);
  }
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += term(groups[i + lane]);
  double result = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (; i < n; ++i) result += term(groups[i]);
  return result;
}

}  // namespace

Cost total(std::span<const GroupCost> groups, double weight_unit) {
  int top = exponent(groups.front());  // the unit of all sums
  for (const GroupCost& group : groups) top = std::max(top, exponent(group));
  const auto in_top = [top](const GroupCost& group, double value) { return std::ldexp(value, exponent(group) - top); };
  const auto error = [&](const GroupCost& group) { return in_top(group, group.squared_error * weight_unit); };
  const auto loss = [&](const GroupCost& group) { return error(group) > 0 ? group.gap * error(group) : 0; };

  Cost cost;
  for (const GroupCost& group : groups)
    cost.group_squared_error.push_back(std::ldexp(group.squared_error * weight_unit, exponent(group)));
  const double errors = sum(groups, error);
  const double norms = sum(groups, [&](const GroupCost& group) { return in_top(group, group.squared_norm); });
  cost.squared_error = std::ldexp(errors, top);
  if (norms != 0)
    cost.vnmse = sum(groups, [&](const GroupCost& group) { return in_top(group, group.plain_error); }) / norms;
  const double gap = errors > 0 ? sum(groups, loss) / errors : errors;
  if (!std::isnan(gap)) cost.gap = gap;
  return cost;
}

}  // namespace bh::quantization
