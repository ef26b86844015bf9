#!/usr/bin/env bash
# Proteus, the authors' code at 0d4c314: modeling() wants its sample in ascending order, and says nothing where it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone -q https://github.com/Eric-R-Knorr/Proteus "$folder/proteus"
git -C "$folder/proteus" checkout -q 0d4c314
cat > "$folder/ask.cpp" <<'CPP'
#include <algorithm>
#include <cstdio>
#include <random>

#include "include/modeling.hpp"
#include "include/proteus.hpp"

int main() {
  std::mt19937_64 draw(42);
  std::vector<uint64_t> keys(1000000);
  for (uint64_t& key : keys) key = draw();
  std::sort(keys.begin(), keys.end());
  const auto empty = [&](size_t count) {
    std::vector<std::pair<uint64_t, uint64_t>> found;
    while (found.size() < count) {
      const uint64_t lo = draw() / 2, hi = lo + 2 + draw() % 31;  // the right bound is exclusive
      const auto at = std::lower_bound(keys.begin(), keys.end(), lo);
      if (at == keys.end() || *at >= hi) found.emplace_back(lo, hi);
    }
    return found;
  };
  auto sample = empty(20000);
  const auto asked = empty(100000);
  double rates[2];
  for (const bool sorted : {false, true}) {
    if (sorted) std::sort(sample.begin(), sample.end());
    const auto design = proteus::modeling(keys, sample, 12.0, 64);
    proteus::Proteus filter(keys, std::get<0>(design), std::get<1>(design), std::get<2>(design), 12.0);
    size_t wrong = 0;
    for (const auto& range : asked) wrong += filter.Query(range.first, range.second);
    rates[sorted] = wrong / 100000.0;
    std::printf("sample %s: trie of %zu bits, Bloom filter of %zu bits, measured rate %.5f\n",
                sorted ? "sorted" : "as asked", std::get<0>(design), std::get<2>(design), rates[sorted]);
  }
  return rates[0] > 3 * rates[1] ? 0 : 1;
}
CPP
g++ -O3 -w -std=c++17 -march=native -I"$folder/proteus" "$folder"/ask.cpp "$folder"/proteus/include/*.cpp -o "$folder/ask"
"$folder/ask"
cat <<'END'
What it means: a sample in the order in which queries were asked is no valid input, though nothing says so. The model then
foresees no false positive, and takes a design that errs several times as often. Sort the sample first.
END
