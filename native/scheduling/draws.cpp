#include "scheduling/draws.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "support/random.h"

namespace bh::scheduling {
namespace {

// Both words as 53 bits: 27 of the first, 26 of the second; +1 keeps 0 out.
BH_MULTIVERSION void to_uniforms(const std::uint32_t* words, double* out) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto high = static_cast<std::int32_t>(words[lane] >> 5);
    const auto low = static_cast<std::int32_t>(words[lane + kLanes] >> 6);
    out[lane] = (high * 0x1p26 + (low + 1.0)) * 0x1p-53;
  }
}

// -log(u) for u in (0, 1]: u = 2^e m with m from sqrt(1/2) to sqrt(2), and log m = 2 artanh s for s = (m - 1) / (m +
// 1). Sums and products only, in one order, so that vector registers of any width give the same bits.
BH_MULTIVERSION void to_exponentials(double* u) {
  constexpr std::uint64_t root = 0x3FE6A09E667F3BCD, one = std::uint64_t{1023} << 52, magic = 0x4330000000000000;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto bits = std::bit_cast<std::uint64_t>(u[lane]);
    const std::uint64_t biased = (bits - root + one) >> 52;
    const double m = std::bit_cast<double>(bits - (biased << 52) + one);
    const double e = std::bit_cast<double>(biased | magic) - (0x1p52 + 1023.0);
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double series = 1.0 / 21;
    series = series * z + 1.0 / 19;
    series = series * z + 1.0 / 17;
    series = series * z + 1.0 / 15;
    series = series * z + 1.0 / 13;
    series = series * z + 1.0 / 11;
    series = series * z + 1.0 / 9;
    series = series * z + 1.0 / 7;
    series = series * z + 1.0 / 5;
    series = series * z + 1.0 / 3;
    u[lane] = -(e * 0.6931471805599453 + (2.0 * s + 2.0 * s * (z * series)));
  }
}

template <typename Convert>
void draw(std::uint64_t seed, Stream stream, std::uint64_t first, std::span<double> out, const Convert& convert) {
  std::vector<std::uint32_t> words(kWords);
  double values[kLanes];
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t job = first + done;
    random_words(job / kLanes, seed, static_cast<std::uint32_t>(stream), Domain::queueing,
                 std::span<std::uint32_t, kWords>(words));
    to_uniforms(words.data(), values);
    convert(values);
    const std::size_t skip = job % kLanes, count = std::min(kLanes - skip, out.size() - done);
    std::copy_n(values + skip, count, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += count;
  }
}

}  // namespace

void uniforms(std::uint64_t seed, Stream stream, std::uint64_t first, std::span<double> out) {
  draw(seed, stream, first, out, [](double*) {});
}

void exponentials(std::uint64_t seed, Stream stream, std::uint64_t first, std::span<double> out) {
  draw(seed, stream, first, out, to_exponentials);
}

}  // namespace bh::scheduling
