#include "ranges/surf.h"

#include <algorithm>
#include <string>
#include <vector>

#include "check.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

std::uint64_t draw(std::uint64_t& state) { return bh::mix64(state += bh::kGolden); }

std::vector<std::uint64_t> distinct(std::vector<std::uint64_t> codes) {
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

std::vector<std::uint64_t> uniform(int count, std::uint64_t seed) {
  std::vector<std::uint64_t> codes;
  for (int i = 0; i < count; ++i) codes.push_back(draw(seed));
  return distinct(codes);
}

constexpr Suffix kSuffixes[] = {Suffix::none, Suffix::hash, Suffix::real};

void no_key_is_denied() {
  std::uint64_t state = 5;
  const std::vector<std::vector<std::uint64_t>> sets{
      {}, {0}, {~std::uint64_t{0}}, {0, 1, 2, 3, 255, 256, 1u << 20}, uniform(500, 1), distinct({7, 8, 1000, ~0ull})};
  for (const auto& codes : sets)
    for (const Suffix suffix : kSuffixes)
      for (const std::uint32_t bits : {0u, 1u, 7u, 32u}) {
        const Surf built = Surf::build(codes, {suffix, bits, 0, 9});
        const Surf read = Surf::read(built.trie_section(), built.suffix_section(), 8, 9);
        CHECK(built.count() == codes.size() && read.suffix_bits() == (suffix == Suffix::none ? 0 : bits));
        for (int q = 0; q < 2000; ++q) {
          const std::uint64_t center = codes.empty() ? 0 : codes[draw(state) % codes.size()];
          const std::uint64_t a = center - std::min(center, draw(state) >> draw(state) % 64);
          const std::uint64_t b = a + std::min(~a, draw(state) >> draw(state) % 64);
          const auto at = std::lower_bound(codes.begin(), codes.end(), a);
          const bool truth = at != codes.end() && *at <= b;
          CHECK(!truth || built.may_intersect(a, b));
          CHECK(built.may_intersect(a, b) == read.may_intersect(a, b));
          CHECK(built.may_contain(a) == read.may_contain(a));
          CHECK(!codes.empty() || !built.may_intersect(a, b));
        }
        for (const std::uint64_t code : codes) CHECK(built.may_contain(code) && built.may_intersect(code, code));
      }
}

void no_key_of_bytes_is_denied() {
  std::uint64_t state = 6;
  for (const std::size_t width : {1, 3, 80}) {
    const auto word = [&] {
      std::string key(draw(state) % (width + 1), '\0');
      for (char& byte : key) byte = "\0\1\2\177\200\376\377"[draw(state) % 7];
      if (key.size() > 70) std::fill(key.begin(), key.begin() + 68, 'y');
      return key;
    };
    const auto code = [](const std::string& s) {
      return ByteCode(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
    };
    std::vector<std::string> words;
    std::vector<std::uint64_t> offsets{0};
    std::string data;
    for (int i = 0; i < 200; ++i) words.push_back(word()), data += words.back(), offsets.push_back(data.size());
    const auto owned = sorted_distinct(offsets, code(data).data(), width);
    for (const Suffix suffix : kSuffixes)
      for (const std::uint32_t bits : {0u, 5u, 20u}) {
        const Surf surf = Surf::build(owned.view(), {suffix, bits, 0, 3});
        for (const std::string& w : words) {
          CHECK(surf.may_contain(code(w)) && surf.may_contain(code(w + '\0').first(std::min(width, w.size() + 1))));
          std::string a = word(), b = word();
          if (compare(code(a), code(b)) > 0) std::swap(a, b);
          const bool truth = std::any_of(words.begin(), words.end(), [&](const std::string& x) {
            return compare(code(a), code(x)) <= 0 && compare(code(x), code(b)) <= 0;
          });
          CHECK(!truth || surf.may_intersect(code(a), code(b)));
        }
      }
  }
}

// Each further bit of the suffix halves what is not cut by the path.
void suffixes_halve_false_positives() {
  const auto codes = uniform(20'000, 11);
  const auto rate = [&](Suffix suffix, std::uint32_t bits, bool points) {
    const Surf surf = Surf::build(codes, {suffix, bits, 0, 1});
    std::uint64_t state = 12, empty = 0, wrong = 0;
    while (empty < 20'000) {
      const std::uint64_t a = draw(state);
      if (std::binary_search(codes.begin(), codes.end(), a)) continue;
      ++empty;
      wrong += points ? surf.may_contain(a) : surf.may_intersect(a, a + std::min<std::uint64_t>(~a, 30));
    }
    return static_cast<double>(wrong) / static_cast<double>(empty);
  };
  const double bare = rate(Suffix::none, 0, true), ranges = rate(Suffix::none, 0, false);
  CHECK(bare > 0.05);
  for (const std::uint32_t bits : {2u, 4u}) {
    const double part = 1.0 / (1u << bits);
    CHECK(std::abs(rate(Suffix::real, bits, false) / ranges - part) < 0.25 * part);
    CHECK(std::abs(rate(Suffix::hash, bits, true) / bare - part) < 0.25 * part);
    CHECK(rate(Suffix::hash, bits, false) == ranges);
  }
}

void a_budget_is_kept() {
  const auto codes = uniform(50'000, 21);
  const std::uint64_t bare = Surf::build(codes, {Suffix::none, {}, 0, 0}).bits() / codes.size() + 1;
  std::uint32_t before = 0;
  for (const std::uint64_t bits : {std::uint64_t{1}, bare + 1, bare + 2, bare + 8, bare + 50}) {
    const Surf surf = Surf::build(codes, {Suffix::real, {}, bits * codes.size(), 0});
    CHECK(surf.suffix_bits() >= before);
    before = surf.suffix_bits();
    CHECK(bits == 1 ? before == 0 : before > 0 && surf.bits() <= bits * codes.size());
    CHECK(before == 0 || before == 32 || surf.bits() + codes.size() > bits * codes.size());
  }
  CHECK(before == 32);
}

void damaged_bytes_are_refused_or_harmless() {
  const auto codes = uniform(300, 31);
  const Surf surf = Surf::build(codes, {Suffix::real, 5, 0, 0});
  std::uint64_t state = 32;
  const auto damage = [&](std::span<const std::uint8_t> from, bool trie) {
    for (std::size_t i = 0; i < from.size(); ++i)
      for (const bool cut : {false, true}) {
        std::vector<std::uint8_t> damaged(from.begin(), cut ? from.begin() + i : from.end());
        if (!cut) damaged[i] ^= static_cast<std::uint8_t>(1u << draw(state) % 8);
        try {
          const Surf read =
              Surf::read(trie ? damaged : surf.trie_section(), trie ? surf.suffix_section() : damaged, 8, 0);
          CHECK(!cut);
          for (const std::uint64_t code : codes)
            read.may_intersect(code, ~std::uint64_t{0}), read.may_contain(code + 1);
        } catch (const bh::CorruptData&) {
        }
      }
  };
  damage(surf.trie_section(), true);
  damage(surf.suffix_section(), false);
}

}  // namespace

int main() {
  no_key_is_denied();
  no_key_of_bytes_is_denied();
  suffixes_halve_false_positives();
  a_budget_is_kept();
  damaged_bytes_are_refused_or_harmless();
}
