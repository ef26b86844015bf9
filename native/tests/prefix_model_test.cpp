// The model against enumeration and against the designs and rates of the released Proteus code.
// Instruction sets: query_sample
#include "ranges/prefix_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "ranges/bucket_counts.h"
#include "support/errors.h"

namespace {

using namespace bh::ranges;
using Codes = std::vector<std::uint64_t>;

struct Queries {
  Codes lo, hi;
};

bool near(double value, double wanted, double share) { return std::abs(value - wanted) <= share * wanted; }

void finish(Codes& keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

Codes uniform_keys(std::size_t n) {
  std::mt19937_64 random(42);
  Codes keys;
  while (keys.size() < n) {
    while (keys.size() < n) keys.push_back(random());
    finish(keys);
  }
  return keys;
}

Codes normal_keys(std::size_t n) {
  std::mt19937_64 random(42);
  std::normal_distribution<double> normal(std::ldexp(1.0, 63), 0.01 * std::ldexp(1.0, 64));
  Codes keys;
  while (keys.size() < n) {
    while (keys.size() < n) {
      const double drawn = normal(random);
      if (drawn >= 0 && drawn < 18446744073709551615.0) keys.push_back(static_cast<std::uint64_t>(drawn));
    }
    finish(keys);
  }
  return keys;
}

// As the benchmark behind the designs that the released code chose draws them: empty ranges, uniform or just behind a
// key.
Queries sample(const Codes& keys, char kind, std::uint64_t longest, std::size_t count) {
  std::mt19937_64 random(99);
  Queries drawn;
  while (drawn.lo.size() < count) {
    const std::uint64_t length = longest <= 1 ? 1 : 2 + random() % (longest - 1);
    const bool beside = kind == 'c' || (kind == 's' && (random() & 1) != 0);
    std::uint64_t lo = random();
    if (beside) {
      lo = keys[lo % keys.size()] + 1;
      lo += random() % 1024;
    }
    const std::uint64_t hi = lo + length - 1;
    if (hi < lo) continue;
    const auto next = std::lower_bound(keys.begin(), keys.end(), lo);
    if (next != keys.end() && *next <= hi) continue;
    drawn.lo.push_back(lo);
    drawn.hi.push_back(hi);
  }
  return drawn;
}

// The released code chose these lengths, at 8, 12, 16 and 18 bits per key.
void check_paper(const Codes& keys, char kind, std::uint64_t longest, std::array<double, 4> rates, double share,
                 std::uint32_t exact, std::array<std::uint32_t, 4> approx) {
  const Queries queries = sample(keys, kind, longest, 20'000);
  const PrefixModel model(CodeSample{keys, queries.lo, queries.hi}, std::nullopt);
  const std::array<std::uint64_t, 4> bits{8, 12, 16, 18};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t budget = bits[i] * keys.size();
    const Design design = model.best(budget, Space::paper, std::nullopt);
    const double rate = model.expected(design, budget);
    CHECK(near(rate, rates[i], share));
    CHECK(design.exact_bits == exact);
    CHECK(design.approx_bits == approx[i]);
  }
}

// |K_l| and gaps by their definitions, over sizes around those of the unrolled loop.
void check_statistics() {
  std::mt19937_64 random(1);
  for (std::size_t n = 0; n < 40; ++n) {
    Codes keys;
    for (std::size_t i = 0; i < n; ++i) keys.push_back(random() >> random() % 60);
    finish(keys);
    const KeyStatistics found = statistics(CodeSample{keys, {}, {}});
    for (std::uint32_t l = 0; l <= 64; ++l) {
      Codes prefixes;
      for (const std::uint64_t key : keys) prefixes.push_back(prefix(key, l));
      finish(prefixes);
      CHECK(found.prefixes[l] == prefixes.size());
    }
    double gaps = 0;
    for (const double count : found.gaps.count) gaps += count;
    CHECK(gaps == static_cast<double>(keys.empty() ? 0 : keys.size() - 1));
    for (std::size_t i = 1; i < n; ++i) {
      Codes repeated = keys;
      repeated[i] = repeated[i - 1];
      try {
        statistics(CodeSample{repeated, {}, {}});
        CHECK(false);
      } catch (const bh::InvalidInput&) {
      }
    }
  }
}

void check_golden_statistics() {
  const Codes keys{10, 200, 1000, 70000}, lo{300, 11, 1001, 0, 70001, 5}, hi{500, 11, 69999, 9, 1ull << 40, 20};
  const auto found = empty_queries(CodeSample{keys, lo, hi});
  CHECK(found.size() == 5);  // one of them holds a key
  const auto is = [&](std::uint32_t place, std::int32_t left, std::int32_t right, std::uint32_t within) {
    const auto at = std::find_if(found.begin(), found.end(), [&](const auto& each) { return each.place == place; });
    return at != found.end() && at->left == left && at->right == right && at->within == within &&
           at->free == (left < 0 || right < 0);
  };
  CHECK(is(0, 55, 54, 56));
  CHECK(is(1, 63, 56, 64));
  CHECK(is(2, 63, 59, 47));
  CHECK(is(3, -1, 62, 60));
  CHECK(is(4, 63, -1, 23));
}

// Counts in difference arrays against those of each query for each pair of lengths.
void check_counts() {
  std::mt19937_64 random(3);
  Codes keys;
  for (int i = 0; i < 60; ++i) keys.push_back(random() >> random() % 30);
  finish(keys);
  Queries queries;
  while (queries.lo.size() < 300) {
    const std::uint64_t lo = random() >> random() % 40, hi = lo + (random() >> random() % 64);
    if (hi >= lo) queries.lo.push_back(lo), queries.hi.push_back(hi);
  }
  const CodeSample codes{keys, queries.lo, queries.hi};
  const auto empty = empty_queries(codes);
  CHECK(empty.size() > 20);
  std::vector<std::uint32_t> exact, approx;
  for (std::uint32_t l = 0; l <= 64; ++l) exact.push_back(l);
  for (std::uint32_t l = 1; l <= 64; ++l) approx.push_back(l);
  LevelCounts counts(exact, approx, 64);
  counts.count(codes, empty, true);
  for (std::uint32_t l1 = 0; l1 < 64; ++l1) {
    for (std::uint32_t l2 = l1 + 1; l2 <= 64; ++l2) {
      std::array<double, 64> wanted{};
      for (const EmptyQuery& query : empty) {
        if (query.near() < l1 || query.near() >= l2) continue;
        const std::uint64_t lo = codes.lo[query.place], hi = codes.hi[query.place];
        std::uint64_t asked = count_prefixes(lo, hi, l2);
        if (l1 > query.within) {
          asked = query.left >= static_cast<std::int32_t>(l1) ? count_prefixes(lo, last_of(lo, l1), l2) : 0;
          asked += query.right >= static_cast<std::int32_t>(l1) ? count_prefixes(first_of(hi, l1), hi, l2) : 0;
        }
        ++wanted[static_cast<std::size_t>(std::bit_width(asked) - 1)];
      }
      counts.each_bin(l1, l2 - 1, [&](double found, double mean) {
        const auto bin = static_cast<std::size_t>(std::ilogb(mean * (1 + 1e-9)));
        CHECK(wanted[bin] == found);
        wanted[bin] = 0;
      });
      for (const double left : wanted) CHECK(left == 0);
    }
  }
}

void check_worst_case_names_bits() {
  const Codes keys = uniform_keys(10'000);
  const Queries queries = sample(keys, 'u', 32, 2'000);
  const PrefixModel model(CodeSample{keys, queries.lo, queries.hi}, 64);
  bool refused = false;
  try {
    model.best(8 * keys.size(), Space::extended, WorstCase{1000, 1e-4});
  } catch (const bh::InvalidInput& error) {
    refused = std::string(error.what()).find("bits per key") != std::string::npos;
  }
  CHECK(refused);
}

// Strings of 8 bytes are numbers, whatever the path through the model.
void check_bytes() {
  const Codes keys = uniform_keys(2'000);
  const Queries queries = sample(keys, 's', 16, 1'000);
  std::array<std::vector<std::uint8_t>, 3> data;
  std::array<std::vector<std::uint64_t>, 3> offsets;
  const auto spell = [&](std::size_t which, const Codes& codes) {
    offsets[which].push_back(0);
    for (const std::uint64_t code : codes) {
      for (int shift = 56; shift >= 0; shift -= 8) data[which].push_back(static_cast<std::uint8_t>(code >> shift));
      offsets[which].push_back(data[which].size());
    }
    return ByteKeys{offsets[which], data[which].data(), 8};
  };
  const PrefixModel numbers(CodeSample{keys, queries.lo, queries.hi}, 64);
  const ByteKeys spelled = spell(0, keys), lo = spell(1, queries.lo), hi = spell(2, queries.hi);
  const PrefixModel strings(ByteSample(spelled, lo, hi), 64);
  CHECK(numbers.prefix_counts() == strings.prefix_counts());
  for (const std::uint64_t bits : {10, 16}) {
    const Design design = numbers.best(bits * keys.size(), Space::extended, std::nullopt);
    if (design.bucket_width > 0) continue;
    const double rate = numbers.expected(design, bits * keys.size());
    // The bounds of strings take more of so small a budget.
    CHECK(near(strings.expected(design, bits * keys.size()), rate, 0.1));
  }
}

void check_buckets() {
  std::mt19937_64 random(5);
  Codes keys;
  for (int i = 0; i < 400'000; ++i) keys.push_back(random() % 10'000'000);
  finish(keys);
  for (const std::uint64_t width : {1ull, 7ull, 30ull, 1000ull}) {
    Codes buckets;
    for (const std::uint64_t key : keys) buckets.push_back((key - keys[0]) / width);
    finish(buckets);
    CHECK(count_buckets(keys, width) == buckets.size());
    CHECK(near(static_cast<double>(estimate_buckets(keys, width)), static_cast<double>(buckets.size()), 0.02));
  }
}

}  // namespace

int main() {
  check_statistics();
  check_golden_statistics();
  check_counts();
  check_worst_case_names_bits();
  check_bytes();
  check_buckets();
  const Codes uniform = uniform_keys(1'000'000);
  check_paper(uniform, 'u', 32, {0.0216, 0.00314, 0.00046, 0.000176}, 0.02, 0, {35, 35, 35, 35});
  check_paper(uniform, 'c', 16, {0.0388, 0.0091, 0.00235, 0.0012}, 0.1, 0, {60, 61, 62, 63});
  const Codes normal = normal_keys(1'000'000);
  check_paper(normal, 's', 16, {0.0243, 0.0063, 0.00173, 0.00085}, 0.1, 16, {60, 61, 63, 64});
}
