// Two Bloom filters of prefixes, short ones and long ones (2PBF of the Proteus paper): of a range the short prefixes
// are asked first, and the long ones only where a short one says yes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ranges/bloom.h"
#include "ranges/format.h"
#include "ranges/keys.h"
#include "ranges/query_sample.h"
#include "ranges/stored.h"

namespace bh::ranges {

struct TwoPrefixes {
  std::uint32_t first_bits = 0, second_bits = 0;  // first < second
  std::uint32_t share = 8;                        // sixteenths of the memory for the first, 1 to 15
};

// The rate of false positives on empty queries, as their neighbors and chance make it.
class TwoPrefixModel {
 public:
  TwoPrefixModel(const Sample& sample, std::uint64_t parts_bits, std::optional<std::uint64_t> max_probes);

  // The lowest rate; of these lengths, if they are given.
  TwoPrefixes best(std::optional<std::pair<std::uint32_t, std::uint32_t>> lengths) const;
  // The mean over all empty queries; nothing if there are none.
  std::optional<double> expected(const TwoPrefixes& design) const;

 private:
  struct Passing {
    double first, second;  // of a prefix that is none of the keys'
  };
  // How many prefixes a query asks for.
  struct Counts {
    std::uint64_t regions, left, right;  // the long ones of its first and of its last region
  };
  Passing passing(const TwoPrefixes& design) const;
  Counts counts(const EmptyQuery& query, std::uint32_t first_bits, std::uint32_t second_bits) const;
  double rate(const EmptyQuery& query, const Counts& counts, const TwoPrefixes& design, const Passing& passing) const;

  const Sample& sample_;
  std::uint64_t bits_;
  double cap_;
  std::uint32_t width_;
  KeyStatistics keys_;
  std::vector<EmptyQuery> queries_;
};

class TwoPrefixBloom {
 public:
  static constexpr FilterKind kKind = FilterKind::two_prefix_bloom;

  // Sorted and distinct.
  static TwoPrefixBloom build(std::span<const std::uint64_t> codes, const TwoPrefixes& design, std::uint64_t parts_bits,
                              std::optional<std::uint64_t> max_probes, std::uint64_t seed);
  static TwoPrefixBloom build(const ByteKeys& keys, const TwoPrefixes& design, std::uint64_t parts_bits,
                              std::optional<std::uint64_t> max_probes, std::uint64_t seed);
  static TwoPrefixBloom read(FilterReader& reader);

  bool may_intersect(std::uint64_t a, std::uint64_t b) const;
  bool may_intersect(ByteCode a, ByteCode b) const;

  std::vector<Section> sections() const;
  std::uint64_t directory_bits() const { return 0; }
  const Bloom& first() const { return first_; }
  const Bloom& second() const { return second_; }

 private:
  TwoPrefixBloom(std::uint32_t width, std::uint32_t first_bits, std::uint32_t second_bits,
                 std::optional<std::uint64_t> max_probes, std::uint64_t seed, Bloom first, Bloom second);

  std::uint32_t width_, first_bits_, second_bits_;  // in bits
  std::uint64_t most_;
  std::uint64_t first_seed_, second_seed_;
  Bloom first_, second_;
};

}  // namespace bh::ranges
