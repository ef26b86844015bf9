#include "ranges/block_rate.h"

#include <algorithm>

namespace bh::ranges {

GapSums::GapSums(const Gaps& gaps) {
  for (std::size_t j = 0; j <= 64; ++j) {
    count_[j] = gaps.count[j];
    sum_[j] = gaps.sum[j];
    upto_[j] = sum_[j] + (j > 0 ? upto_[j - 1] : 0);
  }
  for (std::size_t j = 64; j-- > 0;) beyond_[j] = beyond_[j + 1] + count_[j + 1];
}

double GapSums::covered(double prefixes, int shift) const {
  const double reach = std::ldexp(prefixes, shift);  // in units of the window
  int length = 0;
  std::frexp(reach, &length);
  const auto j = static_cast<std::size_t>(std::clamp(length, 0, 64));
  const double shorter = (j > 0 ? upto_[j - 1] : 0) + std::min(sum_[j], count_[j] * reach);
  const double longer = beyond_[j] * reach;
  const double equal = shift < 0 ? count_[0] * prefixes : 0;  // apart only beyond the window, nobody knows how far
  return std::ldexp(shorter + longer, -shift) + equal + prefixes;
}

}  // namespace bh::ranges
