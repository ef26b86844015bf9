// What Python cannot see of the histogram: keys, growth step by step, and bytes.
#include "quantization/histogram.h"

#include <algorithm>
#include <random>

#include "check.h"
#include "families.h"
#include "numbers.h"
#include "support/errors.h"

namespace bh::quantization {
namespace {

void check_index_is_monotone() {
  std::mt19937_64 random(1);
  for (int kind = 0; kind < kFamilies; ++kind) {
    std::vector<double> x = family(kind, 500, random);
    std::sort(x.begin(), x.end());
    for (const std::uint32_t shift : {0u, 7u, 16u, 23u})
      for (std::size_t i = 1; i < x.size(); ++i)
        CHECK(bucket_index(x[i - 1], 0.1, 3, shift) <= bucket_index(x[i], 0.1, 3, shift));
  }
  CHECK(bucket_index(-1.7e308, 0, 1e300, 0) == -0x40000000 && bucket_index(1.7e308, 0, 1e300, 0) == 0x40000001);
}

// The same bytes, however values are parted and in whatever order parts are merged.
void check_parts() {
  std::mt19937_64 random(3);
  for (int kind = 0; kind < kFamilies; ++kind) {
    const std::vector<double> x = family(kind, 400, random);
    Histogram whole(0.3, 0.7, 258);
    whole.update<double>(std::span<const double>(x), {}, range(std::span<const double>(x)));
    for (int trial = 0; trial < 5; ++trial) {
      std::vector<double> mixed = x;
      std::shuffle(mixed.begin(), mixed.end(), random);
      std::vector<Histogram> parts(1 + random() % 7, Histogram(0.3, 0.7, 258));
      for (const double& value : mixed)
        parts[random() % parts.size()].update<double>(std::span<const double>(&value, 1), {}, {value, value, true});
      while (parts.size() > 1) {
        const Histogram last = parts.back();
        parts.pop_back();
        parts[random() % parts.size()].merge(last);
      }
      CHECK(parts[0].to_bytes() == whole.to_bytes());
    }
  }
}

// Sums beyond 128 bits, and those that a larger unit makes smaller.
void check_exact_sums() {
  const std::int64_t most = std::int64_t{1} << (ExactSums::kBits - 1);
  ExactSums many, one_by_one;
  many.add(-most, std::uint64_t{1} << 62);
  many.add(many);
  CHECK(many.count() == std::uint64_t{1} << 63 && many.sum() == -(static_cast<__int128>(most) << 63));
  CHECK(many.squares_as_double() == std::ldexp(1.0, 169));
  ExactSums times;
  times.add(most - 1, 1000);
  for (int i = 0; i < 1000; ++i) one_by_one.add(most - 1);
  CHECK(times.sum() == one_by_one.sum() && times.squares() == one_by_one.squares());
  CHECK(times.count() == one_by_one.count() && times.squares_high() == one_by_one.squares_high());
  many.coarsen(50);
  CHECK(many.sum() == -(static_cast<__int128>(most) << 13));
  CHECK(many.squares_as_double() == std::ldexp(1.0, 69));
}

void check_growth() {
  std::mt19937_64 random(2);
  for (int kind = 0; kind < kFamilies; ++kind) {
    const std::vector<double> x = family(kind, 400, random);
    Histogram grown(0.3, 0.7, 64), whole(0.3, 0.7, 64);
    for (const double& value : x) {  // some buckets come to span several octaves, and steps grow
      grown.update<double>(std::span<const double>(&value, 1), {}, {value, value, true});
      grown.check_invariants();
    }
    const std::span<const double> all(x);
    whole.update<double>(all, {}, range(all));
    CHECK(grown.count() == whole.count() && grown.shift() == whole.shift() && grown.buckets() == whole.buckets());
    CHECK(Histogram::from_bytes(whole.to_bytes()).to_bytes() == whole.to_bytes());
  }
}

bool refused(const std::vector<std::byte>& bytes) {
  try {
    Histogram::from_bytes(bytes);
  } catch (const CorruptData&) {
    return true;
  }
  return false;
}

void check_bytes() {
  Histogram seen(1, 2, 64);
  const std::vector<double> x{-5, 0.5, 1, 1, 3, 1e6};
  const std::span<const double> all(x);
  seen.update<double>(all, {}, range(all));
  const std::vector<std::byte> bytes = seen.to_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> flipped = bytes;
    flipped[at] ^= std::byte{0x10};
    CHECK(refused(flipped));
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(refused(longer));
}

// The same buckets on every machine.
void check_bits() {
  const std::vector<float> x = numbers<float>(5000);
  const std::vector<double> y = numbers<double>(5000);
  Histogram seen(1, 2, 1024);
  seen.update<float>(std::span<const float>(x), {}, range(std::span<const float>(x)));
  seen.update<double>(std::span<const double>(y), {}, range(std::span<const double>(y)));
  const std::vector<std::byte> bytes = seen.to_bytes();
  CHECK(crc32c(Bytes(bytes).first(bytes.size() - 4)) == 0x8de27453);  // with its own CRC, any bytes give one CRC
}

}  // namespace
}  // namespace bh::quantization

int main() {
  bh::quantization::check_index_is_monotone();
  bh::quantization::check_parts();
  bh::quantization::check_exact_sums();
  bh::quantization::check_growth();
  bh::quantization::check_bytes();
  bh::quantization::check_bits();
}
