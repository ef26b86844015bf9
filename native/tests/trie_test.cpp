#include "ranges/trie.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "support/errors.h"
#include "support/hash.h"

using namespace bh::ranges;

namespace {

std::uint64_t draw(std::uint64_t& state) { return bh::mix64(state += bh::kGolden); }

std::vector<std::uint64_t> distinct(std::vector<std::uint64_t> codes) {
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

Ends expected(const std::vector<std::uint64_t>& codes, std::uint32_t bits, std::uint64_t a, std::uint64_t b) {
  Ends ends{};
  for (const std::uint64_t code : codes) {
    const std::uint64_t p = prefix(code, bits);
    ends.first |= p == prefix(a, bits), ends.last |= p == prefix(b, bits);
    ends.inside |= prefix(a, bits) < p && p < prefix(b, bits);
  }
  return ends;
}

// Once a prefix lies inside, the others need not be known.
void check_same(const Ends& is, const Ends& should) {
  CHECK(is.any() == should.any() && is.inside == should.inside);
  CHECK(is.inside || (is.first == should.first && is.last == should.last));
}

// Codes that agree in many bits at many depths, so that branches end on all levels.
std::vector<std::uint64_t> shapes(int shape, std::uint64_t& state) {
  std::vector<std::uint64_t> codes;
  const std::uint64_t base = draw(state);
  for (int i = 0; i < 200; ++i) {
    if (shape == 0) codes.push_back(draw(state));
    if (shape == 1) codes.push_back(base + i);
    if (shape == 2) codes.push_back(base ^ (draw(state) >> draw(state) % 64));
    if (shape == 3) codes.push_back((draw(state) % 12) << 56);
    if (shape == 4) codes.push_back(~std::uint64_t{0} - i * (i % 3 == 0 ? std::uint64_t{1} << 40 : 1));
  }
  if (shape == 5) codes = {0};
  if (shape == 6) codes = {0, ~std::uint64_t{0}};
  return distinct(codes);
}

void codes_are_found_like_in_a_sorted_list() {
  std::uint64_t state = 1;
  for (int shape = 0; shape < 8; ++shape) {
    const auto codes = shapes(shape, state);
    for (std::uint32_t bits = 1; bits <= 64; ++bits) {
      const Trie built = Trie::build(codes, bits);
      CHECK(built.count() == count_distinct_prefixes(codes, bits));
      std::vector<std::uint8_t> unaligned(built.section().size() + 1);
      std::copy(built.section().begin(), built.section().end(), unaligned.begin() + 1);
      const Trie read = Trie::read(std::span(unaligned).subspan(1), bits);
      for (int q = 0; q < 60; ++q) {
        const std::uint64_t near = codes.empty() ? draw(state) : codes[draw(state) % codes.size()];
        std::uint64_t a = q % 2 ? near + (draw(state) >> draw(state) % 64) : near - q;
        std::uint64_t b = q % 3 ? a + (draw(state) >> draw(state) % 64) : a;
        if (b < a) std::swap(a, b);
        const Ends should = codes.empty() ? Ends{} : expected(codes, bits, a, b);
        check_same(built.meet(a, b), should);
        check_same(read.meet(a, b), should);
      }
    }
  }
}

void keys_are_found_like_in_a_sorted_list() {
  std::uint64_t state = 2;
  for (int round = 0; round < 40; ++round) {
    const std::size_t width = 1 + draw(state) % (round % 4 == 3 ? 100 : 9),
                      skip = round % 2 ? std::min<std::size_t>(2, width - 1) : 0;
    const auto word = [&] {
      std::string key(draw(state) % (width + 1), '\0');
      for (char& byte : key) byte = "\0\1\2\177\200\376\377"[draw(state) % 7];
      for (std::size_t i = 0; i < skip && i < key.size(); ++i) key[i] = 'x';
      if (key.size() < skip) key = std::string(skip, 'x');
      if (width > 50 && key.size() > 60) std::fill(key.begin() + skip, key.begin() + 60, 'y');
      return key;
    };
    std::vector<std::string> words;
    for (int i = 0; i < 100; ++i) words.push_back(word());
    std::vector<std::uint64_t> offsets{0};
    std::string data;
    for (const std::string& w : words) data += w, offsets.push_back(data.size());
    const auto owned = sorted_distinct(offsets, reinterpret_cast<const std::uint8_t*>(data.data()), width);
    const ByteKeys keys = owned.view();
    for (std::uint32_t bits = 1; bits <= 8 * (width - skip); bits += 1 + bits / 16) {
      const Trie trie = Trie::build(keys, bits, skip);
      const Trie read = Trie::read(trie.section(), bits);
      for (int q = 0; q < 30; ++q) {
        std::string lo = word(), hi = q % 4 ? word() : lo;
        ByteCode a(reinterpret_cast<const std::uint8_t*>(lo.data()), lo.size());
        ByteCode b(reinterpret_cast<const std::uint8_t*>(hi.data()), hi.size());
        if (compare(a, b) > 0) std::swap(a, b);
        Ends should{};
        const auto total = static_cast<std::uint32_t>(8 * skip) + bits;
        const auto same = [&](ByteCode x, ByteCode y) { return lcp(x, y, width) >= total; };
        for (std::size_t i = 0; i < keys.count(); ++i) {
          const bool first = same(keys[i], a), last = same(keys[i], b);
          should.first |= first, should.last |= last;
          should.inside |= !first && !last && compare(keys[i], a) > 0 && compare(keys[i], b) < 0;
        }
        check_same(read.meet(a.subspan(skip), b.subspan(skip)), should);
      }
    }
  }
}

// Each byte of a section in turn becomes another: that is refused, or it is a trie that can be asked.
void damaged_bytes_are_refused_or_harmless() {
  std::uint64_t state = 3;
  for (int shape = 0; shape < 7; ++shape)
    for (const std::uint32_t bits : {11u, 24u, 61u}) {
      const auto codes = shapes(shape, state);
      const Trie trie = Trie::build(codes, bits);
      const std::vector<std::uint8_t> section(trie.section().begin(), trie.section().end());
      for (std::size_t size = 0; size < section.size(); size += 1 + size / 50) {
        bool refused = false;
        try {
          Trie::read(std::span(section).first(size), bits);
        } catch (const bh::CorruptData&) {
          refused = true;
        }
        CHECK(refused);
      }
      for (std::size_t i = 0; i < section.size(); i += 1 + i / 100) {
        std::vector<std::uint8_t> damaged = section;
        damaged[i] ^= static_cast<std::uint8_t>(1 + draw(state) % 255);
        try {
          const Trie read = Trie::read(damaged, bits);
          for (const std::uint64_t code : codes) read.meet(code, code + 1000);
        } catch (const bh::CorruptData&) {
        }
      }
    }
}

void the_cost_is_that_of_the_paper_and_bounds_the_real_one() {
  CHECK(trie_bits(std::vector<std::uint64_t>{1}, 0) == 0);
  std::uint64_t state = 4;
  std::vector<std::uint64_t> codes;
  for (int i = 0; i < 100'000; ++i) codes.push_back(draw(state));
  codes = distinct(codes);
  std::vector<std::uint64_t> counts;
  for (std::uint32_t l = 0; l <= 64; ++l) counts.push_back(count_distinct_prefixes(codes, l));
  // One dense root: 512 bits of bitmap, its directory, and none of sparse items.
  CHECK(trie_bits(counts, 8) == 512 + 32 * 2 + 32 + 32 + 32 * 24);
  CHECK(trie_cost(counts, 8).dense_levels == 1);
  CHECK(trie_cost(counts, 16).dense_levels == 2);
  CHECK(trie_bits(counts, 16) == 512 * 257 + 32 * 258 + 64 + 32 * 25);
  for (std::uint32_t bits = 9; bits <= 64; ++bits) CHECK(trie_bits(counts, bits) >= trie_bits(counts, bits - 1) / 2);
  for (const std::uint32_t bits : {16u, 17u, 20u, 24u, 32u, 40u}) {
    const Trie trie = Trie::build(codes, bits);
    CHECK(trie.bits() <= trie_bits(counts, bits) + 8 * 512);  // the fixed overhead of a small filter
  }
}

}  // namespace

int main() {
  codes_are_found_like_in_a_sorted_list();
  keys_are_found_like_in_a_sorted_list();
  damaged_bytes_are_refused_or_harmless();
  the_cost_is_that_of_the_paper_and_bounds_the_real_one();
}
