#include "ranges/prefix_model.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "ranges/bloom.h"
#include "ranges/bucket_counts.h"
#include "ranges/elias_fano.h"
#include "ranges/fuse.h"
#include "ranges/locality_hash.h"
#include "ranges/trie.h"

namespace bh::ranges {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kFew = 16;  // as many queries at a length say how many there are at deeper ones

std::vector<std::uint32_t> all_lengths(std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> lengths(to + 1 - from);
  std::iota(lengths.begin(), lengths.end(), from);
  return lengths;
}

}  // namespace

PrefixModel::PrefixModel(Sample sample, std::optional<std::uint64_t> max_probes)
    : sample_(std::move(sample)),
      keys_(std::visit([](const auto& source) { return source.count(); }, sample_)),
      asked_(std::visit([](const auto& source) { return source.asked(); }, sample_)),
      width_(std::visit([](const auto& source) { return source.width(); }, sample_)),
      max_probes_(max_probes),
      known_(statistics(sample_)),
      gaps_(known_.gaps),
      queries_(empty_queries(sample_)) {}

// Near a key the distances of queries have a density without jumps, so that each further bit halves those that are
// left.
Unresolved PrefixModel::unresolved(Space space) const {
  const bool with_free = space == Space::paper;
  std::vector<double> counted(bits() + 1);
  for (const EmptyQuery& query : queries_) {
    if (keys_ > 0 && (with_free || !query.free)) ++counted[query.near()];
  }
  for (std::size_t l = bits(); l-- > 0;) counted[l] += counted[l + 1];
  std::vector<double> smoothed = counted;
  if (space == Space::paper || counted[0] == 0) return {counted, smoothed, with_free};
  std::uint32_t last = 0;
  while (last < bits() && counted[last + 1] >= kFew) ++last;
  for (std::uint32_t l = last + 1; l < bits(); ++l) {
    smoothed[l] = std::max({counted[l], 0.5, std::ldexp(counted[last], -static_cast<int>(l - last))});
  }
  return {counted, smoothed, with_free};
}

LevelCounts PrefixModel::counts(std::vector<std::uint32_t> exact, std::vector<std::uint32_t> approx,
                                bool with_free) const {
  LevelCounts found(std::move(exact), std::move(approx), bits());
  if (keys_ > 0) std::visit([&](const auto& source) { found.count(source, queries_, with_free); }, sample_);
  return found;
}

std::uint64_t PrefixModel::universe(std::uint32_t bits) const {
  if (bits <= known_.common) return 0;
  return prefix(known_.largest, bits - known_.common) - prefix(known_.smallest, bits - known_.common);
}

std::optional<std::uint64_t> PrefixModel::exact_size(const Design& design) const {
  if (design.exact == Exact::none || keys_ == 0) return 0;
  if (design.bucket_width > 0) {
    if (width_ > 0 || design.exact != Exact::elias_fano) return std::nullopt;
    const std::uint64_t width = design.bucket_width;
    const std::uint64_t buckets = count_buckets(std::get<CodeSample>(sample_).keys, width);
    return elias_fano_bits(buckets, (known_.largest - known_.smallest) / width);
  }
  const std::uint32_t l = design.exact_bits;
  if (design.exact == Exact::trie) {
    const std::uint32_t skipped = width_ > 0 ? known_.common / 8 * 8 : 0;  // whole bytes that all keys begin with
    return l <= skipped ? 0 : trie_bits(std::span(known_.prefixes).subspan(skipped), l - skipped);
  }
  if (l > known_.common + 64) return std::nullopt;
  return elias_fano_bits(known_.prefixes[l], universe(l));
}

std::optional<BlockRate> PrefixModel::block(Approx approx, std::uint32_t bits, std::uint64_t budget) const {
  const std::uint64_t prefixes = known_.prefixes[bits];
  switch (approx) {
    case Approx::none: return std::nullopt;
    case Approx::bloom: {
      const BloomShape shape(prefixes, budget);
      if (shape.bits == 0) return std::nullopt;
      return BlockRate::probing(shape.rate(prefixes), max_probes_);
    }
    case Approx::fuse: {
      FuseShape shape(prefixes, known_.prefixes[bits > kFuseBlockLog ? bits - kFuseBlockLog : 0]);
      if (!shape.spend(budget)) return std::nullopt;
      return BlockRate::probing(shape.rate(), max_probes_);
    }
    case Approx::locality: {
      const auto shape = locality_shape(prefixes, bits, budget);
      if (!shape) return std::nullopt;
      const int shift = static_cast<int>(known_.common) + 64 - static_cast<int>(bits);
      return BlockRate::hashing(static_cast<double>(shape->modulus), gaps_, shift);
    }
  }
  return std::nullopt;
}

std::vector<QueryClass> PrefixModel::split(const Unresolved& tail, const LevelCounts& counts, std::size_t i,
                                           std::size_t j, const BlockRate& block) const {
  const std::uint32_t exact = counts.exact()[i], approx = counts.approx()[j];
  std::vector<QueryClass> found{{0, 0}, {tail.smoothed[approx], 1}};
  counts.each_bin(i, j, [&](double queries, double mean) { found.push_back({queries, block(mean)}); });
  const double added = (tail.smoothed[exact] - tail.smoothed[approx]) - (tail.counted[exact] - tail.counted[approx]);
  if (added > 0) {
    CountBin whole;
    counts.each_bin(0, j, [&](double queries, double mean) {
      whole.queries += queries;
      whole.prefixes += queries * mean;
    });
    found.push_back({added, whole.queries > 0 ? block(whole.prefixes / whole.queries) : 1});
  }
  double rest = static_cast<double>(empty());
  for (const QueryClass& each : found) rest -= each.queries;
  found[0].queries = std::max(0.0, rest);
  return found;
}

double PrefixModel::mean(const Unresolved& tail, const LevelCounts& counts, std::size_t i, std::size_t j,
                         const BlockRate& block) const {
  double sum = 0;
  for (const QueryClass& each : split(tail, counts, i, j, block)) sum += each.queries * each.rate;
  return sum / static_cast<double>(empty());
}

std::vector<QueryClass> PrefixModel::classes(const Design& design, std::uint64_t budget_bits) const {
  const std::uint64_t budget = parts(budget_bits);
  const auto size = exact_size(design);
  if (empty() == 0 || !size || *size > budget) return {};
  const Unresolved tail = unresolved(space_of(design, width_ > 0));
  if (design.approx == Approx::none || keys_ == 0) {
    const double wrong = design.bucket_width > 0 ? unresolved_buckets(tail, design.bucket_width)
                                                 : tail.smoothed[design.exact == Exact::none ? 0 : design.exact_bits];
    return {{static_cast<double>(empty()) - wrong, 0}, {wrong, 1}};
  }
  const auto rate = block(design.approx, design.approx_bits, budget - *size);
  if (!rate) return {};
  std::vector<std::uint32_t> exact{0};
  if (design.exact != Exact::none && design.exact_bits > 0) exact.push_back(design.exact_bits);
  const std::size_t i = exact.size() - 1;
  return split(tail, counts(exact, {design.approx_bits}, tail.with_free), i, 0, *rate);
}

double PrefixModel::expected(const Design& design, std::uint64_t budget_bits) const {
  const auto found = classes(design, budget_bits);
  if (found.empty()) return kNone;
  double sum = 0;
  for (const QueryClass& each : found) sum += each.queries * each.rate;
  return sum / static_cast<double>(empty());
}

bool PrefixModel::fits(const Design& design, std::uint64_t budget_bits) const {
  const std::uint64_t budget = parts(budget_bits);
  const auto size = exact_size(design);
  if (!size || *size > budget) return false;
  return keys_ == 0 || design.approx == Approx::none || block(design.approx, design.approx_bits, budget - *size);
}

std::vector<double> PrefixModel::grid(std::uint64_t budget_bits, Exact exact, Approx approx) const {
  const std::uint64_t budget = parts(budget_bits);
  const std::size_t side = bits() + 1;
  std::vector<double> rates(side * side, kNone);
  const Unresolved tail = unresolved(space_of({.exact = exact, .approx = approx}, width_ > 0));
  const LevelCounts all = counts(all_lengths(0, bits()), all_lengths(1, bits()), tail.with_free);
  for (std::uint32_t l1 = 0; l1 <= (exact == Exact::none ? 0 : bits()) && empty() > 0; ++l1) {
    const auto size = exact_size({.exact = l1 == 0 ? Exact::none : exact, .exact_bits = l1});
    if (!size || *size > budget) continue;
    rates[side * l1] = tail.smoothed[l1] / static_cast<double>(empty());
    for (std::uint32_t l2 = l1 + 1; l2 <= bits() && approx != Approx::none; ++l2) {
      const auto rate = block(approx, l2, budget - *size);
      if (rate) rates[side * l1 + l2] = mean(tail, all, l1, l2 - 1, *rate);
    }
  }
  return rates;
}

double PrefixModel::bound_of(const Design& design, const std::optional<BlockRate>& block, std::uint64_t length) const {
  const bool all = design.exact_bits == bits() || design.bucket_width == 1;
  if (keys_ == 0 || (design.exact != Exact::none && all)) return 0;
  if (!block || design.approx_bits != bits()) return 1;  // a query may lie beside a key
  const auto codes = static_cast<double>(length);
  if (design.approx == Approx::locality) return std::min(1.0, codes * static_cast<double>(keys_) / block->range());
  if (max_probes_ && length >= *max_probes_) return 1;
  return std::min(1.0, codes * block->passing());
}

double PrefixModel::bound(const Design& design, std::uint64_t budget_bits, std::uint64_t length) const {
  const std::uint64_t budget = parts(budget_bits);
  const auto size = exact_size(design);
  if (!size || *size > budget) return 1;
  return bound_of(design, block(design.approx, design.approx_bits, budget - *size), length);
}

// Queries whose first code has its bucket in common with the key before, or the last one with the key behind.
double PrefixModel::unresolved_buckets(const Unresolved& tail, std::uint64_t width) const {
  if (width == 1 || tail.counted[0] == 0) return 0;
  const auto& source = std::get<CodeSample>(sample_);
  const auto bucket = [&](std::uint64_t code) { return (code - known_.smallest) / width; };
  double found = 0;
  for (const EmptyQuery& query : queries_) {
    if (query.free) continue;
    found += bucket(source.lo[query.place]) == bucket(source.keys[query.behind - 1]) ||
             bucket(source.hi[query.place]) == bucket(source.keys[query.behind]);
  }
  if (found >= kFew) return found;
  std::uint32_t last = 0;
  while (last < bits() && tail.counted[last + 1] >= kFew) ++last;
  const double length = 64 - std::log2(static_cast<double>(width));
  return std::min(tail.counted[0],
                  std::max({found, 0.5, tail.counted[last] * std::exp2(std::min(0.0, last - length))}));
}

}  // namespace bh::ranges
