#include "ranges/two_prefix_bloom.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "ranges/key_bytes.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

std::uint64_t draw(std::uint64_t& state) { return bh::mix64(state += bh::kGolden); }

std::vector<std::uint64_t> uniform(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint64_t> codes(count);
  for (std::uint64_t& code : codes) code = draw(seed);
  std::sort(codes.begin(), codes.end());
  return codes;
}

struct Ranges {
  std::vector<std::uint64_t> lo, hi;
};

// Empty ones of 2 to 16 codes, half of them just behind a key.
Ranges empty_ranges(const std::vector<std::uint64_t>& codes, std::size_t count, std::uint64_t state) {
  Ranges ranges;
  while (ranges.lo.size() < count) {
    const std::uint64_t start =
        draw(state) % 2 ? codes[draw(state) % codes.size()] + 1 + draw(state) % 1024 : draw(state);
    const std::uint64_t a = std::min(start, ~std::uint64_t{0} - 20), b = a + 1 + draw(state) % 15;
    const auto at = std::lower_bound(codes.begin(), codes.end(), a);
    if (at != codes.end() && *at <= b) continue;
    ranges.lo.push_back(a), ranges.hi.push_back(b);
  }
  return ranges;
}

void predicted_rates_are_measured() {
  const auto codes = uniform(50'000, 1);
  const Ranges seen = empty_ranges(codes, 4000, 2), asked = empty_ranges(codes, 20'000, 3);
  const std::uint64_t budget = 12 * codes.size();
  const Sample sample = CodeSample{codes, seen.lo, seen.hi};
  const TwoPrefixModel model(sample, budget, 64);
  const TwoPrefixes best = model.best({});
  CHECK(best.first_bits < best.second_bits && best.second_bits > 50);
  for (const TwoPrefixes& design : {best, TwoPrefixes{28, 62, 4}, TwoPrefixes{60, 64, 8}, TwoPrefixes{59, 63, 12}}) {
    const TwoPrefixBloom filter = TwoPrefixBloom::build(codes, design, budget, 64, 5);
    CHECK(filter.first().bits() + filter.second().bits() <= budget);
    double passed = 0;
    for (std::size_t i = 0; i < asked.lo.size(); ++i) passed += filter.may_intersect(asked.lo[i], asked.hi[i]);
    const double rate = passed / static_cast<double>(asked.lo.size()), expected = *model.expected(design);
    CHECK(expected >= *model.expected(best) * 0.98);
    CHECK(std::abs(rate / expected - 1) < 0.12);
  }
  const TwoPrefixes fixed = model.best(std::pair{20u, 60u});
  CHECK(fixed.first_bits == 20 && fixed.second_bits == 60 && *model.expected(fixed) >= *model.expected(best));
}

void no_key_is_denied() {
  std::uint64_t state = 6;
  for (const std::size_t count : {0, 1, 2, 500}) {
    auto codes = uniform(count, 7);
    if (count == 2) codes = {0, ~std::uint64_t{0}};
    for (const TwoPrefixes& design : {TwoPrefixes{1, 64, 8}, TwoPrefixes{30, 40, 2}, TwoPrefixes{63, 64, 15}})
      for (const std::optional<std::uint64_t> probes :
           {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{4}}) {
        const TwoPrefixBloom filter = TwoPrefixBloom::build(codes, design, 12 * count, probes, 1);
        for (int q = 0; q < 300; ++q) {
          const std::uint64_t key = codes.empty() ? draw(state) : codes[draw(state) % codes.size()];
          const std::uint64_t a = key - std::min(key, draw(state) % 30), b = key + std::min(~key, draw(state) % 30);
          CHECK(codes.empty() ? probes || !filter.may_intersect(a, b) : filter.may_intersect(a, b));
        }
      }
  }
}

// The first filter is full, so that every region passes, and the second denies all: 32 regions with 2^20 prefixes each.
void regions_share_the_probes_of_an_uncapped_query() {
  const auto codes = uniform(4096, 10);
  const TwoPrefixes design{40, 60, 0};
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint8_t> data;
  for (const std::uint64_t code : codes) {
    const CodeBytes key(code);
    data.insert(data.end(), key.span().begin(), key.span().end());
    offsets.push_back(data.size());
  }
  const std::uint64_t budget = std::uint64_t{1} << 20;
  const TwoPrefixBloom numbers = TwoPrefixBloom::build(codes, design, budget, {}, 1);
  const TwoPrefixBloom strings = TwoPrefixBloom::build(ByteKeys{offsets, data.data(), 8}, design, budget, {}, 1);
  const std::uint64_t region = std::uint64_t{1} << 24, a = codes[0] / region * region + region;
  CHECK(a + 32 * region < codes[1]);
  for (const auto& [regions, found] : {std::pair{1, false}, std::pair{32, true}}) {
    const std::uint64_t b = a + static_cast<std::uint64_t>(regions) * region - 1;
    const CodeBytes first(a), last(b);
    CHECK(numbers.may_intersect(a, b) == found && strings.may_intersect(first.span(), last.span()) == found);
  }
}

void keys_of_bytes_are_found_as_numbers_are() {
  // Numbers as 8 bytes, some of them ending in zeros that are left out.
  auto codes = uniform(300, 8);
  for (std::size_t i = 0; i < codes.size(); i += 3) codes[i] &= ~std::uint64_t{0xFFFFFF};
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  const auto bytes = [](std::uint64_t code) {
    std::vector<std::uint8_t> key;
    for (int i = 56; i >= 0; i -= 8) key.push_back(static_cast<std::uint8_t>(code >> i));
    while (!key.empty() && key.back() == 0) key.pop_back();
    return key;
  };
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint8_t> data;
  for (const std::uint64_t code : codes) {
    const auto key = bytes(code);
    data.insert(data.end(), key.begin(), key.end());
    offsets.push_back(data.size());
  }
  const ByteKeys keys{offsets, data.data(), 8};
  std::uint64_t state = 9;
  for (const TwoPrefixes& design : {TwoPrefixes{7, 30, 8}, TwoPrefixes{56, 60, 8}, TwoPrefixes{61, 64, 8}}) {
    const TwoPrefixBloom numbers = TwoPrefixBloom::build(codes, design, 40 * codes.size(), 64, 1);
    const TwoPrefixBloom strings = TwoPrefixBloom::build(keys, design, 40 * codes.size(), 64, 1);
    int differ = 0;
    for (int q = 0; q < 2000; ++q) {
      const std::uint64_t key = codes[draw(state) % codes.size()], a = key - std::min(key, draw(state) % 100);
      const std::uint64_t b = a + std::min(~a, draw(state) % 100);
      const bool truth = std::any_of(codes.begin(), codes.end(), [&](std::uint64_t x) { return a <= x && x <= b; });
      const auto first = bytes(a), last = bytes(b);
      const bool found = strings.may_intersect(ByteCode(first), ByteCode(last));
      CHECK(found || !truth);
      differ += found != numbers.may_intersect(a, b);
    }
    CHECK(differ < 10);  // the hashes are others
  }
}

}  // namespace

int main() {
  predicted_rates_are_measured();
  no_key_is_denied();
  regions_share_the_probes_of_an_uncapped_query();
  keys_of_bytes_are_found_as_numbers_are();
}
