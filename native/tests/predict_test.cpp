#include "streams/predict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "support/hash.h"

namespace {

namespace streams = bh::streams;

// Weights that tell the buckets apart and add up without rounding.
std::vector<float> weights_of(std::uint32_t buckets) {
  std::vector<float> weights(buckets);
  for (std::uint32_t b = 0; b < buckets; ++b) weights[b] = static_cast<float>(b % 251) / 64 - 1;
  return weights;
}

std::uint32_t bucket_of(std::uint64_t value, std::uint64_t kind, std::uint32_t buckets) {
  return static_cast<std::uint32_t>(bh::range(bh::kth(value, kind), buckets));
}

void key_bits_are_prefixes_of_either_half() {
  for (const std::uint32_t buckets : {1u, 7u, 512u, streams::kMostBuckets}) {
    const std::vector<float> weights = weights_of(buckets);
    std::vector<std::uint64_t> ids(1234);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = bh::kth(buckets, i);
    ids[0] = 0, ids[1] = ~std::uint64_t{0};
    std::vector<float> out(ids.size());
    streams::predict_key_bits(ids, streams::prefixes(0), weights, 0.5f, out);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      float expected = 0.5f;
      for (const std::uint64_t length : {8, 12, 16, 20, 24, 28, 32}) {
        expected += weights[bucket_of(ids[i] >> (64 - length), length, buckets)];
        expected += weights[bucket_of((ids[i] & 0xFFFFFFFF) >> (32 - length), length + 64, buckets)];
      }
      CHECK(out[i] == expected);
    }
  }
}

void key_bits_are_prefixes_of_the_whole() {
  const std::vector<float> weights = weights_of(512);
  const std::uint64_t ids[] = {0, 1, bh::kth(0, 1), ~std::uint64_t{0}};
  float out[4];
  streams::predict_key_bits(ids, streams::prefixes(1ull << 63 | 1ull << 15 | 1), weights, 0, out);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(out[i] == weights[bucket_of(ids[i] >> 63, 129, 512)] + weights[bucket_of(ids[i] >> 48, 144, 512)] +
                        weights[bucket_of(ids[i], 192, 512)]);
}

void rows_of_key_bits_give_the_same_sums() {
  const std::vector<float> weights = weights_of(64);
  std::vector<std::uint64_t> ids(700);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = bh::kth(3, i);
  const streams::SparseRows rows = streams::key_bits_rows(ids, streams::prefixes(0), 64);
  std::vector<float> out(ids.size());
  streams::predict_key_bits(ids, streams::prefixes(0), weights, 0, out);
  CHECK(rows.rows() == ids.size() && rows.columns() == 64);
  std::vector<double> one(ids.size()), column(64);
  for (std::size_t i = 0; i < ids.size(); i += 69) {
    std::fill(one.begin(), one.end(), 0);
    one[i] = 1;
    rows.transposed(one, column);
    double sum = 0;
    for (std::size_t b = 0; b < 64; ++b) sum += column[b] * static_cast<double>(weights[b]);
    CHECK(sum == static_cast<double>(out[i]));
  }
}

// By its definition: each n-gram of the padded key in lower case, read as a little-endian integer.
float expected_ngrams(const std::string& key, std::uint32_t shortest, std::uint32_t longest,
                      const std::vector<float>& weights) {
  std::string padded(1, '\0');
  for (const char c : key) padded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  padded += '\0';
  std::map<std::uint32_t, double> counts;
  for (std::size_t n = shortest; n <= longest; ++n)
    for (std::size_t i = 0; i + n <= padded.size(); ++i) {
      std::uint64_t value = 0;
      for (std::size_t j = n; j-- > 0;) value = value << 8 | static_cast<std::uint8_t>(padded[i + j]);
      ++counts[bucket_of(value, n, static_cast<std::uint32_t>(weights.size()))];
    }
  double sum = 0, squares = 0;
  for (const auto& [bucket, count] : counts) {
    sum += count * static_cast<double>(weights[bucket]);
    squares += count * count;
  }
  return squares == 0 ? 0 : static_cast<float>(sum) / std::sqrt(static_cast<float>(squares));
}

std::vector<std::string> hard_keys() {
  std::vector<std::string> keys{"", "a", "_", "__init__", "ABC", "aBC", "É", std::string(1, '\0'), "aaaaaaaa", "1_2"};
  keys.emplace_back(5000, 'x');
  for (std::size_t i = 0; i < 600; ++i) {
    std::string key;
    for (std::size_t j = 0; j < i % 23; ++j) key += static_cast<char>(bh::kth(i, j));
    keys.push_back(key);
  }
  keys.emplace_back(100'000, 'Y');
  return keys;
}

void ngrams_are_counted_and_normalized() {
  for (const auto& [shortest, longest, buckets] :
       {std::array<std::uint32_t, 3>{1, 4, 1024}, {3, 3, 16}, {1, 8, streams::kMostBuckets}, {8, 8, 1}}) {
    const std::vector<float> weights = weights_of(buckets);
    const std::array<float, 5> none{};
    streams::Ngrams ngrams(shortest, longest, buckets);
    std::vector<float> out;
    const std::vector<std::string> keys = hard_keys();
    for (const std::string& key : keys) {
      ngrams.add(key);
      if (!ngrams.full()) continue;
      ngrams.predict(weights, none, 0, out);
      ngrams.clear();
    }
    ngrams.predict(weights, none, 0, out);
    CHECK(out.size() == keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const float expected = expected_ngrams(keys[i], shortest, longest, weights);
      const float rounding = keys[i].size() > 1000 ? 1e-2f : 1e-5f;  // single precision adds up all of them
      CHECK(std::abs(out[i] - expected) <= rounding * (1 + std::abs(expected)));
    }
  }
}

void five_more_features_tell_length_and_style() {
  const std::array<float, 5> dense{20, 1, 100, 1000, 10'000};
  const std::vector<float> weights(8, 0);
  const auto ask = [&](const char* key) {
    streams::Ngrams ngrams(1, 2, 8);
    ngrams.add(key);
    std::vector<float> out;
    ngrams.predict(weights, dense, 0.5f, out);
    return out.at(0);
  };
  const auto length = [](float n) { return 0.5f + n + std::log1p(n); };
  CHECK(ask("") == 0.5f);
  CHECK(ask("abc") == length(3));
  CHECK(std::abs(ask("ABC") - length(3) - 100) < 1e-3f);
  CHECK(std::abs(ask("A1") - length(2) - 100) < 1e-3f);
  CHECK(std::abs(ask("Ab") - length(2)) < 1e-3f);
  CHECK(std::abs(ask("12") - length(2)) < 1e-3f);
  CHECK(std::abs(ask("_a_") - length(3) - 21'000) < 1e-2f);
  CHECK(std::abs(ask("a_B") - length(3) - 10'000) < 1e-2f);
}

void rows_of_ngrams_give_the_same_sums() {
  const std::vector<float> weights = weights_of(128);
  const std::array<float, 5> dense{0.5f, 0.25f, 2, 4, 8};
  streams::Ngrams ngrams(1, 3, 128);
  const std::vector<std::string> keys{"alpha", "", "_beta_", "GAMMA", "aaaa"};
  for (const std::string& key : keys) ngrams.add(key);
  std::vector<float> out;
  ngrams.predict(weights, dense, 0, out);
  streams::SparseRows rows(128 + 5);
  ngrams.rows(rows);
  CHECK(rows.rows() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::vector<double> one(keys.size()), column(133);
    one[i] = 1;
    rows.transposed(one, column);
    double sum = 0;
    for (std::size_t b = 0; b < 128; ++b) sum += column[b] * static_cast<double>(weights[b]);
    for (std::size_t d = 0; d < 5; ++d) sum += column[128 + d] * static_cast<double>(dense[d]);
    CHECK(std::abs(sum - static_cast<double>(out[i])) < 1e-4);
  }
}

void normal_products_are_those_of_the_matrix() {
  streams::SparseRows rows(3);  // 1 2 0 / 0 0 0 / 0 3 4
  rows.put(0, 1), rows.put(1, 2), rows.end_row();
  rows.end_row();
  rows.put(1, 3), rows.put(2, 4), rows.end_row();
  const double weights[] = {2, 5, 1}, v[] = {1, 10, 100}, y[] = {1, 1, 2};
  double out[3];
  rows.normal(weights, v, out);
  CHECK(out[0] == 42 && out[1] == 84 + 3 * 430 && out[2] == 4 * 430);
  rows.transposed(y, out);
  CHECK(out[0] == 1 && out[1] == 8 && out[2] == 8);
}

void tables_know_their_keys_only() {
  for (const std::size_t size : {0, 1, 7, 100, 8192}) {
    std::vector<std::uint64_t> ids(2 * size + 1);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    std::vector<std::uint32_t> all(ids.size()), kept;
    streams::fingerprints(ids, all);
    kept.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    std::sort(kept.begin(), kept.end());
    const std::uint64_t groups = std::max<std::size_t>(1, size / 8);
    std::vector<std::uint32_t> starts(groups + 1, static_cast<std::uint32_t>(size));
    for (std::uint64_t b = groups; b-- > 0;) {
      starts[b] = starts[b + 1];
      while (starts[b] > 0 && kept[starts[b] - 1] * groups >> 32 >= b) --starts[b];
    }
    std::vector<std::uint8_t> eighths(size), known(ids.size());
    for (std::size_t i = 0; i < size; ++i) eighths[i] = static_cast<std::uint8_t>(kept[i]);
    std::vector<float> out(ids.size());
    streams::look_up(ids, {kept, eighths, starts}, -1, out, known);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CHECK(known[i] == std::binary_search(kept.begin(), kept.end(), all[i]));
      CHECK(out[i] == (known[i] ? static_cast<float>(all[i] & 255) / 8 : -1));
      CHECK(known[i] || i >= size);
    }
  }
}

void gaps_are_those_to_the_next_arrival() {
  for (const std::uint64_t universe : {1, 3, 40, 100'000}) {
    std::vector<std::uint64_t> ids(500);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = bh::kth(universe, i) % universe * ~std::uint64_t{0};
    std::vector<std::uint32_t> gaps(ids.size());
    streams::next_gaps(ids, gaps);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::size_t next = i + 1;
      while (next < ids.size() && ids[next] != ids[i]) ++next;
      CHECK(gaps[i] == (next == ids.size() ? std::numeric_limits<std::uint32_t>::max() : next - i));
    }
  }
  streams::next_gaps({}, {});
}

}  // namespace

int main() {
  key_bits_are_prefixes_of_either_half();
  key_bits_are_prefixes_of_the_whole();
  rows_of_key_bits_give_the_same_sums();
  ngrams_are_counted_and_normalized();
  five_more_features_tell_length_and_style();
  rows_of_ngrams_give_the_same_sums();
  normal_products_are_those_of_the_matrix();
  tables_know_their_keys_only();
  gaps_are_those_to_the_next_arrival();
}
