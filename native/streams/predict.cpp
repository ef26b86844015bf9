#include "streams/predict.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "support/hash.h"
#include "support/simd.h"

namespace bh::streams {
namespace {

constexpr std::size_t kBlock = 512;         // keys at a time
constexpr std::size_t kWord = 8;            // bytes of the longest n-gram
constexpr std::uint64_t kFingerprint = 10;  // the purpose of that hash

constexpr Feature ngram(std::uint32_t n) { return {0, ~std::uint64_t{0} >> (64 - 8 * n), n * kGolden}; }

bool lower(std::uint8_t c) { return c >= 'a' && c <= 'z'; }
bool upper(std::uint8_t c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

// range(mix64(...), buckets) by products of 32 bits, which vector units have.
BH_MULTIVERSION void feature_buckets(const std::uint64_t* values, std::size_t n, std::uint64_t shift,
                                     std::uint64_t mask, std::uint64_t add, std::uint32_t buckets, std::uint32_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t h = mix64((values[i] >> shift & mask) + add);
    const std::uint64_t low = (h & 0xFFFFFFFF) * buckets >> 32;
    out[i] = static_cast<std::uint32_t>(((h >> 32) * buckets + low) >> 32);
  }
}

std::vector<Feature> prefixes(std::uint64_t lengths) {
  std::vector<Feature> found;
  const auto prefix = [](std::uint64_t length, std::uint64_t end, std::uint64_t half) {
    return Feature{end - length, ~std::uint64_t{0} >> (64 - length), (length + 64 * half) * kGolden};
  };
  if (lengths == 0)
    for (const std::uint64_t half : {0, 1})
      for (const std::uint64_t length : {8, 12, 16, 20, 24, 28, 32})
        found.push_back(prefix(length, half == 0 ? 64 : 32, half));
  for (; lengths != 0; lengths &= lengths - 1)
    found.push_back(prefix(static_cast<std::uint64_t>(std::countr_zero(lengths)) + 1, 64, 2));
  return found;
}

void predict_key_bits(std::span<const std::uint64_t> ids, std::span<const Feature> features,
                      std::span<const float> weights, float bias, std::span<float> out) {
  std::uint32_t places[kBlock];
  for (std::size_t first = 0; first < ids.size(); first += kBlock) {
    const std::size_t n = std::min(kBlock, ids.size() - first);
    float* sums = out.data() + first;
    std::fill_n(sums, n, bias);
    for (const Feature& feature : features) {
      feature_buckets(ids.data() + first, n, feature.shift, feature.mask, feature.add,
                      static_cast<std::uint32_t>(weights.size()), places);
      for (std::size_t i = 0; i < n; ++i) sums[i] += weights[places[i]];
    }
  }
}

SparseRows key_bits_rows(std::span<const std::uint64_t> ids, std::span<const Feature> features, std::uint32_t buckets) {
  SparseRows rows(buckets);
  std::vector<std::uint32_t> places(features.size() * kBlock);
  for (std::size_t first = 0; first < ids.size(); first += kBlock) {
    const std::size_t n = std::min(kBlock, ids.size() - first);
    for (std::size_t f = 0; f < features.size(); ++f)
      feature_buckets(ids.data() + first, n, features[f].shift, features[f].mask, features[f].add, buckets,
                      places.data() + f * kBlock);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t f = 0; f < features.size(); ++f) rows.put(places[f * kBlock + i], 1);
      rows.end_row();
    }
  }
  return rows;
}

Ngrams::Ngrams(std::uint32_t shortest, std::uint32_t longest, std::uint32_t buckets)
    : shortest_(shortest), longest_(longest), buckets_(buckets), cells_(buckets) {}

void Ngrams::clear() {
  bytes_.clear();
  keys_.clear();
}

void Ngrams::add(std::string_view key) {
  const std::size_t first = bytes_.size();
  std::size_t underscores = 0;
  bool uppers = false, lowers = false;
  bytes_.resize(first + key.size() + 2);
  std::uint8_t* to = bytes_.data() + first;
  *to++ = 0;
  for (const char each : key) {
    const auto c = static_cast<std::uint8_t>(each);
    underscores += c == '_';
    uppers |= upper(c), lowers |= lower(c);
    *to++ = upper(c) ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
  }
  *to = 0;
  const auto size = static_cast<float>(key.size());
  keys_.push_back({first,
                   key.size() + 2,
                   {size / 20, std::log1p(size), uppers && !lowers ? 1.0f : 0.0f,
                    !key.empty() && bytes_[first + 1] == '_' ? 1.0f : 0.0f, static_cast<float>(underscores)}});
}

void Ngrams::hash() {
  const std::size_t size = bytes_.size();
  bytes_.resize(size + kWord);  // so that every place has a word; what lies beyond a key, each_bucket leaves out
  words_.resize(size);
  for (std::size_t i = 0; i < size; ++i) std::memcpy(&words_[i], &bytes_[i], kWord);
  bytes_.resize(size);
  places_.resize(size * (longest_ - shortest_ + 1));
  for (std::uint32_t n = shortest_; n <= longest_; ++n) {
    const Feature feature = ngram(n);
    feature_buckets(words_.data(), size, feature.shift, feature.mask, feature.add, buckets_,
                    places_.data() + (n - shortest_) * size);
  }
}

template <typename Visit>
void Ngrams::each_bucket(const Key& key, const Visit& visit) const {
  const std::uint32_t* run = places_.data() + key.first;
  for (std::size_t n = shortest_; n <= longest_ && n <= key.size; ++n, run += bytes_.size())
    for (std::size_t i = 0; i + n <= key.size; ++i) visit(run[i]);
}

void Ngrams::predict(std::span<const float> weights, std::span<const float, kDense> dense, float bias,
                     std::vector<float>& out) {
  hash();
  for (std::size_t b = 0; b < buckets_; ++b) cells_[b].weight = weights[b];
  for (const Key& key : keys_) {
    float sum = 0;
    std::uint64_t squares = 0;  // of the counts: (c + 1)^2 = c^2 + 2 c + 1
    each_bucket(key, [&](std::uint32_t b) {
      Cell& cell = cells_[b];
      sum += cell.weight;
      squares += 2 * std::uint64_t{cell.count++} + 1;
    });
    each_bucket(key, [&](std::uint32_t b) { cells_[b].count = 0; });
    float value = bias + (squares == 0 ? 0 : sum / std::sqrt(static_cast<float>(squares)));
    for (std::size_t i = 0; i < kDense; ++i) value += dense[i] * key.dense[i];
    out.push_back(value);
  }
}

void Ngrams::rows(SparseRows& rows) {
  hash();
  for (const Key& key : keys_) {
    std::uint64_t squares = 0;
    each_bucket(key, [&](std::uint32_t b) { squares += 2 * std::uint64_t{cells_[b].count++} + 1; });
    each_bucket(key, [&](std::uint32_t b) {
      if (cells_[b].count == 0) return;
      rows.put(b, static_cast<float>(cells_[b].count) / std::sqrt(static_cast<float>(squares)));
      cells_[b].count = 0;
    });
    for (std::uint32_t i = 0; i < kDense; ++i)
      if (key.dense[i] != 0) rows.put(buckets_ + i, key.dense[i]);
    rows.end_row();
  }
}

void fingerprints(std::span<const std::uint64_t> ids, std::span<std::uint32_t> out) {
  const Mix mix(0, kFingerprint);
  for (std::size_t i = 0; i < ids.size(); ++i) out[i] = static_cast<std::uint32_t>(mix(ids[i]) >> 32);
}

void look_up(std::span<const std::uint64_t> ids, const Table& table, float missing, std::span<float> out,
             std::span<std::uint8_t> known) {
  const Mix mix(0, kFingerprint);
  const std::uint64_t groups = table.starts.size() - 1;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto wanted = static_cast<std::uint32_t>(mix(ids[i]) >> 32);
    const std::uint64_t group = wanted * groups >> 32;
    std::size_t at = table.starts[group];
    const std::size_t end = std::min<std::size_t>(table.starts[group + 1], table.fingerprints.size());
    while (at < end && table.fingerprints[at] < wanted) ++at;
    const bool found = at < end && table.fingerprints[at] == wanted;
    known[i] = found;
    out[i] = found ? static_cast<float>(table.eighths[at]) / 8 : missing;
  }
}

void next_gaps(std::span<const std::uint64_t> ids, std::span<std::uint32_t> gaps) {
  constexpr std::uint64_t never = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint64_t> next(std::bit_ceil(2 * ids.size() + 1), ids.size());  // by key: the least place seen
  const std::uint64_t mask = next.size() - 1;
  const Mix mix(0, 1);
  for (std::size_t i = ids.size(); i-- > 0;) {
    std::uint64_t slot = mix(ids[i]) & mask;
    while (next[slot] != ids.size() && ids[next[slot]] != ids[i]) slot = (slot + 1) & mask;
    gaps[i] = static_cast<std::uint32_t>(next[slot] == ids.size() ? never : std::min(next[slot] - i, never));
    next[slot] = i;
  }
}

}  // namespace bh::streams
