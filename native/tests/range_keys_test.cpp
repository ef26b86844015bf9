#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "check.h"
#include "ranges/keys.h"
#include "support/hash.h"

using namespace bh::ranges;

namespace {

// A copy of its own, so that a sanitizer sees each byte read beyond the key.
struct Key {
  explicit Key(const std::string& text) : bytes(text.begin(), text.end()) {}
  operator ByteCode() const { return bytes; }
  std::vector<std::uint8_t> bytes;
};

bool bit(const std::string& padded, std::size_t i) {
  return (static_cast<unsigned char>(padded[i / 8]) >> (7 - i % 8) & 1) != 0;
}

constexpr std::size_t kWidth = 11;

std::string draw(std::uint64_t i) {
  static const char letters[] = {0, 1, 2, 127, static_cast<char>(128), static_cast<char>(254), static_cast<char>(255)};
  std::string text;
  const std::uint64_t size = bh::range(bh::kth(i, 1), kWidth + 1);
  for (std::uint64_t j = 0; j < size; ++j) text += letters[bh::range(bh::kth(i, 2 + j), 1 + i % 7)];
  return text;
}

void check_pair(const std::string& x, const std::string& y) {
  const Key a(x), b(y);
  std::string p = x, q = y;
  p.resize(kWidth), q.resize(kWidth);
  const int order = p.compare(q), found = compare(a, b);
  CHECK((order < 0) == (found < 0) && (order > 0) == (found > 0));
  std::uint32_t same = 0;
  while (same < 8 * kWidth && bit(p, same) == bit(q, same)) ++same;
  CHECK(lcp(a, b, kWidth) == same);
  if (order > 0) return;
  unsigned __int128 low = 0, high = 0;
  for (std::uint32_t bits = 0; bits <= 8 * kWidth; ++bits) {
    const auto many = static_cast<unsigned __int128>(kManyPrefixes);
    CHECK(count_prefixes(a, b, bits) == static_cast<std::uint64_t>(std::min(high - low + 1, many)));
    const bool equal = hash_prefix(a, bits, 3) == hash_prefix(b, bits, 3);
    CHECK(equal == (same >= bits));
    if (bits < 8 * kWidth) low = 2 * low + bit(p, bits), high = 2 * high + bit(q, bits);
  }
  for (std::uint32_t first = 0; first < 8 * kWidth; ++first) {
    std::uint64_t want = 0;
    for (std::uint32_t count = 1; count <= 64; ++count) {
      want = 2 * want + (first + count <= 8 * kWidth && bit(p, first + count - 1));
      CHECK(bits_of(a, first, count) == want);
    }
  }
}

}  // namespace

int main() {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string x = draw(2 * i), y = i % 3 == 0 ? x.substr(0, x.size() / 2) + draw(2 * i + 1) : draw(2 * i + 1);
    check_pair(x.substr(0, kWidth), y.substr(0, kWidth));
  }
  CHECK(bits_of(Key("ab"), 0, 0) == 0 && bits_of(Key("ab"), 0, 16) == 0x6162 && bits_of(Key(""), 40, 64) == 0);
  const std::vector<std::byte> bytes{std::byte{'a'}, std::byte{0x60}};
  CHECK(hash_prefix(Key("ab"), 12, 5) == bh::hash64(bytes, 5));

  const std::string text = std::string("b") + "a" + std::string("a\0", 2) + "abc" + "abd";
  const std::vector<std::uint64_t> offsets{0, 1, 2, 4, 7, 10};
  const auto sorted = sorted_distinct(offsets, reinterpret_cast<const std::uint8_t*>(text.data()), 2);
  const ByteKeys keys = sorted.view();
  CHECK(keys.count() == 3 && strictly_ascend(keys) && keys.bits() == 16);
  CHECK(compare(keys[0], Key("a")) == 0 && compare(keys[1], Key("ab")) == 0 && compare(keys[2], Key("b")) == 0);
  CHECK(sorted_distinct({}, nullptr, 2).view().count() == 0);
}
