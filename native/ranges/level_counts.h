// How many prefixes the empty queries of a sample ask for, for every pair of an exact and an approximate prefix length:
// queries in bins by the logarithm of that count, with the mean of each bin.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ranges/query_sample.h"

namespace bh::ranges {

struct CountBin {
  double queries = 0, prefixes = 0;  // the sum of their counts
};

class LevelCounts {
 public:
  // Exact and approximate lengths that are of interest, ascending; the first exact one is 0.
  LevelCounts(std::vector<std::uint32_t> exact, std::vector<std::uint32_t> approx, std::uint32_t bits)
      : exact_(std::move(exact)), approx_(std::move(approx)), rows_(64 * approx_.size()), up_to_(bits + 1) {
    for (std::uint32_t l = 0; l <= bits; ++l) {
      up_to_[l] = static_cast<std::size_t>(std::upper_bound(exact_.begin(), exact_.end(), l) - exact_.begin());
    }
  }

  // One pass over the queries; `free` ones count where no filter knows the smallest and the largest key.
  template <typename Sample>
  void count(const Sample& sample, std::span<const EmptyQuery> queries, bool with_free) {
    for (const EmptyQuery& query : queries) {
      if (!query.free || with_free) add(sample, query);
    }
    for (auto& row : rows_) {
      for (std::size_t i = 1; i < row.size(); ++i) {
        row[i].queries += row[i - 1].queries;
        row[i].prefixes += row[i - 1].prefixes;
      }
    }
  }

  std::span<const std::uint32_t> exact() const { return exact_; }
  std::span<const std::uint32_t> approx() const { return approx_; }

  // Calls take(queries, mean count) for each bin that is not empty, at the i-th exact and the j-th approximate length.
  template <typename Take>
  void each_bin(std::size_t i, std::size_t j, const Take& take) const {
    for (std::size_t bin = 0; bin < 64; ++bin) {
      const auto& row = rows_[64 * j + bin];
      if (!row.empty() && row[i].queries > 0) take(row[i].queries, row[i].prefixes / row[i].queries);
    }
  }

 private:
  // The exact set resolves a query at lengths beyond near(). Up to what its ends share, one region holds all of it, so
  // that the same count serves many exact lengths: rows are differences until they are summed.
  template <typename Sample>
  void add(const Sample& sample, const EmptyQuery& query) {
    const std::uint32_t near = query.near();
    const std::size_t whole = up_to_[std::min(query.within, near)];
    const std::size_t last = up_to_[near];
    auto j = static_cast<std::size_t>(std::upper_bound(approx_.begin(), approx_.end(), near) - approx_.begin());
    for (; j < approx_.size(); ++j) {
      add(j, 0, whole, sample.whole(query, approx_[j]));
      for (std::size_t i = last; i-- > whole;) {
        const auto region = exact_[i];
        const bool left = query.left >= static_cast<std::int32_t>(region);
        const bool right = query.right >= static_cast<std::int32_t>(region);
        const std::uint64_t at_left = left ? sample.at_left(query, region, approx_[j]) : 0;
        const std::uint64_t at_right = right ? sample.at_right(query, region, approx_[j]) : 0;
        const std::uint64_t sum = at_left + at_right;
        const bool many = sum < at_left || sum >= Sample::kMany;
        add(j, many ? whole : i, i + 1, many ? Sample::kMany : sum);
        if (many) break;  // larger regions hold no fewer
      }
    }
  }

  void add(std::size_t j, std::size_t from, std::size_t to, std::uint64_t prefixes) {
    auto& row = rows_[64 * j + static_cast<std::size_t>(std::bit_width(prefixes) - 1)];
    if (row.empty()) row.resize(exact_.size() + 1);
    const auto number = static_cast<double>(prefixes);
    row[from].queries += 1;
    row[from].prefixes += number;
    row[to].queries -= 1;
    row[to].prefixes -= number;
  }

  std::vector<std::uint32_t> exact_, approx_;
  std::vector<std::vector<CountBin>> rows_;  // of the j-th approximate length and a bin: by exact length
  std::vector<std::size_t> up_to_;           // exact lengths of at most so many bits
};

}  // namespace bh::ranges
