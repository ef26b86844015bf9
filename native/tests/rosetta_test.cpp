#include "ranges/rosetta.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "ranges/dyadic.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

std::vector<std::uint8_t> written(const Rosetta& rosetta, std::uint64_t count, std::uint64_t seed,
                                  std::optional<std::uint64_t> probes) {
  Header header;
  header.filter = Rosetta::kKind, header.count = count, header.seed = seed, header.design.max_probes = probes;
  return write_filter(header, rosetta.sections());
}

Stored<Rosetta> read_back(const std::vector<std::uint8_t>& bytes) {
  return Stored<Rosetta>::read(std::as_bytes(std::span(bytes)));
}

std::uint64_t draw(std::uint64_t& state) { return bh::mix64(state += bh::kGolden); }

std::vector<std::uint64_t> uniform(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint64_t> codes(count);
  for (std::uint64_t& code : codes) code = draw(seed);
  std::sort(codes.begin(), codes.end());
  return codes;
}

void nodes_cover_a_range_once() {
  std::uint64_t state = 1;
  const std::uint64_t last = ~std::uint64_t{0};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{{0, 0}, {last, last}, {last - 8, last}, {0, 100}, {5, 6}};
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t a = draw(state) >> draw(state) % 64;
    ranges.emplace_back(a, a + std::min(~a, draw(state) % 5000));
  }
  for (const auto& [a, b] : ranges)
    for (const std::uint32_t most : {0u, 1u, 5u, 63u}) {
      std::array<std::uint64_t, 64> counts{};
      std::uint64_t next = a;
      CHECK(each_node(a, b, most, [&](std::uint64_t first, std::uint32_t height) {
        CHECK(first == next && first % (std::uint64_t{1} << height) == 0 && height <= most);
        next = first + (std::uint64_t{1} << height);
        ++counts[height];
        return true;
      }));
      CHECK(next == b + 1);
      CHECK(counts == count_nodes(a, b, most));
    }
  CHECK(count_nodes(0, last, 63)[63] == 2 && count_nodes(0, last, 0)[0] == last);
  CHECK(rosetta_levels(1) == 1 && rosetta_levels(2) == 2 && rosetta_levels(32) == 6 && rosetta_levels(33) == 7);
  CHECK(rosetta_levels(last) == 64);
}

// Ranges of 2 to 32 codes at every alignment, far from all keys.
struct EveryAlignment {
  EveryAlignment() {
    for (std::uint64_t a = 0; a < 32; ++a)
      for (std::uint64_t length = 2; length <= 32; ++length)
        lo.push_back((1u << 20) + a), hi.push_back(lo.back() + length - 1);
  }
  EmptyRanges ranges() const { return {lo, hi}; }
  std::vector<std::uint64_t> lo, hi;
};

double mean_rate(const RosettaRates& rates, const EveryAlignment& sample) {
  double sum = 0;
  for (std::size_t i = 0; i < sample.lo.size(); ++i) sum += rates.of(sample.lo[i], sample.hi[i]);
  return sum / static_cast<double>(sample.lo.size());
}

void closed_form_has_its_golden_values() {
  const EveryAlignment sample;
  const auto codes = uniform(100'000, 2);
  const double golden[2][3] = {{0.128, 0.50, 0.21}, {0.020, 0.128, 0.082}};
  for (const int more : {0, 1}) {
    double least = 1;
    for (const int split : {0, 1, 2}) {
      const RosettaOptions options{(more ? 14u : 10u) * codes.size(), 32, {}, 0};
      const Rosetta rosetta = Rosetta::build(codes, sample.ranges(), options, static_cast<RosettaSplit>(split));
      CHECK(rosetta.levels() == 6 && rosetta.bits() <= options.budget_bits + 8 * 512);
      const double rate = mean_rate(rosetta.rates(codes), sample);
      CHECK(std::abs(rate / golden[more][split] - 1) < 0.05);
      least = std::min(least, rate);
    }
    const Rosetta best = Rosetta::build(codes, sample.ranges(), {(more ? 14u : 10u) * codes.size(), 32, {}, 0});
    CHECK(mean_rate(best.rates(codes), sample) == least);
  }
}

void closed_form_is_what_is_measured() {
  const auto codes = uniform(50'000, 3);
  const EveryAlignment sample;
  for (const int split : {0, 1, 2}) {
    const Rosetta rosetta =
        Rosetta::build(codes, sample.ranges(), {10 * codes.size(), 32, {}, 7}, static_cast<RosettaSplit>(split));
    const RosettaRates rates = rosetta.rates(codes);
    std::uint64_t state = 4, passed = 0, asked = 0;
    double expected = 0;
    while (asked < 40'000) {
      const std::uint64_t a = draw(state), b = a + std::min(~a, 1 + draw(state) % 31);
      const auto at = std::lower_bound(codes.begin(), codes.end(), a);
      if (at != codes.end() && *at <= b) continue;
      ++asked, passed += rosetta.may_intersect(a, b), expected += rates.of(a, b);
    }
    CHECK(std::abs(static_cast<double>(passed) / expected - 1) < 0.06);
  }
}

void no_key_is_denied_and_bytes_hold_all() {
  std::uint64_t state = 5;
  for (const std::size_t count : {0, 1, 2, 1000}) {
    auto codes = uniform(count, 6);
    if (count == 2) codes = {0, ~std::uint64_t{0}};
    for (const std::uint64_t max_range : {std::uint64_t{1}, std::uint64_t{40}, ~std::uint64_t{0}})
      for (const std::optional<std::uint64_t> probes :
           {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{64}}) {
        const Rosetta built = Rosetta::build(codes, {}, {12 * codes.size(), max_range, probes, 5});
        const auto bytes = written(built, codes.size(), 5, probes);
        const auto stored = read_back(bytes);
        const Rosetta& read = stored.core;
        CHECK(stored.bytes() == bytes.size());
        for (int q = 0; q < 300; ++q) {
          const std::uint64_t key = codes.empty() ? draw(state) : codes[draw(state) % codes.size()];
          const std::uint64_t a = key - std::min(key, draw(state) % 30), b = key + std::min(~key, draw(state) % 30);
          CHECK(codes.empty() || built.may_intersect(a, b));
          CHECK(!codes.empty() || !built.may_intersect(a, b) || probes);
          CHECK(built.may_intersect(key + 1000, key + 1007) == read.may_intersect(key + 1000, key + 1007));
        }
      }
  }
}

void a_cap_bounds_the_probes() {
  const auto codes = uniform(1000, 8);
  const Rosetta rosetta = Rosetta::build(codes, {}, {20 * codes.size(), 64, 64, 0});
  CHECK(rosetta.may_intersect(1, ~std::uint64_t{0} - 1) && rosetta.may_intersect(codes[0] + 1, codes[0] + 64));
}

// Of the section itself, with its checksums put right: what these cover is damaged elsewhere.
void damaged_bytes_are_refused_or_harmless() {
  const auto codes = uniform(100, 9);
  const Rosetta rosetta = Rosetta::build(codes, {}, {12 * codes.size(), 32, 64, 0});
  const auto bytes = written(rosetta, codes.size(), 0, 64);
  const auto sections = rosetta.sections();
  const std::uint64_t length = sections.back().size();
  const std::vector<std::uint8_t> section(bytes.end() - static_cast<std::ptrdiff_t>(length), bytes.end());
  std::uint64_t state = 10;
  for (std::size_t i = 0; i < section.size(); ++i)
    for (const bool cut : {false, true}) {
      std::vector<std::uint8_t> damaged(section.begin(),
                                        cut ? section.begin() + static_cast<std::ptrdiff_t>(i) : section.end());
      if (!cut) damaged[i] ^= static_cast<std::uint8_t>(1u << draw(state) % 8);
      Header header;
      header.filter = Rosetta::kKind, header.count = codes.size();
      const std::vector<Section> made{sections[0], {Tag::rosetta, {}, {}, damaged}};
      const auto forged = write_filter(header, made);
      try {
        const auto read = read_back(forged);
        CHECK(!cut);
        read.core.may_intersect(0, ~std::uint64_t{0});
      } catch (const bh::CorruptData&) {
      }
    }
}

}  // namespace

int main() {
  nodes_cover_a_range_once();
  closed_form_has_its_golden_values();
  closed_form_is_what_is_measured();
  no_key_is_denied_and_bytes_hold_all();
  a_cap_bounds_the_probes();
  damaged_bytes_are_refused_or_harmless();
}
