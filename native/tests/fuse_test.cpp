// Instruction sets: fuse fuse_blocks fuse_blocks_v3 fuse_blocks_v4 fuse_ranges fuse_ranges_v4
#include "ranges/fuse.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <span>
#include <vector>

#include "check.h"
#include "ranges/codes.h"
#include "ranges/fuse_ranges.h"
#include "support/errors.h"

using namespace bh::ranges;

namespace {

using Values = std::vector<std::uint64_t>;

enum class Layout { scattered, contiguous, runs, thousands };
constexpr std::array kLayouts{Layout::scattered, Layout::contiguous, Layout::runs, Layout::thousands};

Values draw(Layout layout, std::uint64_t n, std::uint64_t seed) {
  std::set<std::uint64_t> values;
  for (std::uint64_t i = 0; values.size() < n; ++i) {
    const std::uint64_t drawn = bh::kth(seed, i) >> 8;
    switch (layout) {
      case Layout::scattered: values.insert(drawn); break;
      case Layout::contiguous: values.insert(1000 + i); break;
      case Layout::runs:
        for (std::uint64_t j = 0; j < 20 && values.size() < n; ++j) values.insert(drawn + j);
        break;
      case Layout::thousands: values.insert(drawn & ~std::uint64_t{1023}); break;
    }
  }
  return {values.begin(), values.end()};
}

std::uint64_t blocks_of(const Values& values) {
  std::set<std::uint64_t> blocks;
  for (const std::uint64_t value : values) blocks.insert(value >> kFuseBlockLog);
  return blocks.size();
}

Fuse build(const Values& values, double bits_each, std::uint64_t seed) {
  const auto budget = static_cast<std::uint64_t>(bits_each * static_cast<double>(values.size()));
  const auto fuse = Fuse::build(values, blocks_of(values), budget, bh::ranges::part_seed(seed, Tag::fuse));
  CHECK(fuse && fuse->bits() <= budget);
  return *fuse;
}

void finds_all(const Fuse& fuse, const Values& values) {
  for (const std::uint64_t value : values) CHECK(fuse.any(value, value) && fuse.any(value - 5, value + 40));
}

void golden() {
  const auto shape = [](std::uint64_t n, std::uint64_t blocks, std::uint32_t block_log, std::uint64_t segment,
                        std::uint64_t segments, std::uint64_t slots) {
    const FuseShape is(n, blocks);
    CHECK(is.block_log == block_log && std::uint64_t{1} << is.segment_log == segment);
    CHECK(is.segments == segments && is.slots() == slots);
  };
  shape(1000, 1000, 3, 32, 40, 1376);
  shape(10000, 10000, 4, 256, 45, 12288);
  shape(100000, 100000, 4, 1024, 107, 112640);
  shape(1000000, 1000000, 4, 4096, 260, 1077248);
  shape(10000000, 10000000, 4, 16384, 654, 10764288);
  shape(1000000, 62500, 4, 8192, 136, 1138688);

  const std::array rates{6.17e-3, 1.69e-3, 4.57e-4, 1.23e-4, 3.51e-5, 9.89e-6};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    FuseShape is(1000000, 1000000);
    CHECK(is.spend(1000000 * (8 + 2 * i)) && std::abs(is.rate() / rates[i] - 1) < 5e-3);
  }

  const std::uint64_t seed = bh::kth(part_seed(0, Tag::fuse), 0), value = 0x123456789ABC;
  CHECK(seed == 0x00e78a7f576441a3);
  const auto place = Fuse::place(FuseShape(1000000, 1000000), seed, value >> 4);
  CHECK(place.segment == 156);
  const std::array<std::uint64_t, 4> slots{639567, 646672, 647406, 655196};
  for (std::size_t j = 0; j < 4; ++j) CHECK(place.slot[j] + ((value & 15) ^ place.turn[j]) == slots[j]);
  CHECK(bh::kth(value + seed, 3) == 0x8a6ae6cd42b867d7);
}

// Of sets so large that what peeling has done with makes room for what comes: in which order values are taken decides
// which of many solutions is stored.
void golden_bytes() {
  const auto digest = [](const Payload& payload) { return bh::hash64(std::as_bytes(payload.bytes()), 0); };
  const std::array<std::uint64_t, 4> wanted{0x1f64da85802d2174, 0xb2948e3805a1ae3d, 0x9c93dba640c06172,
                                            0x354a4c6f20f41627};
  for (std::size_t i = 0; i < kLayouts.size(); ++i) {
    const Fuse fuse = build(draw(kLayouts[i], 100000, i), 10.4, i);
    CHECK(fuse.shape().segments > 16);
    CHECK((digest(fuse.slots()) ^ digest(fuse.plane())) == wanted[i]);
  }
}

// Values that repeat keep all slots of theirs for ever, and are told apart only after a few attempts.
void repeated() {
  Values values = draw(Layout::scattered, 50000, 3);
  const std::uint64_t blocks = blocks_of(values), budget = 12 * values.size();
  values.push_back(values[values.size() / 2]);
  CHECK(!Fuse::build(values, blocks, budget, 0, 3));
  const auto fuse = Fuse::build(values, blocks, budget, 0);
  CHECK(fuse);
  finds_all(*fuse, values);
}

// The share of ranges of `length` values, none of them in the set, that seem to hold one; within the normal interval of
// 99.9% of what the rate says.
void measured(const Fuse& fuse, const Values& values, std::uint64_t length, std::uint64_t asked) {
  std::uint64_t hits = 0, empty = 0;
  for (std::uint64_t i = 0; empty < asked; ++i) {
    const std::uint64_t near = values[bh::range(bh::kth(i, 5), values.size())];
    const std::uint64_t a = i % 2 == 0 ? bh::kth(i, 6) >> 8 : near + 1 + bh::range(bh::kth(i, 6), 100);
    const auto next = std::lower_bound(values.begin(), values.end(), a);
    if (next != values.end() && *next < a + length) continue;
    ++empty;
    hits += fuse.any(a, a + length - 1);
  }
  const double p = 1 - std::pow(1 - fuse.shape().rate(), static_cast<double>(length)), n = static_cast<double>(asked);
  CHECK(std::abs(static_cast<double>(hits) - n * p) <= 3.3 * std::sqrt(n * p * (1 - p)) + 1);
}

// Many blocks together answer as each alone.
void together(const Fuse& fuse, const Values& values, std::uint64_t seed) {
  for (std::size_t n = 1; n <= kMostBlocks; n += 1 + n / 3) {
    std::vector<FuseBlock> blocks;
    std::array<bool, kMostBlocks> answers{}, wanted{};
    const std::uint64_t most = (std::uint64_t{1} << fuse.shape().block_log) - 1;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t h = bh::kth(seed + n, i),
                          near = values[bh::range(h, values.size())] >> fuse.shape().block_log;
      const std::uint64_t block = i % 2 == 0 ? near : near + 1, first = h & most, last = h >> 4 & most;
      blocks.push_back({block, static_cast<std::uint8_t>(std::min(first, last)),
                        static_cast<std::uint8_t>(std::max(first, last)), static_cast<std::uint8_t>(i / 2)});
      wanted[i / 2] |= fuse.any_of_block(fuse.place(block), block, blocks[i].first, blocks[i].last);
    }
    ask_blocks(fuse, blocks.data(), n, answers.data());
    CHECK(answers == wanted);
  }
}

// Many ranges together answer as each alone, two of a question as one.
void ranges_together(const Fuse& fuse, const Values& values, std::uint64_t seed) {
  for (std::size_t n = 1; n <= 256; n += 1 + n / 3) {
    Values first, last;
    std::vector<std::uint8_t> question;
    std::array<bool, 256> answers{}, wanted{};
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t h = bh::kth(seed + n, i), length = h % 5 == 0 ? h >> 32 & 63 : h >> 32 & 7;
      const std::uint64_t near = values[bh::range(h, values.size())] + (i % 4 == 0 ? 0 : 1 + (h >> 40 & 15));
      const std::uint64_t from = std::min(near, ~length);
      first.push_back(from), last.push_back(from + length);
      question.push_back(static_cast<std::uint8_t>(i % 3 == 1 ? i - 1 : i));
      wanted[question[i]] |= fuse.any(first[i], last[i]);
    }
    ask_ranges(fuse, {first.data(), last.data(), question.data(), n}, answers.data());
    CHECK(answers == wanted);
  }
}

void damaged(const Fuse& fuse) {
  const auto refuses = [&](const FuseShape& shape) {
    try {
      Fuse::load(shape, fuse.seed(), fuse.slots(), fuse.plane());
    } catch (const bh::CorruptData&) {
      return true;
    }
    return false;
  };
  CHECK(!refuses(fuse.shape()));
  const auto spoiled = [&](auto member, auto value) {
    FuseShape shape = fuse.shape();
    shape.*member = value;
    return refuses(shape);
  };
  CHECK(spoiled(&FuseShape::segments, std::uint64_t{0}) && spoiled(&FuseShape::segments, ~std::uint64_t{0}));
  CHECK(spoiled(&FuseShape::segments, fuse.shape().segments + 1) && spoiled(&FuseShape::segment_log, 19u));
  CHECK(spoiled(&FuseShape::block_log, 5u) && spoiled(&FuseShape::bits, 0u) && spoiled(&FuseShape::bits, 33u));
  CHECK(spoiled(&FuseShape::covered, fuse.shape().segments + 4) &&
        spoiled(&FuseShape::values, fuse.shape().slots() + 1));
}

}  // namespace

int main() {
  golden();
  golden_bytes();
  repeated();
  for (const Layout layout : kLayouts) {
    for (std::uint64_t n = 1; n < 2000; n += 1 + n / 20) {
      const Values values = draw(layout, n, n);
      finds_all(build(values, 24, n), values);
    }
    const Values large = draw(layout, layout == Layout::runs ? 500000 : 50000, 7);
    finds_all(build(large, 10, 7), large);
    const Values values = draw(layout, 30000, 1);
    for (const double bits : {5.0, 10.0, 10.9, 36.0}) finds_all(build(values, bits, 2), values);
    const Fuse fuse = build(values, 6.8, 3);
    for (const std::uint64_t length : {1, 3, 16, 63}) measured(fuse, values, length, 40000);
    CHECK(fuse.bits() > 67 * values.size() / 10);
    damaged(fuse);
    const Values some = draw(layout, 3000, 1);
    for (double bits = 2.1; bits < 36; bits += 1.3) {
      const Fuse fuse = build(some, bits, 4);
      together(fuse, some, 5);
      ranges_together(fuse, some, 5);
    }
    const Values few = draw(layout, 40, 1);  // whose blocks have fewer than 16
    together(build(few, 20, 4), few, 5);
    ranges_together(build(few, 20, 4), few, 5);
  }
  const Values twice{7, 7, 9};
  const auto fuse = Fuse::build(twice, 1, 1000, 0);
  CHECK(fuse && fuse->any(7, 7) && fuse->any(9, 9) && fuse->any(0, 8));
  CHECK(Fuse::build(Values(100, 5), 1, 100000, 0)->any(5, 5));           // more than a slot can count
  CHECK(!Fuse::build(twice, 1, 1000, 0, 3));                             // all the attempts in which values may repeat
  CHECK(!Fuse::build(draw(Layout::scattered, 1000, 0), 1000, 1000, 0));  // below a bit for each slot
}
