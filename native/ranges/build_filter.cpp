#include "ranges/build_filter.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

#include "ranges/byte_proteus.h"
#include "ranges/composed.h"
#include "ranges/rosetta.h"
#include "ranges/stored.h"
#include "ranges/surf.h"
#include "ranges/two_prefix_bloom.h"
#include "support/errors.h"

namespace bh::ranges {
namespace {

// Keys, and bounds that are no longer than they are.
struct CodeJob {
  std::span<const std::uint64_t> keys;
  const PolicySample& queries;

  std::size_t count() const { return keys.size(); }
  std::uint32_t bits() const { return kCodeBits; }
  std::size_t width() const { return 0; }
  Sample sample() const { return CodeSample{keys, queries.lo, queries.hi}; }
};

struct ByteJob {
  ByteJob(const ByteKeys& keys, const PolicySample& queries)
      : keys(keys), lo(cut(queries.lo_bytes)), hi(cut(queries.hi_bytes)) {}

  std::size_t count() const { return keys.count(); }
  std::uint32_t bits() const { return keys.bits(); }
  std::size_t width() const { return keys.width; }
  Sample sample() const { return ByteSample{keys, view(lo), view(hi)}; }

  ByteKeys keys;
  ByteRows lo, hi;

 private:
  ByteRows cut(const ByteRows& rows) const {
    ByteRows found;
    for (std::size_t i = 0; i < rows.count(); ++i) found.push_back(rows[i].first(std::min(rows[i].size(), keys.width)));
    return found;
  }
  ByteKeys view(const ByteRows& rows) const { return {rows.offsets, rows.data.data(), keys.width}; }
};

template <typename Core>
std::vector<std::uint8_t> written(Core core, const Policy& policy, std::size_t count, const Design& design,
                                  std::optional<double> expected) {
  Header header;
  header.filter = Core::kKind;
  header.keys = policy.keys;
  header.unit = policy.unit;
  header.design = design;
  header.count = count;
  header.seed = policy.seed;
  if (expected) header.expected = *expected;
  return Stored<Core>{header, std::move(core)}.write();
}

// Not a number where nothing is known, as in the bytes.
std::optional<double> expected_of(const PrefixModel& model, const Design& design, std::uint64_t budget) {
  if (model.empty() == 0) return std::nullopt;
  return model.expected(design, budget);
}

template <FilterKind kind, typename Job>
std::vector<std::uint8_t> composed(const Policy& policy, const Job& job, const PrefixModel* model, const Design& design,
                                   std::uint64_t budget) {
  constexpr bool text = std::is_same_v<Job, ByteJob>;
  const bool bounded = kind == FilterKind::proteus && space_of(design, text) == Space::extended;
  using Filter = std::conditional_t<text, ByteProteus, Proteus>;
  Composed<kind> core(Filter::build(job.keys, design, budget, policy.seed, bounded));
  const Design made = core.parts().design;
  return written(std::move(core), policy, job.count(), made,
                 model ? expected_of(*model, made, budget) : std::optional<double>());
}

template <typename Job>
std::vector<std::uint8_t> proteus(const Policy& policy, const Job& job, std::uint64_t budget, Space space) {
  const PrefixModel model(job.sample(), policy.max_probes);
  std::optional<WorstCase> worst;
  if (policy.worst_length != 0) worst = {policy.worst_length, policy.worst_rate};
  return composed<FilterKind::proteus>(policy, job, &model, model.best(budget, space, worst), budget);
}

// The length that errs least on the sample; of long codes 64 lengths are tried, and then those beside the best.
std::uint32_t best_length(const PrefixModel& model, std::uint32_t bits, std::uint64_t budget,
                          std::optional<std::uint64_t> max_probes) {
  if (model.empty() == 0) return bits;
  double lowest = 2;
  std::uint32_t best = bits;
  const auto consider = [&](std::uint32_t length) {
    Design design{.approx = Approx::bloom, .approx_bits = length, .max_probes = max_probes};
    const double rate = model.expected(design, budget);
    if (rate < lowest) lowest = rate, best = length;
  };
  const std::uint32_t step = std::max(1u, bits / 64);
  for (std::uint32_t left = bits; left >= 1; left -= std::min(left, step)) consider(left);
  if (step == 1) return best;
  const std::uint32_t middle = best;
  for (std::uint32_t length = std::min(bits, middle + step - 1); length + step > middle && length >= 1; --length)
    consider(length);
  return best;
}

template <typename Job>
std::vector<std::uint8_t> prefix_bloom(const Policy& policy, const Job& job, std::uint64_t budget) {
  const PrefixModel model(job.sample(), policy.max_probes);
  const std::uint32_t length = best_length(model, job.bits(), budget, policy.max_probes);
  const Design design{.approx = Approx::bloom, .approx_bits = length, .max_probes = policy.max_probes};
  return composed<FilterKind::prefix_bloom>(policy, job, &model, design, budget);
}

template <typename Job>
std::vector<std::uint8_t> locality_hash(const Policy& policy, const Job& job, std::uint64_t budget) {
  const Design design{.approx = Approx::locality, .approx_bits = job.bits(), .max_probes = std::nullopt};
  return composed<FilterKind::locality_hash>(policy, job, nullptr, design, budget);
}

template <typename Job>
std::vector<std::uint8_t> surf(const Policy& policy, const Job& job, std::uint64_t parts) {
  SurfOptions options;
  options.budget_bits = parts;
  options.seed = policy.seed;
  return written(Surf::build(job.keys, options), policy, job.count(), {}, std::nullopt);
}

std::vector<std::uint8_t> rosetta(const Policy& policy, const CodeJob& job, std::uint64_t parts) {
  RosettaOptions options;
  options.budget_bits = parts;
  options.max_probes = policy.max_probes;
  options.seed = policy.seed;
  const PolicySample& all = job.queries;
  std::uint64_t longest = 0;
  for (std::size_t i = 0; i < all.lo.size(); ++i) longest = std::max(longest, all.hi[i] - all.lo[i]);
  if (!all.lo.empty()) options.max_range = longest + (longest != ~std::uint64_t{0});
  std::vector<std::uint64_t> lo, hi;
  for (const EmptyQuery& query : empty_queries(job.sample())) {
    lo.push_back(all.lo[query.place]);
    hi.push_back(all.hi[query.place]);
  }
  Rosetta core = Rosetta::build(job.keys, {lo, hi}, options);
  const auto expected = core.expected(job.keys, {lo, hi});
  return written(std::move(core), policy, job.count(), {.max_probes = policy.max_probes}, expected);
}
std::vector<std::uint8_t> rosetta(const Policy&, const ByteJob&, std::uint64_t) {
  throw InvalidInput("keys are bytes, but Rosetta filters numbers only; take another filter");
}

template <typename Job>
std::vector<std::uint8_t> two_prefix_bloom(const Policy& policy, const Job& job, std::uint64_t parts) {
  const Sample sample = job.sample();
  const TwoPrefixModel model(sample, parts, policy.max_probes);
  const TwoPrefixes best = model.best(std::nullopt);
  const auto expected = model.expected(best);
  const Design design{.exact_bits = best.first_bits,
                      .approx = Approx::bloom,
                      .approx_bits = best.second_bits,
                      .max_probes = policy.max_probes};
  return written(TwoPrefixBloom::build(job.keys, best, parts, policy.max_probes, policy.seed), policy, job.count(),
                 design, expected);
}

// For filters whose only part cannot be smaller, as LEAST_BITS in Python.
std::uint64_t with_room(std::uint64_t budget, std::uint64_t count) {
  constexpr std::uint64_t kLeastBits = 512, kMostBitsPerKey = 1024;
  return std::max(budget, std::min(kLeastBits, kMostBitsPerKey * count));
}

template <typename Job>
std::vector<std::uint8_t> build(const Policy& policy, const Job& job, Space space) {
  const auto budget = static_cast<std::uint64_t>(std::llrint(policy.bits_per_key * static_cast<double>(job.count())));
  const std::uint64_t parts = parts_budget(budget, job.width());
  switch (policy.filter) {
    case FilterKind::policy: break;
    case FilterKind::proteus: return proteus(policy, job, budget, space);
    case FilterKind::prefix_bloom: return prefix_bloom(policy, job, with_room(budget, job.count()));
    case FilterKind::locality_hash: return locality_hash(policy, job, with_room(budget, job.count()));
    case FilterKind::surf: return surf(policy, job, parts);
    case FilterKind::rosetta: return rosetta(policy, job, parts);
    case FilterKind::two_prefix_bloom: return two_prefix_bloom(policy, job, parts);
  }
  throw InvalidInput("a policy names the filter to build, and this one names none");
}

}  // namespace

std::vector<std::uint8_t> build_filter(const Policy& policy, std::span<const std::uint64_t> keys,
                                       const PolicySample& queries, Space space) {
  return build(policy, CodeJob{keys, queries}, space);
}

std::vector<std::uint8_t> build_filter(const Policy& policy, const ByteKeys& keys, const PolicySample& queries,
                                       Space space) {
  return build(policy, ByteJob(keys, queries), space);
}

}  // namespace bh::ranges
