// How often the approximate part of a filter is wrong: P(c), that at least one of c prefixes which it does not hold
// passes.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "ranges/design.h"
#include "ranges/query_sample.h"

namespace bh::ranges {

// For each length in bits up to 64, what gaps of at most so many sum to, and how many are longer.
class GapSums {
 public:
  explicit GapSums(const Gaps& gaps);
  // The sum over all keys of min(gap behind it, c), where the window's last bit counts 2^-shift and the last gap has no
  // end.
  double covered(double prefixes, int shift) const;

 private:
  std::array<double, 65> count_{}, sum_{}, upto_{}, beyond_{};
};

class BlockRate {
 public:
  // One of `passing` prefixes passes; asked for `cap` at a time, the part says yes unasked.
  static BlockRate probing(double passing, std::optional<std::uint64_t> cap) {
    const double most = cap ? static_cast<double>(*cap) : std::numeric_limits<double>::infinity();
    return {passing, most, 0, nullptr, 0};
  }
  // Locality-preserving hashes below r of prefixes that end `shift` bits before the window of the gaps does.
  static BlockRate hashing(double r, const GapSums& gaps, int shift) { return {0, r, r, &gaps, shift}; }

  double operator()(double prefixes) const {
    if (prefixes >= most_) return 1;
    if (gaps_ == nullptr) return passing_ >= 1 ? 1 : -std::expm1(prefixes * std::log1p(-passing_));
    return -std::expm1(-gaps_->covered(prefixes, shift_) / range_);
  }
  double passing() const { return passing_; }
  double range() const { return range_; }

 private:
  BlockRate(double passing, double most, double range, const GapSums* gaps, int shift)
      : passing_(passing), most_(most), range_(range), gaps_(gaps), shift_(shift) {}

  double passing_, most_, range_;
  const GapSums* gaps_;
  int shift_;
};

}  // namespace bh::ranges
