#include "ranges/byte_proteus.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "ranges/long_prefixes.h"
#include "support/errors.h"
#include "support/hash.h"

using namespace bh::ranges;

namespace {

using Strings = std::vector<std::string>;

struct Bag {  // of strings, as ByteKeys sees them
  Bag(const Strings& strings, std::size_t width) : width(width) {
    for (const auto& string : strings) {
      data.insert(data.end(), string.begin(), string.end());
      offsets.push_back(data.size());
    }
  }
  ByteKeys view() const { return {offsets, data.data(), width}; }
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint8_t> data;
  std::size_t width;
};

std::string draw(std::uint64_t i, const std::string& start, std::size_t width) {
  static const char letters[] = {0, 1, 2, 127, static_cast<char>(128), static_cast<char>(254), static_cast<char>(255)};
  std::string text = start;
  const std::uint64_t size = start.size() + bh::range(bh::kth(i, 1), width - start.size() + 1);
  for (std::uint64_t j = 0; text.size() < size; ++j) text += letters[bh::range(bh::kth(i, 2 + j), 7)];
  return text;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(width);
  return text;
}

struct Case {
  std::string start;  // of all keys
  std::size_t width;
  Strings keys, first, last;
};

Case make(const std::string& start, std::size_t width, std::uint64_t n, std::uint64_t seed) {
  std::set<std::string> keys;
  for (std::uint64_t i = 0; i < n; ++i) keys.insert(padded(draw(bh::kth(seed, i), start, width), width));
  Case made{start, width, {keys.begin(), keys.end()}, {}, {}};
  for (auto& key : made.keys)
    if (seed % 2 == 0) key.erase(key.find_last_not_of('\0') + 1);  // the same code
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::string& near = made.keys[bh::range(bh::kth(seed + 1, i), made.keys.size())];
    std::string a = i % 3 == 0 ? draw(bh::kth(seed + 2, i), i % 2 == 0 ? start : "", width) : near;
    std::string b = i % 5 == 0 ? draw(bh::kth(seed + 3, i), start, width) : near;
    if (i % 7 == 1) b = padded(b, width), b[width - 1] = static_cast<char>(b[width - 1] + 3);
    if (i % 11 == 1) a = padded(a, width), a[width - 1] = static_cast<char>(a[width - 1] + 1);
    if (padded(a, width) > padded(b, width)) std::swap(a, b);
    made.first.push_back(a), made.last.push_back(b);
  }
  return made;
}

void check_case(const Case& is, const Design& design, bool bounded) {
  const Bag keys(is.keys, is.width), first(is.first, is.width), last(is.last, is.width);
  const auto filter = ByteProteus::build(keys.view(), design, 100000, 5, bounded);
  const auto answers = std::make_unique<bool[]>(is.first.size());
  filter.may_intersect(first.view(), last.view(), {answers.get(), is.first.size()});
  for (std::size_t i = 0; i < is.first.size(); ++i) {
    const std::string a = padded(is.first[i], is.width), b = padded(is.last[i], is.width);
    const bool held = std::ranges::any_of(is.keys, [&](const std::string& key) {
      const std::string code = padded(key, is.width);
      return a <= code && code <= b;
    });
    CHECK(filter.may_intersect(first.view()[i], last.view()[i]) == answers[i]);
    CHECK(answers[i] || !held);
    if (design.exact_bits == 8 * is.width && bounded) CHECK(answers[i] == held);
  }
}

void oracle(const Case& is) {
  const auto bits = static_cast<std::uint32_t>(8 * is.width);
  const std::uint32_t common = static_cast<std::uint32_t>(8 * is.start.size());
  const std::vector<std::uint32_t> lengths{1, common / 2 + 1, common + 5, common + 13, bits - 9, bits - 1, bits};
  for (const std::uint32_t l1 : lengths) {
    if (l1 > bits) continue;
    check_case(is, {Exact::trie, l1, 0, Approx::none, 0}, true);
    if (l1 <= common + 64) check_case(is, {Exact::elias_fano, l1, 0, Approx::none, 0}, true);
    for (const Approx kind : {Approx::bloom, Approx::fuse, Approx::locality}) {
      check_case(is, {Exact::none, 0, 0, kind, l1}, true);
      check_case(is, {Exact::none, 0, 0, kind, l1}, false);
      for (const std::uint32_t l2 : lengths) {
        if (l2 <= l1 || l2 > bits) continue;
        check_case(is, {Exact::trie, l1, 0, kind, l2}, true);
        check_case(is, {Exact::trie, l1, 0, kind, l2}, false);
        if (l1 <= common + 64) check_case(is, {Exact::elias_fano, l1, 0, kind, l2}, true);
      }
    }
  }
  check_case(is, {Exact::elias_fano, 0, 1000, Approx::none, 0}, true);
}

// Prefixes behind the window pass as seldom as the formulas say.
void measured(Approx kind, std::uint64_t length) {
  constexpr std::size_t kWidth = 20;
  Strings keys, first, last;
  const auto make_key = [](std::uint64_t i) {
    std::string key = "0123456789ab";
    for (int j = 0; j < 4; ++j) key += static_cast<char>(bh::mix64(i) >> 8 * j);
    return key + std::string(4, 'x');
  };
  std::set<std::string> drawn;
  for (std::uint64_t i = 0; i < 5000; ++i) drawn.insert(make_key(i));
  keys.assign(drawn.begin(), drawn.end());
  for (std::uint64_t i = 5000; i < 35000; ++i) {
    std::string a = make_key(i), b;
    if (drawn.contains(a)) continue;
    a.resize(kWidth - 1), a += '\1';
    b = a, b[kWidth - 1] = static_cast<char>(length);
    first.push_back(a), last.push_back(b);
  }
  const Bag bag(keys, kWidth);
  keys.insert(keys.begin(), std::string("\0", 1));  // nothing in common with the others
  const Bag wide(keys, kWidth);
  const auto filter = ByteProteus::build(wide.view(), {Exact::none, 0, 0, kind, 8 * kWidth}, 45000, 1);
  const Bag a(first, kWidth), b(last, kWidth);
  const auto answers = std::make_unique<bool[]>(first.size());
  filter.may_intersect(a.view(), b.view(), {answers.get(), first.size()});
  const auto hits = static_cast<double>(std::count(answers.get(), answers.get() + first.size(), true));
  const auto c = static_cast<double>(length), n = static_cast<double>(first.size());
  double p = 0;
  if (const auto* bloom = std::get_if<Bloom>(&filter.parts().approx))
    p = 1 - std::pow(1 - bloom->shape().rate(keys.size()), c);
  if (const auto* fuse = std::get_if<Fuse>(&filter.parts().approx)) p = 1 - std::pow(1 - fuse->shape().rate(), c);
  if (const auto* hash = std::get_if<LocalityHash>(&filter.parts().approx))
    p = 1 - std::exp(-c * static_cast<double>(keys.size()) / static_cast<double>(hash->shape().modulus));
  CHECK(std::abs(hits - n * p) < 4 * std::sqrt(n * p) + 0.05 * n * p);
}

void degenerate() {
  const Design design{Exact::trie, 20, 0, Approx::fuse, 70};
  const Bag none({}, 9);
  const Strings all{"", std::string(9, '\xFF')};
  const Bag ends(all, 9);
  const auto empty = ByteProteus::build(none.view(), design, 100, 0);
  CHECK(!empty.may_intersect(ends.view()[0], ends.view()[1]));
  const Bag one({"key"}, 9);
  const auto single = ByteProteus::build(one.view(), design, 10000, 0);
  CHECK(single.may_intersect(ends.view()[0], ends.view()[1]) && single.may_intersect(one.view()[0], one.view()[0]));
  CHECK(!single.may_intersect(ends.view()[0], ends.view()[0]) && single.skipped() == 72);
  try {
    ByteProteus::build(ends.view(), {Exact::elias_fano, 65, 0, Approx::none, 0}, 10000, 0);
    CHECK(false);
  } catch (const bh::InvalidInput&) {
  }

  LongCode code(std::vector<std::uint8_t>{0x0F, 0xFF, 0xFF}, 20, 20, 0);
  code.increment(20);
  const std::vector<std::uint8_t> next{0x10, 0x00, 0x00};
  CHECK(compare(code, next) == 0);
  CHECK(compare(LongCode(ByteCode{}, 0, 12, 0xFF), std::vector<std::uint8_t>{0xFF, 0xFF}) == 0);
}

}  // namespace

int main() {
  oracle(make("", 3, 40, 1));
  oracle(make("", 11, 200, 2));
  oracle(make("12345678", 11, 150, 3));
  oracle(make("a long start of ", 40, 150, 4));
  for (const Approx kind : {Approx::bloom, Approx::fuse, Approx::locality})
    for (const std::uint64_t length : {1, 16, 60}) measured(kind, length);
  degenerate();
}
