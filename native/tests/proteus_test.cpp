// Instruction sets: ask
#include "ranges/proteus.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "ranges/codes.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};
using Codes = std::vector<std::uint64_t>;

Design exact(Exact kind, std::uint32_t bits) { return {kind, bits, 0, Approx::none, 0}; }
Design approx(Approx kind, std::uint32_t bits) { return {Exact::none, 0, 0, kind, bits}; }
Design both(Exact kind, std::uint32_t exact_bits, Approx set, std::uint32_t bits) {
  return {kind, exact_bits, 0, set, bits};
}
Design buckets(std::uint64_t width) { return {Exact::elias_fano, 0, width, Approx::none, 0}; }

bool holds(const Codes& codes, std::uint64_t a, std::uint64_t b) {
  const auto next = std::lower_bound(codes.begin(), codes.end(), a);
  return next != codes.end() && *next <= b;
}

// Every answer, together and one by one, of a filter of small codes that are shifted to the top.
void check_all_ranges(const Codes& small, std::uint32_t bits, const Design& design, bool bounded, bool is_exact) {
  const std::uint32_t shift = 64 - bits;
  Codes codes;
  for (const std::uint64_t code : small) codes.push_back(code << shift);
  const auto filter = Proteus::build(codes, design, 6000, 1, bounded);
  Codes first, last;
  for (std::uint64_t a = 0; a < std::uint64_t{1} << bits; ++a)
    for (std::uint64_t b = a; b < std::uint64_t{1} << bits; ++b) {
      first.push_back(a << shift), last.push_back(b << shift | low_mask(shift));
    }
  const auto answers = std::make_unique<bool[]>(first.size());
  filter.may_intersect(first, last, {answers.get(), first.size()});
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(filter.may_intersect(first[i], last[i]) == answers[i]);
    const bool held = holds(codes, first[i], last[i]);
    CHECK(is_exact ? answers[i] == held : answers[i] || !held);
  }
}

std::vector<Design> designs(std::uint32_t bits) {
  std::vector<Design> all{{}, buckets(std::uint64_t{3} << (64 - bits)), buckets(12345)};
  for (std::uint32_t l = 1; l <= bits; ++l) {
    all.push_back(exact(Exact::elias_fano, l));
    for (const Approx kind : {Approx::bloom, Approx::fuse, Approx::locality}) {
      all.push_back(approx(kind, l));
      if (l > 1) all.push_back(both(Exact::elias_fano, l / 2, kind, l));
    }
  }
  return all;
}

void oracle() {
  for (std::uint64_t round = 0; round < 8; ++round) {
    std::set<std::uint64_t> drawn;
    for (std::uint64_t i = 0; i < 1 + 8 * round; ++i) drawn.insert(bh::range(bh::kth(round, i), 128));
    const Codes codes(drawn.begin(), drawn.end());
    for (const Design& design : designs(7)) {
      check_all_ranges(codes, 7, design, true, design.exact_bits == 7);
    }
    for (const Exact kind : {Exact::none, Exact::trie})
      for (std::uint32_t l = 1; l <= 7 && round % 4 == 0; ++l) {
        if (kind == Exact::trie) check_all_ranges(codes, 7, exact(kind, l), false, l == 7);
        const Design design = kind == Exact::none ? approx(Approx::bloom, l) : both(kind, l, Approx::bloom, l + 1);
        check_all_ranges(codes, 7, design, false, false);
      }
  }
}

void degenerate() {
  for (const Design& design : designs(10)) {
    const auto none = Proteus::build({}, design, 100, 0);
    CHECK(none.count() == 0 && !none.may_intersect(0, kMax));
    for (const std::uint64_t code : {std::uint64_t{0}, std::uint64_t{12345}, kMax}) {
      const auto one = Proteus::build(Codes{code}, design, 5000, 0);
      CHECK(one.may_intersect(code, code) && one.may_intersect(0, kMax) && one.count() == 1);
      CHECK(code == 0 || !one.may_intersect(code - 1, code - 1));
      CHECK(code == kMax || !one.may_intersect(code + 1, kMax));
    }
    const auto ends = Proteus::build(Codes{0, kMax}, design, 5000, 0);
    CHECK(ends.may_intersect(0, 0) && ends.may_intersect(kMax, kMax) && ends.may_intersect(5, kMax));
  }
}

// Whoever would need `cap` probes is told True, be they in one region or in two; one probe fewer is made.
void caps() {
  const Codes codes{0, std::uint64_t{1} << 40, std::uint64_t{3} << 40, std::uint64_t{5} << 40};
  for (const Approx kind : {Approx::bloom, Approx::fuse}) {
    Design design = approx(kind, 64);
    const auto asks = [&](const Design& is, std::uint64_t a, std::uint64_t b) {
      return Proteus::build(codes, is, 5000, 0).may_intersect(a, b);
    };
    CHECK(!asks(design, 100, 162) && asks(design, 100, 163));
    design.max_probes.reset();
    CHECK(!asks(design, 100, 5000));
    Design split = both(Exact::elias_fano, 24, kind, 64);
    const std::uint64_t border = std::uint64_t{2} << 40;
    CHECK(!asks(split, border - 32, border + 1000));  // the second region holds nothing and is not asked
    CHECK(asks(split, border - 64, border + 1000) && !asks(split, border - 63, border));
    split.max_probes = 1;
    CHECK(asks(split, border - 1, border));
  }
}

void refusals() {
  Codes codes;
  for (std::uint64_t i = 0; i < 1000; ++i) codes.push_back(i << 50);
  const auto refused = [&](const Design& design, std::uint64_t budget, bool bounded = true) {
    try {
      Proteus::build(codes, design, budget, 0, bounded);
    } catch (const bh::InvalidInput&) {
      return true;
    }
    return false;
  };
  CHECK(!refused(exact(Exact::elias_fano, 20), 100000) && refused(exact(Exact::elias_fano, 20), 1000));
  CHECK(refused(exact(Exact::trie, 20), 1000) && refused(exact(Exact::elias_fano, 20), 100000, false));
  for (const Approx kind : {Approx::bloom, Approx::fuse, Approx::locality}) CHECK(refused(approx(kind, 20), 10));
  Design wrong = exact(Exact::elias_fano, 20);
  wrong.bucket_width = 7;
  CHECK(refused(wrong, 100000) && refused({Exact::none, 0, 7, Approx::none, 0}, 100000));
  CHECK(refused(exact(Exact::elias_fano, 0), 100000) && refused(exact(Exact::none, 5), 100000));
  CHECK(refused(approx(Approx::fuse, 0), 100000) && refused(approx(Approx::none, 5), 100000));
  CHECK(refused(exact(Exact::elias_fano, 65), 100000) && refused(approx(Approx::fuse, 65), 100000));
  CHECK(refused(both(Exact::elias_fano, 20, Approx::fuse, 20), 100000));
}

void falls_back() {
  Codes codes;
  for (std::uint64_t i = 0; i < 1000; ++i) codes.push_back(i << 50);
  const Parts parts = build_parts(codes, approx(Approx::fuse, 20), 0, 12000, 0, 0);
  CHECK(parts.fell_back && parts.design.approx == Approx::locality && parts.bits() <= 12000);
  const Proteus filter(build_parts(codes, approx(Approx::fuse, 20), 0, 12000, 0, 0), codes.size(), {});
  for (const std::uint64_t code : codes) CHECK(filter.may_intersect(code, code));
}

// No design spends more than its budget, and each spends nearly all of it: values that share a hash need less.
void budgets() {
  Codes codes;
  for (std::uint64_t i = 0; i < 20000; ++i) codes.push_back(bh::mix64(i));
  std::sort(codes.begin(), codes.end());
  for (std::uint64_t each = 8; each < 20; each += 3) {
    const std::uint64_t budget = each * codes.size();
    for (const Approx kind : {Approx::bloom, Approx::fuse, Approx::locality})
      for (const Design& design : {approx(kind, 40), both(Exact::elias_fano, 15, kind, 44)}) {
        const std::uint64_t bits = Proteus::build(codes, design, budget, 0).parts().bits();
        CHECK(bits <= parts_budget(budget) && bits + budget / 25 > parts_budget(budget));
      }
  }
}

}  // namespace

int main() {
  oracle();
  degenerate();
  caps();
  refusals();
  falls_back();
  budgets();
}
