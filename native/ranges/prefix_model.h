// The contextual prefix FPR model of Proteus (Knorr et al., SIGMOD 2022) over one set of keys and one sample of
// queries: the false-positive rate of every design before one is built, and the best design.
#pragma once
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "ranges/block_rate.h"
#include "ranges/design.h"
#include "ranges/level_counts.h"
#include "ranges/query_sample.h"

namespace bh::ranges {

// Where designs are sought: the paper's (trie and Bloom filter), or the blocks that took their places.
enum class Space : std::uint8_t { extended, paper };

// At most `rate` for every empty range of at most `length` codes.
struct WorstCase {
  std::uint64_t length;
  double rate;
};

// Empty queries that share their fate: how many, of the sample or by smoothing, and the rate of their false positives.
struct QueryClass {
  double queries, rate;
};

// A design and what it is expected to err.
struct Rated {
  Design design;
  double rate;
};

// Queries that an exact set of so many bits does not resolve, by bits: as counted, and with a tail that does not end
// where the sample does.
struct Unresolved {
  std::vector<double> counted, smoothed;
  bool with_free;  // those too that a filter answers rightly which knows the smallest and the largest key
};

class PrefixModel {
 public:
  static constexpr std::size_t kFewEmpty = 50;  // with fewer empty queries no design is chosen by them

  // Keys and bounds are borrowed.
  PrefixModel(Sample sample, std::optional<std::uint64_t> max_probes);

  const std::vector<std::uint64_t>& prefix_counts() const { return known_.prefixes; }
  std::uint32_t bits() const { return static_cast<std::uint32_t>(known_.prefixes.size() - 1); }
  std::size_t asked() const { return asked_; }
  std::size_t empty() const { return queries_.size(); }

  // Throws InvalidInput where no design keeps to the worst case.
  Design best(std::uint64_t budget_bits, Space space, std::optional<WorstCase> worst_case) const {
    return ranked(budget_bits, space, worst_case).front().design;
  }
  // The best first; behind it, in the extended space and where the sample decides, the best of each other kind of parts
  // that was tried. Its own rate is not a number where the sample does not decide.
  std::vector<Rated> ranked(std::uint64_t budget_bits, Space space, std::optional<WorstCase> worst_case) const;
  // The mean over the empty queries; not a number where the design does not fit the budget, or no query is empty.
  double expected(const Design& design, std::uint64_t budget_bits) const;
  // Resolved, guaranteed to be wrong, then by the number of prefixes asked; empty if the design does not fit.
  std::vector<QueryClass> classes(const Design& design, std::uint64_t budget_bits) const;
  bool fits(const Design& design, std::uint64_t budget_bits) const;
  // Rates by exact length, then by approximate length; not a number where a design does not fit.
  std::vector<double> grid(std::uint64_t budget_bits, Exact exact, Approx approx) const;
  // What the rate of no empty range of so many codes exceeds, over the choice of the seed.
  double bound(const Design& design, std::uint64_t budget_bits, std::uint64_t length) const;

 private:
  class Search;

  std::uint64_t parts(std::uint64_t budget_bits) const { return parts_budget(budget_bits, width_); }
  Unresolved unresolved(Space space) const;
  std::uint64_t universe(std::uint32_t bits) const;  // the largest value of an exact set of so many bits
  LevelCounts counts(std::vector<std::uint32_t> exact, std::vector<std::uint32_t> approx, bool with_free) const;
  std::optional<std::uint64_t> exact_size(const Design& design) const;
  std::optional<BlockRate> block(Approx approx, std::uint32_t bits, std::uint64_t budget) const;
  std::vector<QueryClass> split(const Unresolved& tail, const LevelCounts& counts, std::size_t i, std::size_t j,
                                const BlockRate& block) const;
  double mean(const Unresolved& tail, const LevelCounts& counts, std::size_t i, std::size_t j,
              const BlockRate& block) const;
  double bound_of(const Design& design, const std::optional<BlockRate>& block, std::uint64_t length) const;
  double unresolved_buckets(const Unresolved& tail, std::uint64_t width) const;
  Design paper(std::uint64_t parts) const;
  std::vector<Rated> extended(std::uint64_t parts, std::optional<WorstCase> worst_case) const;
  Design without_queries(std::uint64_t parts, std::optional<WorstCase> worst_case) const;
  [[noreturn]] void refuse(const WorstCase& worst_case) const;

  Sample sample_;
  std::size_t keys_, asked_, width_;
  std::optional<std::uint64_t> max_probes_;
  KeyStatistics known_;
  GapSums gaps_;
  std::vector<EmptyQuery> queries_;
};

// Filters of the extended space store the smallest and the largest key, and answer by them first.
inline Space space_of(const Design& design, bool bytes) {
  return design.approx == Approx::bloom || (design.exact == Exact::trie && !bytes) ? Space::paper : Space::extended;
}

}  // namespace bh::ranges
