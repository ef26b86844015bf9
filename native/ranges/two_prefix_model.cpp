#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ranges/two_prefix_bloom.h"

namespace bh::ranges {
namespace {

constexpr std::uint32_t kShares = 16;
constexpr std::size_t kChosenBy = 2048;  // queries, spread evenly over the sample
constexpr std::uint32_t kLengths = 64;

}  // namespace

TwoPrefixModel::TwoPrefixModel(const Sample& sample, std::uint64_t parts_bits, std::optional<std::uint64_t> max_probes)
    : sample_(sample),
      bits_(parts_bits),
      cap_(max_probes ? static_cast<double>(*max_probes) : std::numeric_limits<double>::infinity()),
      width_(std::visit([](const auto& source) { return source.bits(); }, sample)),
      keys_(statistics(sample)),
      queries_(empty_queries(sample)) {}

TwoPrefixModel::Passing TwoPrefixModel::passing(const TwoPrefixes& design) const {
  const std::uint64_t first = bits_ * design.share / kShares;
  const auto of = [&](std::uint32_t length, std::uint64_t bits) {
    const std::uint64_t n = keys_.prefixes[length];
    return n == 0 ? 0 : BloomShape(n, bits).rate(n);
  };
  return {of(design.first_bits, first), of(design.second_bits, bits_ - first)};
}

TwoPrefixModel::Counts TwoPrefixModel::counts(const EmptyQuery& query, std::uint32_t first_bits,
                                              std::uint32_t second_bits) const {
  return std::visit(
      [&](const auto& source) -> Counts {
        if (first_bits <= query.within) return {1, source.whole(query, second_bits), 0};
        return {source.whole(query, first_bits), source.at_left(query, first_bits, second_bits),
                source.at_right(query, first_bits, second_bits)};
      },
      sample_);
}

double TwoPrefixModel::rate(const EmptyQuery& query, const Counts& counts, const TwoPrefixes& design,
                            const Passing& passing) const {
  const auto near = [&](std::int32_t shared) { return shared >= static_cast<std::int32_t>(design.first_bits); };
  if (static_cast<std::int32_t>(query.near()) >= static_cast<std::int32_t>(design.second_bits)) return 1;
  // That a region is denied which the first filter lets pass with probability `open`.
  const auto denied = [&](double open, double prefixes) {
    const double all_denied =
        prefixes >= cap_ || passing.second >= 1 ? 0 : std::exp(prefixes * std::log1p(-passing.second));
    return 1 - open * (1 - all_denied);
  };
  const auto regions = static_cast<double>(counts.regions);
  if (regions >= cap_) return 1;
  const auto left = static_cast<double>(counts.left);
  if (counts.regions == 1) return 1 - denied(near(query.left) || near(query.right) ? 1 : passing.first, left);
  const double inner = std::ldexp(1.0, static_cast<int>(design.second_bits - design.first_bits));
  return 1 - denied(near(query.left) ? 1 : passing.first, left) *
                 denied(near(query.right) ? 1 : passing.first, static_cast<double>(counts.right)) *
                 std::pow(denied(passing.first, inner), regions - 2);
}

std::optional<double> TwoPrefixModel::expected(const TwoPrefixes& design) const {
  if (queries_.empty()) return std::nullopt;
  const Passing passes = passing(design);
  double sum = 0;
  for (const EmptyQuery& query : queries_)
    sum += rate(query, counts(query, design.first_bits, design.second_bits), design, passes);
  return sum / static_cast<double>(queries_.size());
}

TwoPrefixes TwoPrefixModel::best(std::optional<std::pair<std::uint32_t, std::uint32_t>> lengths) const {
  std::vector<const EmptyQuery*> chosen;
  const std::size_t step = std::max<std::size_t>(1, queries_.size() / kChosenBy);
  for (std::size_t i = 0; i < queries_.size(); i += step) chosen.push_back(&queries_[i]);
  // Those that share most with their neighbors are most often wrong: with them first, poor designs are soon given up.
  std::sort(chosen.begin(), chosen.end(), [](auto* x, auto* y) { return x->near() > y->near(); });
  if (chosen.empty())
    return lengths ? TwoPrefixes{lengths->first, lengths->second, 8} : TwoPrefixes{width_ / 2, width_, 8};

  std::vector<std::uint32_t> tried;
  // Prefixes that all keys share tell nothing, and longer ones than tell every query apart only ask more.
  // Of keys that differ in their last bit alone, both are the last two lengths.
  const std::uint32_t from = std::min(keys_.common + 1, width_ - 1);
  const std::uint32_t to =
      std::clamp(static_cast<std::uint32_t>(std::max<std::int32_t>(chosen[0]->near(), 0)) + 1, from + 1, width_);
  const std::uint32_t count = std::min(to - from + 1, kLengths);
  for (std::uint32_t i = 0; i < count; ++i) tried.push_back(from + (to - from) * i / std::max(count - 1, 1u));

  TwoPrefixes best{from, to, 8};
  double least = std::numeric_limits<double>::infinity();
  std::vector<Counts> asked(chosen.size());
  const auto judge = [&](std::uint32_t first, std::uint32_t second) {
    const auto wrong = static_cast<double>(std::count_if(chosen.begin(), chosen.end(), [&](auto* query) {
      return static_cast<std::int32_t>(query->near()) >= static_cast<std::int32_t>(second);
    }));
    if (wrong >= least) return;
    for (std::size_t i = 0; i < chosen.size(); ++i) asked[i] = counts(*chosen[i], first, second);
    for (std::uint32_t share = 1; share < kShares; ++share) {
      const TwoPrefixes design{first, second, share};
      const Passing passes = passing(design);
      double sum = 0;
      for (std::size_t i = 0; i < chosen.size() && sum < least; ++i) sum += rate(*chosen[i], asked[i], design, passes);
      if (sum < least) least = sum, best = design;
    }
  };
  if (lengths) {
    best = {lengths->first, lengths->second, 8};
    judge(lengths->first, lengths->second);
    return best;
  }
  for (const std::uint32_t second : tried)
    for (const std::uint32_t first : tried)
      if (first < second) judge(first, second);
  return best;
}

}  // namespace bh::ranges
