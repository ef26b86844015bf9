// Rosetta (Luo et al.: Rosetta: A Robust Space-Time Optimized Range Filter for Key-Value Stores, SIGMOD 2020): a Bloom
// filter for each of the longest prefix lengths. A range is taken apart into nodes of the binary tree over all codes; a
// node whose filter says yes is doubted down to the codes under it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ranges/bloom.h"
#include "ranges/codes.h"
#include "ranges/format.h"
#include "ranges/stored.h"

namespace bh::ranges {

struct RosettaOptions {
  std::uint64_t budget_bits = 0;
  std::uint64_t max_range = 64;             // codes of the longest range that the levels are made for, at least 1
  std::optional<std::uint64_t> max_probes;  // after so many the answer is True
  std::uint64_t seed = 0;
};

// Closed ranges that hold no key, all of them in the sample.
struct EmptyRanges {
  std::span<const std::uint64_t> lo, hi;
};

// What passes at each level on average, the level of whole codes first: what each filter lets pass that it does not
// hold, and what a node of that level then does.
struct RosettaRates {
  explicit RosettaRates(std::vector<double> filters);
  // That an empty range passes.
  double of(std::uint64_t a, std::uint64_t b) const;

  std::vector<double> filters, nodes;
};

// How the memory is divided among the levels.
enum class RosettaSplit { bottom, equal, by_use };

class Rosetta {
 public:
  static constexpr FilterKind kKind = FilterKind::rosetta;
  // Sorted distinct codes. Of three ways to divide the memory it takes the one with the lowest rate on the sample;
  // without a sample the level of whole codes gets all.
  static Rosetta build(std::span<const std::uint64_t> codes, const EmptyRanges& sample, const RosettaOptions& options);
  static Rosetta build(std::span<const std::uint64_t> codes, const EmptyRanges& sample, const RosettaOptions& options,
                       RosettaSplit split);
  static Rosetta read(FilterReader& reader);

  bool may_intersect(std::uint64_t a, std::uint64_t b) const;

  std::size_t levels() const { return levels_.size(); }
  const std::vector<Bloom>& filters() const { return levels_; }  // one without bits says yes
  RosettaRates rates(std::span<const std::uint64_t> codes) const;
  // The mean over a sample; nothing without one.
  std::optional<double> expected(std::span<const std::uint64_t> codes, const EmptyRanges& sample) const;
  std::vector<Section> sections() const;
  std::uint64_t directory_bits() const { return 0; }
  std::uint64_t bits() const;

 private:
  Rosetta(std::vector<Bloom> levels, std::optional<std::uint64_t> max_probes)
      : levels_(std::move(levels)), most_(max_probes.value_or(kMostProbes)) {}

  std::vector<Bloom> levels_;  // by height: of whole codes first
  std::uint64_t most_;
};

// Levels for ranges of up to so many codes.
std::uint32_t rosetta_levels(std::uint64_t max_range);

}  // namespace bh::ranges
