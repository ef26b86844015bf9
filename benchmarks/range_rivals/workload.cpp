// Keys and closed range queries as files of raw uint64, from the generator whose results for the released code of
// Proteus are known: workload COUNT uniform|normal uniform|correlated|split LONGEST FOLDER [REACH]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using Codes = std::vector<std::uint64_t>;

Codes make_keys(std::size_t count, bool normal) {
  std::mt19937_64 raw(42);
  std::normal_distribution<double> bell(0x1p63, 0.01 * 0x1p64);
  Codes keys;
  while (keys.size() < count) {
    while (keys.size() < count) {
      if (normal) {
        double drawn = bell(raw);
        while (!(drawn >= 0 && drawn < 0x1p64)) drawn = bell(raw);
        keys.push_back(static_cast<std::uint64_t>(drawn));
      } else {
        keys.push_back(raw());
      }
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  }
  return keys;
}

struct Ranges {
  Codes lo, hi;
};

Ranges empty_ranges(const Codes& keys, std::size_t count, const std::string& kind, std::uint64_t longest,
                    std::uint64_t reach, std::uint64_t seed) {
  std::mt19937_64 raw(seed);
  Ranges ranges;
  while (ranges.lo.size() < count) {
    const std::uint64_t length = longest <= 1 ? 1 : 2 + raw() % (longest - 1);
    const bool beside = kind == "correlated" || (kind == "split" && (raw() & 1));
    const std::uint64_t lo = beside ? keys[raw() % keys.size()] + 1 + raw() % reach : raw(), hi = lo + length - 1;
    if (hi < lo || hi == ~std::uint64_t{0}) continue;
    const auto at = std::lower_bound(keys.begin(), keys.end(), lo);
    if (at != keys.end() && *at <= hi) continue;
    ranges.lo.push_back(lo), ranges.hi.push_back(hi);
  }
  return ranges;
}

// Each holds a key, at a random place in it.
Ranges full_ranges(const Codes& keys, std::size_t count, std::uint64_t longest) {
  std::mt19937_64 raw(5);
  Ranges ranges;
  while (ranges.lo.size() < count) {
    const std::uint64_t length = longest <= 1 ? 1 : 2 + raw() % (longest - 1);
    const std::uint64_t key = keys[raw() % keys.size()], before = raw() % length;
    if (key < before || key - before + length - 1 < key - before || key - before + length == 0) continue;
    ranges.lo.push_back(key - before), ranges.hi.push_back(key - before + length - 1);
  }
  return ranges;
}

void write(const std::string& path, const Codes& codes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(codes.data(), 8, codes.size(), file) != codes.size() || std::fclose(file) != 0) {
    std::perror(path.c_str());
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return std::fprintf(stderr, "workload COUNT KEYS QUERIES LONGEST FOLDER [REACH]\n"), 2;
  const std::string kind = argv[3], folder = argv[5];
  const std::uint64_t longest = std::strtoull(argv[4], nullptr, 10),
                      reach = argc > 6 ? std::strtoull(argv[6], nullptr, 10) : 1024;
  const Codes keys = make_keys(std::strtoull(argv[1], nullptr, 10), std::string(argv[2]) == "normal");
  write(folder + "/keys", keys);
  const std::size_t asked = keys.size() >= 10'000'000 ? 200'000 : 100'000;
  const Ranges empty = empty_ranges(keys, asked, kind, longest, reach, 7);
  const Ranges sample = empty_ranges(keys, 20'000, kind, longest, reach, 99);
  const Ranges full = full_ranges(keys, asked, longest);
  write(folder + "/empty_lo", empty.lo), write(folder + "/empty_hi", empty.hi);
  write(folder + "/sample_lo", sample.lo), write(folder + "/sample_hi", sample.hi);
  write(folder + "/full_lo", full.lo), write(folder + "/full_hi", full.hi);
}
