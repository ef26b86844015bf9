// PrefixModel::best: the search for a design in either space.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "ranges/bucket_counts.h"
#include "ranges/elias_fano.h"
#include "ranges/prefix_model.h"
#include "support/errors.h"

namespace bh::ranges {

namespace {

constexpr double kGain = 0.98;           // a design must have less of the rate of those before it, which are simpler
constexpr double kNearlyAsGood = 3;      // exact prefixes within this factor are worth narrower buckets
constexpr std::size_t kSideOfGrid = 64;  // prefix lengths that are tried in one pass

// About 64 of the numbers from `from` to `to`, both of them included.
std::vector<std::uint32_t> spread(std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> found;
  const std::uint32_t span = to - from, steps = std::min<std::uint32_t>(span, kSideOfGrid - 1);
  for (std::uint32_t k = 0; k <= steps; ++k) found.push_back(steps == 0 ? from : from + span * k / steps);
  return found;
}

// The numbers next to x in an ascending list, which holds it.
std::pair<std::uint32_t, std::uint32_t> around(const std::vector<std::uint32_t>& list, std::uint32_t x) {
  const auto at = std::lower_bound(list.begin(), list.end(), x);
  return {at == list.begin() ? x : *(at - 1), at == list.end() || at + 1 == list.end() ? x : *(at + 1)};
}

}  // namespace

class PrefixModel::Search {
 public:
  Search(const PrefixModel& model, std::uint64_t parts, std::optional<WorstCase> worst_case)
      : model_(model), parts_(parts), worst_case_(worst_case), tail_(model.unresolved(Space::extended)) {
    consider({}, std::nullopt, per_query(tail_.smoothed[0]));
  }

  // Exact lengths that fit, each alone and then with each approximate part of each length.
  void pass(std::vector<std::uint32_t> exact, std::vector<std::uint32_t> approx) {
    const LevelCounts counts = model_.counts(std::move(exact), std::move(approx), false);
    for (std::size_t i = 0; i < counts.exact().size(); ++i) {
      const std::uint32_t l1 = counts.exact()[i];
      const Design alone = exact_only(l1);
      const auto size = model_.exact_size(alone);
      if (!size || *size > parts_) continue;
      consider(alone, std::nullopt, per_query(tail_.smoothed[l1]));
      for (const Approx approx : {Approx::fuse, Approx::locality}) {
        for (std::size_t j = 0; j < counts.approx().size(); ++j) {
          const std::uint32_t l2 = counts.approx()[j];
          if (l2 <= l1 || per_query(tail_.smoothed[l2]) >= kGain * rate_) continue;
          const auto block = model_.block(approx, l2, parts_ - *size);
          if (!block) continue;
          Design both = alone;
          both.approx = approx;
          both.approx_bits = l2;
          consider(both, block, model_.mean(tail_, counts, i, j, *block));
        }
      }
    }
  }

  Design exact_only(std::uint32_t l1) const {
    if (l1 == 0) return {};
    return {.exact = l1 > model_.known_.common + 64 ? Exact::trie : Exact::elias_fano, .exact_bits = l1};
  }

  // Longer prefixes take more, apart from where a trie takes the place of an Elias-Fano set.
  std::uint32_t deepest_exact() const {
    const std::uint32_t w = model_.bits(), short_ones = std::min(w, model_.known_.common + 64);
    const auto fits = [&](std::uint32_t l) {
      const auto size = model_.exact_size(exact_only(l));
      return size && *size <= parts_;
    };
    const auto deepest = [&](std::uint32_t low, std::uint32_t high) {  // the last that fits, or low
      while (low < high) {
        const std::uint32_t middle = low + (high - low + 1) / 2;
        if (fits(middle)) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      return low;
    };
    const std::uint32_t tries = deepest(short_ones, w);
    return tries > short_ones ? tries : deepest(0, short_ones);
  }

  // Where the sample cannot tell designs apart, the budget is spent on prefixes that are never wrong.
  void spend() {
    const std::uint32_t l1 = deepest_exact();
    const double rate = per_query(tail_.smoothed[l1]);
    if (rate <= rate_ && rate_ <= per_query(0.5) && allowed(exact_only(l1), std::nullopt)) {
      best_ = exact_only(l1);
      rate_ = rate;
    }
  }

  // Prefixes waste up to a bit, as the next longer ones may not fit; buckets may have any width.
  void narrow() {
    const std::uint32_t l1 = deepest_exact();
    if (model_.width_ > 0 || l1 == model_.bits() || per_query(tail_.smoothed[l1]) >= kNearlyAsGood * rate_) return;
    if (per_query(tail_.smoothed[l1 + 1]) >= kGain * rate_) return;  // buckets are wider than those prefixes' regions
    const auto keys = std::get<CodeSample>(model_.sample_).keys;
    std::uint64_t low = std::uint64_t{1} << (63 - l1), high = l1 == 0 ? low : 2 * low;  // too narrow as a rule, fits
    const auto size = [&](std::uint64_t buckets, std::uint64_t width) {
      return elias_fano_bits(buckets, (keys.back() - keys.front()) / width);
    };
    const std::uint64_t top = high;
    for (int step = 0; step < 5; ++step) {
      const std::uint64_t middle = low + (high - low) / 2;
      (size(estimate_buckets(keys, middle), middle) <= parts_ ? high : low) = middle;
    }
    if (high == top || per_query(model_.unresolved_buckets(tail_, high)) >= kGain * rate_) return;
    while (high < top && size(count_buckets(keys, high), high) > parts_) high = std::min(top, high + high / 50 + 1);
    if (high >= top) return;
    const Design design{.exact = Exact::elias_fano, .bucket_width = high};
    consider(design, std::nullopt, per_query(model_.unresolved_buckets(tail_, high)));
  }

  bool found() const { return rate_ < std::numeric_limits<double>::infinity(); }
  const Design& best() const { return best_; }
  std::vector<Rated> ranked() const {
    std::vector<Rated> all;
    for (const Rated& each : kinds_)
      if (each.rate < std::numeric_limits<double>::infinity() && !same_kind(each.design, best_)) all.push_back(each);
    std::stable_sort(all.begin(), all.end(), [](const Rated& x, const Rated& y) { return x.rate < y.rate; });
    all.insert(all.begin(), {best_, rate_});
    return all;
  }

 private:
  static bool same_kind(const Design& x, const Design& y) { return x.exact == y.exact && x.approx == y.approx; }

  double per_query(double queries) const { return queries / static_cast<double>(model_.empty()); }

  bool allowed(const Design& design, const std::optional<BlockRate>& block) const {
    return !worst_case_ || model_.bound_of(design, block, worst_case_->length) <= worst_case_->rate;
  }

  void consider(const Design& design, const std::optional<BlockRate>& block, double rate) {
    if (!allowed(design, block)) return;
    const auto same =
        std::find_if(kinds_.begin(), kinds_.end(), [&](const Rated& each) { return same_kind(each.design, design); });
    if (same == kinds_.end())
      kinds_.push_back({design, rate});
    else if (rate < kGain * same->rate)
      *same = {design, rate};
    if (!(rate < kGain * rate_)) return;
    best_ = design;
    rate_ = rate;
  }

  const PrefixModel& model_;
  std::uint64_t parts_;
  std::optional<WorstCase> worst_case_;
  Unresolved tail_;
  std::vector<Rated> kinds_;  // the best of each
  Design best_;
  double rate_ = std::numeric_limits<double>::infinity();
};

std::vector<Rated> PrefixModel::ranked(std::uint64_t budget_bits, Space space,
                                       std::optional<WorstCase> worst_case) const {
  const std::uint64_t budget = parts(budget_bits);
  const auto alone = [](const Design& design) {
    return std::vector<Rated>{{design, std::numeric_limits<double>::quiet_NaN()}};
  };
  std::vector<Rated> found;
  if (keys_ == 0) {
    found = alone({});
  } else if (space == Space::paper) {
    found = alone(paper(budget));
  } else if (empty() < kFewEmpty) {
    found = alone(without_queries(budget, worst_case));
  } else {
    found = extended(budget, worst_case);
  }
  for (Rated& each : found) each.design.max_probes = max_probes_;
  return found;
}

std::vector<Rated> PrefixModel::extended(std::uint64_t budget, std::optional<WorstCase> worst_case) const {
  Search search(*this, budget, worst_case);
  const std::uint32_t w = bits();
  if (w <= kSideOfGrid) {
    search.pass(spread(0, w), spread(1, w));
  } else {
    const std::uint32_t from = known_.common;  // shorter prefixes tell no keys apart
    const std::uint32_t deepest = search.deepest_exact();
    std::vector<std::uint32_t> exact = deepest > from ? spread(from, deepest) : std::vector<std::uint32_t>{};
    if (exact.empty() || exact[0] > 0) exact.insert(exact.begin(), 0);
    const std::vector<std::uint32_t> approx = spread(std::min(from + 1, w), w);
    search.pass(exact, approx);
    const auto [first, last] = around(exact, search.best().exact_bits);
    const auto [shortest, longest] = around(approx, std::max(approx[0], search.best().approx_bits));
    std::vector<std::uint32_t> near = spread(first, last);
    if (near[0] > 0) near.insert(near.begin(), 0);
    search.pass(near, spread(shortest, longest));
  }
  search.spend();
  search.narrow();
  if (!search.found()) refuse(*worst_case);
  return search.ranked();
}

// The workload-free choice: exact where that fits, else hashes that bound the rate of every range.
Design PrefixModel::without_queries(std::uint64_t budget, std::optional<WorstCase> worst_case) const {
  const std::uint32_t w = bits();
  const Design exact{.exact = Exact::elias_fano, .exact_bits = w};
  const auto size = exact_size(exact);
  if (size && *size <= budget) return exact;
  const auto keeps = [&](const Design& design, const std::optional<BlockRate>& rate) {
    return !worst_case || bound_of(design, rate, worst_case->length) <= worst_case->rate;
  };
  for (const Approx approx : {Approx::locality, Approx::fuse}) {
    const Design design{.approx = approx, .approx_bits = w};
    const auto rate = block(approx, w, budget);
    if (rate && keeps(design, rate) && (approx == Approx::locality || worst_case)) return design;
  }
  if (worst_case && worst_case->rate < 1) refuse(*worst_case);
  return {};
}

void PrefixModel::refuse(const WorstCase& worst_case) const {
  const auto n = static_cast<double>(keys_);
  std::uint64_t most = std::uint64_t{1} << 42, least = 0;  // a budget that suffices, one that does not
  const auto suffices = [&](std::uint64_t budget) {
    const auto rate = block(Approx::locality, bits(), parts(budget));
    const Design design{.approx = Approx::locality, .approx_bits = bits()};
    const auto size = exact_size({.exact = Exact::elias_fano, .exact_bits = bits()});
    return (size && *size <= parts(budget)) || (rate && bound_of(design, rate, worst_case.length) <= worst_case.rate);
  };
  while (most - least > 1) {
    const std::uint64_t middle = least + (most - least) / 2;
    (suffices(middle) ? most : least) = middle;
  }
  const bool possible = suffices(most);
  throw InvalidInput("worst_case asks for a rate of at most " + shown(worst_case.rate) + " for every empty range of " +
                     std::to_string(worst_case.length) + " codes, which " +
                     (possible ? "takes " + shown(std::ceil(10 * static_cast<double>(most) / n) / 10) +
                                     " bits per key; raise bits_per_key to that, or relax worst_case"
                               : "no filter of these keys keeps; relax worst_case"));
}

// As the released code chooses: ties go deeper, nothing is smoothed, and a trie that never errs still gets a filter.
Design PrefixModel::paper(std::uint64_t budget) const {
  const std::uint32_t w = bits();
  const auto trie = [&](std::uint32_t l1) {
    return l1 == 0 ? Design{} : Design{.exact = Exact::trie, .exact_bits = l1};
  };
  const auto fits = [&](const Design& design) {
    const auto size = exact_size(design);
    return size && *size <= budget ? size : std::nullopt;
  };
  if (fits(trie(w))) return trie(w);
  if (empty() == 0) return {.approx = Approx::bloom, .approx_bits = w / 2};
  const Unresolved tail = unresolved(Space::paper);
  std::vector<std::uint32_t> exact = spread(0, w), approx = spread(1, w);
  const LevelCounts all = counts(exact, approx, true);
  Design best;
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](const Design& design, double rate) {
    if (rate <= least) best = design, least = rate;
  };
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const Design alone = trie(exact[i]);
    const auto size = fits(alone);
    if (!size) continue;
    if (exact[i] > 0) consider(alone, tail.counted[exact[i]] / static_cast<double>(empty()));
    for (std::size_t j = 0; j < approx.size(); ++j) {
      if (approx[j] <= exact[i]) continue;
      const auto rate = block(Approx::bloom, approx[j], budget - *size);
      if (!rate) continue;
      Design both = alone;
      both.approx = Approx::bloom;
      both.approx_bits = approx[j];
      consider(both, mean(tail, all, i, j, *rate));
    }
  }
  if (best.exact == Exact::trie && best.approx == Approx::none && least == 0) {
    const auto size = fits(best);
    if (block(Approx::bloom, (best.exact_bits + w) / 2, budget - *size)) {
      best.approx = Approx::bloom;
      best.approx_bits = (best.exact_bits + w) / 2;
    }
  }
  return best;
}

}  // namespace bh::ranges
