// Filters by a policy, then from their bytes: each kind, for numbers and for byte strings, with a sample and without.
#include "ranges/any_filter.h"

#include <algorithm>
#include <random>
#include <string>

#include "check.h"
#include "ranges/build_filter.h"
#include "support/errors.h"

namespace bh::ranges {
namespace {

constexpr FilterKind kKinds[] = {FilterKind::proteus,          FilterKind::surf,         FilterKind::rosetta,
                                 FilterKind::two_prefix_bloom, FilterKind::prefix_bloom, FilterKind::locality_hash};

Bytes view(const std::vector<std::uint8_t>& bytes) { return std::as_bytes(std::span(bytes)); }
ByteCode code(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

Policy policy_of(FilterKind kind, KeyKind keys) {
  Policy policy;
  policy.filter = kind;
  policy.keys = keys;
  policy.seed = 5;
  if (kind == FilterKind::rosetta) policy.max_probes = 4096;
  return policy;
}

// Queries of 8 codes beside keys: most are empty.
void check_codes(FilterKind kind, std::size_t count, std::size_t asked, Space space) {
  std::mt19937_64 random(count + asked);
  std::vector<std::uint64_t> keys(count);
  for (auto& key : keys) key = random();
  std::sort(keys.begin(), keys.end());
  PolicySample sample;
  for (std::size_t i = 0; i < asked; ++i) {
    sample.lo.push_back((count == 0 ? random() : keys[random() % count]) / 2 * 2 + 1000);
    sample.hi.push_back(sample.lo.back() + 7);
  }
  const Policy policy = policy_of(kind, KeyKind::uint64);
  const auto bytes = build_filter(policy, keys, sample, space);
  const AnyFilter filter = AnyFilter::read(view(bytes));
  CHECK(filter.header().filter == kind && filter.header().count == count && filter.header().seed == 5);
  CHECK(!filter.textual() && filter.width() == 8);
  for (const std::uint64_t key : keys) {
    CHECK(filter.may_intersect(key, key));
    CHECK(filter.may_intersect(key - std::min<std::uint64_t>(key, 3), key));
  }
  if (kind != FilterKind::surf) CHECK(8 * (bytes.size() + filter.directory_bytes()) <= 12 * count + 8 * 512);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < asked; ++i) wrong += filter.may_intersect(sample.lo[i], sample.hi[i]);
  if (count >= 1000 && asked > 50 && kind != FilterKind::surf) {
    CHECK(filter.header().expected >= 0 || kind == FilterKind::locality_hash);
    CHECK(wrong < asked / 4);
  }
  if (count == 0 && kind == FilterKind::proteus) CHECK(wrong == 0);
}

void check_bytes(FilterKind kind, std::size_t count, std::size_t asked) {
  std::mt19937_64 random(count + asked);
  std::vector<std::string> keys(count);
  for (auto& key : keys) {
    key = "user:";
    for (std::size_t left = random() % 12; left > 0; --left) key += static_cast<char>(random() % 3 * 120);
    key += '!';  // no zeros at the end
  }
  ByteRows rows;
  for (const auto& key : keys) rows.push_back(code(key));
  PolicySample sample;
  for (std::size_t i = 0; i < asked; ++i) {
    std::string lo = keys[random() % count] + "\x05long behind every key that there is";
    sample.lo_bytes.push_back(code(lo));
    lo.back() = '~';
    sample.hi_bytes.push_back(code(lo));
  }
  const OwnedByteKeys sorted = sorted_distinct(rows.offsets, rows.data.data(), 18);
  const auto bytes = build_filter(policy_of(kind, KeyKind::bytes), sorted.view(), sample);
  const AnyFilter filter = AnyFilter::read(view(bytes));
  CHECK(filter.textual() && filter.width() == 18 && filter.header().count == sorted.view().count());
  for (const auto& key : keys) CHECK(filter.may_intersect(code(key), code(key)));
  CHECK(!filter.may_intersect(code("a"), code("b")) || kind == FilterKind::prefix_bloom ||
        kind == FilterKind::two_prefix_bloom || kind == FilterKind::locality_hash);
}

// Zeros at the end of a key do not change its code, so they change no filter.
void check_padded(FilterKind kind) {
  const auto built = [&](const std::vector<std::string>& keys) {
    ByteRows rows;
    for (const auto& key : keys) rows.push_back(code(key));
    return build_filter(policy_of(kind, KeyKind::bytes), {rows.offsets, rows.data.data(), 6}, {});
  };
  const auto bytes = built({std::string("a\0\0", 3), "bc", std::string("d\0e\0", 4)});
  CHECK(bytes == built({"a", "bc", std::string("d\0e", 3)}));
  CHECK(AnyFilter::read(view(bytes)).may_intersect(code("a"), code("a")));
}

template <typename Call>
bool corrupt(Call call) {
  try {
    call();
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

void check_refusals() {
  const Policy policy = policy_of(FilterKind::proteus, KeyKind::uint64);
  const std::vector<std::uint64_t> keys = {3, 900, 1'000'000};
  const auto bytes = build_filter(policy, keys, {});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(corrupt([&] { AnyFilter::read(view(bytes).first(size)); }));
  const auto written = policy.write();
  CHECK(corrupt([&] { AnyFilter::read(view(written)); }));
  auto unknown = bytes;
  unknown[10] = 200;
  CHECK(corrupt([&] { AnyFilter::read(view(unknown)); }));
  const OwnedByteKeys texts{{0, 1}, {'a'}, 1};
  try {
    build_filter(policy_of(FilterKind::rosetta, KeyKind::bytes), texts.view(), {});
    CHECK(false);
  } catch (const InvalidInput&) {
  }
}

}  // namespace
}  // namespace bh::ranges

int main() {
  using namespace bh::ranges;
  for (const FilterKind kind : kKinds) {
    for (const std::size_t count : {0, 1, 5, 300, 3'000})
      for (const std::size_t asked : {0, 40, 2'000}) check_codes(kind, count, asked, Space::extended);
    if (kind == FilterKind::rosetta) continue;
    for (const std::size_t count : {1, 5, 300, 3'000})
      for (const std::size_t asked : {0, 40, 500}) check_bytes(kind, count, asked);
    check_padded(kind);
  }
  check_codes(FilterKind::proteus, 3'000, 2'000, Space::paper);
  check_refusals();
}
