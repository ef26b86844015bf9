// What Python cannot see of the buckets: their bounds against brute force, through weights, merges of merges and bytes.
#include "streams/assoc.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

using Truth = std::map<std::uint64_t, std::uint64_t>;

std::uint64_t checks = 0;

void check_bounds(const Assoc& table, const Truth& truth, std::uint64_t universe) {
  table.check_invariants();
  const std::uint64_t widest = table.error_bound();
  for (std::uint64_t id = 0; id < universe; ++id, ++checks) {
    const auto found = truth.find(id);
    const std::uint64_t f = found == truth.end() ? 0 : found->second;
    const Bounds bounds = table.bounds(id);
    CHECK(bounds.lower <= f && f <= bounds.upper && bounds.upper - bounds.lower <= widest);
  }
}

// A random table with its truth: weighted or not, some of the weight beyond 32 bits.
void feed(Assoc& table, Truth& truth, std::uint64_t universe, std::mt19937_64& random) {
  const std::uint64_t most = random() % 4 == 0 ? 1000 : 1, heavy = random() % 8 == 0 ? 1ull << 31 : 1;
  std::vector<std::uint64_t> ids(random() % 300), weights;
  for (std::uint64_t& id : ids) id = random() % 2 ? random() % universe : random() % (1 + universe / 8);
  if (most > 1)
    for (std::size_t i = 0; i < ids.size(); ++i) weights.push_back((1 + random() % most) * (random() % 16 ? 1 : heavy));
  table.update(ids, weights, nullptr);
  for (std::size_t i = 0; i < ids.size(); ++i) truth[ids[i]] += weights.empty() ? 1 : weights[i];
}

void bounds_hold_through_weights_merges_and_bytes(std::uint64_t most) {
  std::mt19937_64 random(1);
  while (checks < most) {
    const std::uint64_t universe = 2 + random() % 200, seed = random();
    const auto capacity = static_cast<std::uint32_t>(8 * (1 + random() % 6));
    std::vector<Assoc> tables;
    std::vector<Truth> truths(4);
    for (int i = 0; i < 4; ++i) tables.emplace_back(capacity, seed);
    for (int step = 0; step < 12; ++step) {
      const std::size_t i = random() % 4, j = random() % 4;
      if (random() % 4 == 0) {
        const Truth more = truths[j];
        tables[i].merge(tables[j]);
        for (const auto& [id, count] : more) truths[i][id] += count;
      } else {
        feed(tables[i], truths[i], universe, random);
      }
      if (random() % 4 == 0) {
        const auto bytes = to_bytes(tables[i]);
        tables[i] = from_bytes<Assoc>(bytes);
        CHECK(to_bytes(tables[i]) == bytes);
      }
      check_bounds(tables[i], truths[i], universe);
    }
  }
}

// Any cut of a stream gives the same table, and the labels name the owner of every slot, after a merge too.
void labels_follow_the_owners() {
  std::mt19937_64 random(2);
  std::vector<std::uint64_t> ids(5000);
  for (std::uint64_t& id : ids) id = random() % 300;
  Assoc whole(64, 3), cut(64, 3);
  Labels labels, more;
  const auto settle = [&](Labels& each, std::size_t first) {
    each.settle([&](std::uint32_t row) { return std::to_string(ids[first + row]); });
  };
  labels.block(0, {});
  whole.update(ids, {}, &labels);
  settle(labels, 0);
  for (std::size_t first = 0; first < ids.size();) {
    const std::size_t n = std::min<std::size_t>(1 + random() % 40, ids.size() - first);
    more.block(0, {});
    cut.update(std::span(ids).subspan(first, n), {}, &more);
    settle(more, first);
    first += n;
  }
  CHECK(to_bytes(whole) == to_bytes(cut) && whole.size() == 64);
  const auto check = [](const Assoc& table, const auto& label) {
    table.each(Estimator::count, [&](std::uint32_t slot, std::uint64_t key, double estimate, Bounds bounds) {
      CHECK(label(slot) == std::to_string(key));
      CHECK(estimate == static_cast<double>(bounds.upper) && table.bounds(key).lower == bounds.lower);
    });
  };
  check(whole, [&](std::uint32_t slot) { return labels[slot]; });
  check(cut, [&](std::uint32_t slot) { return more[slot]; });
  Assoc other(64, 3);
  for (std::uint64_t& id : ids) id += 200;
  Labels others;
  others.block(0, {});
  other.update(std::span(ids).first(40), {}, &others);
  settle(others, 0);
  const auto kept = whole.merge(other);
  CHECK(kept.size() == whole.slots());
  check(whole, [&](std::uint32_t slot) {
    const auto [mine, its] = kept[slot].slots;
    return mine != kNoSlot ? labels[mine] : others[its];
  });
}

void extreme_keys_are_keys() {
  const std::vector<std::uint64_t> ids{0, ~std::uint64_t{0}, 0, 5};
  Assoc table(8, 0);
  CHECK(table.bounds(0).upper == 0);
  table.update(ids, {}, nullptr);
  CHECK(table.bounds(0).lower == 2 && table.bounds(0).upper == 2);
  CHECK(table.bounds(~std::uint64_t{0}).lower == 1 && table.size() == 3);
  Assoc late(8, 0);  // key 0 as a newcomer to a full bucket
  for (std::uint64_t id = 1; id <= 8; ++id) late.update({&id, 1}, {}, nullptr);
  late.update({ids.data(), 1}, {}, nullptr);
  CHECK(late.bounds(0).lower == 1 && late.bounds(0).upper == 2 && late.bounds(1).upper == 1);
}

void the_total_never_wraps() {
  const std::vector<std::uint64_t> ids{1, 2}, weights{0x7FFFFFFFFFFFFFFF, 1};
  Assoc table(8, 0);
  table.update(std::span(ids).first(1), std::span(weights).first(1), nullptr);
  const auto before = to_bytes(table);
  try {
    table.update(std::span(ids).subspan(1), std::span(weights).subspan(1), nullptr);
    CHECK(false);
  } catch (const CapacityExceeded&) {
  }
  CHECK(to_bytes(table) == before && table.nbytes() == 192);
}

}  // namespace
}  // namespace bh::streams

int main(int argc, char** argv) {
  const std::uint64_t most = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 500'000;  // more at night
  bh::streams::bounds_hold_through_weights_merges_and_bytes(most);
  bh::streams::labels_follow_the_owners();
  bh::streams::extreme_keys_are_keys();
  bh::streams::the_total_never_wraps();
}
