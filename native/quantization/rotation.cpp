#include "quantization/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "quantization/hadamard.h"
#include "quantization/pack.h"
#include "quantization/stochastic.h"
#include "support/errors.h"
#include "support/parallel.h"

namespace bh::quantization {

// Every 32 values change their signs by the bits of one word. A mask, and no shift by lane, as SSE2 has none.
BH_MULTIVERSION void flip_floats(float* x, std::size_t count, const std::uint32_t* words) {
  for (std::size_t w = 0; w < count; ++w)
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      const std::uint32_t minus = (words[w] & 1u << lane) != 0 ? 1u << 31 : 0;
      x[32 * w + lane] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x[32 * w + lane]) ^ minus);
    }
}
BH_MULTIVERSION void flip_doubles(double* x, std::size_t count, const std::uint32_t* words) {
  for (std::size_t w = 0; w < count; ++w)
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      const std::uint64_t minus = (words[w] & 1u << lane) != 0 ? 1ull << 63 : 0;
      x[32 * w + lane] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(x[32 * w + lane]) ^ minus);
    }
}

constexpr std::size_t kSums = 16;

// Sums in float64 and 16 lanes, value i in lane i % 16: the same bits whatever the width of the registers.
BH_MULTIVERSION void add_products(const float* a, const float* b, std::size_t n, double* sums) {
  for (std::size_t i = 0; i < n; i += kSums)
    for (std::size_t lane = 0; lane < kSums; ++lane)
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
}
BH_MULTIVERSION void add_products(const double* a, const double* b, std::size_t n, double* sums) {
  for (std::size_t i = 0; i < n; i += kSums)
    for (std::size_t lane = 0; lane < kSums; ++lane) sums[lane] += a[i + lane] * b[i + lane];
}

namespace {

constexpr std::uint64_t kPositions = 32 * kWords;  // whose signs are drawn at once
constexpr std::size_t kWorthAThread =
    1 << 20;  // values whose signs are flipped; with fewer a thread costs more than it does

// A sum of products over parts whose lengths are multiples of 16.
class Dot {
 public:
  template <typename Real>
  void add(std::span<const Real> a, const Real* b) {
    add_products(a.data(), b, a.size(), sums_);
  }
  double total() {
    for (std::size_t half = kSums / 2; half > 0; half /= 2)
      for (std::size_t lane = 0; lane < half; ++lane) sums_[lane] += sums_[lane + half];
    return sums_[0];
  }

 private:
  double sums_[kSums] = {};
};

int log2_of(std::uint64_t n) { return std::countr_zero(n); }

// Multiplies by 2^exponent, in two steps, as a single factor may overflow where no product does.
template <typename Real>
void scale_by_power(std::span<Real> x, int exponent) {
  const Real first = std::ldexp(Real{1}, exponent / 2), second = std::ldexp(Real{1}, exponent - exponent / 2);
  for (Real& value : x) value = value * first * second;
}

// Calls run(offset, length) for the runs of an array that hold elements [from, from + n) of a group.
template <typename Run>
void each_run(const Grouping& grouping, std::uint64_t group, std::uint64_t from, std::uint64_t n, const Run& run) {
  while (n > 0) {
    const std::uint64_t outer = from / grouping.inner, j = from % grouping.inner;
    const std::uint64_t length = std::min<std::uint64_t>(n, grouping.inner - j);
    run((outer * grouping.groups + group) * grouping.inner + j, length);
    from += length, n -= length;
  }
}

// Where the chunks of all groups lie, one after the other.
struct Layout {
  explicit Layout(const CodesHeader& header)
      : grouping(header.grouping()), chunks(header.chunks()), per_group(chunks.count()), bits(header.bits()) {}

  struct Place {
    std::uint64_t group;
    Chunks::Chunk chunk;
    std::uint64_t position;  // of the first value, counting what is filled up
  };
  Place operator[](std::uint64_t i) const {
    const std::uint64_t group = i / per_group;
    const Chunks::Chunk chunk = chunks[i % per_group];
    return {group, chunk, group * chunks.padded() + chunk.at};
  }
  std::uint64_t packed_at(const Place& place) const { return packed_bytes(place.position, bits); }
  std::uint64_t longest() const { return std::min(chunks.block, std::bit_ceil(std::max(chunks.size, Chunks::kLeast))); }

  Grouping grouping;
  Chunks chunks;
  std::uint64_t per_group;
  int bits;
};

template <typename Real>
class RotatedEncoder {
 public:
  RotatedEncoder(const CodesHeader& header, const Values& values, std::span<const Real> levels, std::byte* bytes)
      : header_(header), values_(values), levels_(levels), bytes_(bytes), layout_(header) {
    rounder_.prepare(levels, Objective::mse);
  }

  void run(std::uint64_t first, std::uint64_t last) const {
    Signs signs(header_.seed, header_.stream);
    std::vector<Real> buffer(layout_.longest());
    for (std::uint64_t i = first; i < last; ++i) {
      const Layout::Place place = layout_[i];
      const std::span<Real> x(buffer.data(), place.chunk.length);
      std::size_t at = 0;
      each_run(layout_.grouping, place.group, place.chunk.at, place.chunk.used, [&](std::size_t from, std::size_t n) {
        values_.read(from, n, &x[at]);
        at += n;
      });
      std::fill(x.begin() + at, x.end(), Real{0});
      const Real scale = code(x, place, signs);
      std::memcpy(bytes_ + header_.scales_at() + i * sizeof scale, &scale, sizeof scale);
    }
  }

 private:
  // Codes one chunk, and gives its scale.
  Real code(std::span<Real> x, const Layout::Place& place, Signs& signs) const {
    const Range<Real> range = bh::quantization::range(std::span<const Real>(x));
    if (!range.finite) refuse_non_finite(values_);
    std::byte* packed = bytes_ + header_.payload_at() + layout_.packed_at(place);
    const Real most = std::max(range.high, -range.low);
    if (most == 0) {
      std::memset(packed, 0, packed_bytes(x.size(), layout_.bits));
      return 0;
    }
    int exponent;
    std::frexp(most, &exponent);
    scale_by_power(x, -exponent);
    Dot square;
    square.add(std::span<const Real>(x), x.data());
    const double squared_length = square.total();
    rotate(x, signs, place.position, header_.rounds, false);
    const double unit = orthonormal(log2_of(x.size()), header_.rounds);
    const Real spread = static_cast<Real>(unit * std::sqrt(static_cast<double>(x.size()) / squared_length));
    Dot across, own;  // of the rotated values and their levels, and of the levels themselves
    for (std::size_t i = 0; i < x.size(); i += kMostAtOnce) {
      const std::span<const Real> part = x.subspan(i, std::min(kMostAtOnce, x.size() - i));
      Real normal[kMostAtOnce];
      std::uint16_t codes[kMostAtOnce];
      for (std::size_t j = 0; j < part.size(); ++j) normal[j] = part[j] * spread;
      rounder_.round({normal, part.size()}, nullptr, codes);
      pack({codes, part.size()}, layout_.bits, packed + packed_bytes(i, layout_.bits));
      for (std::size_t j = 0; j < part.size(); ++j) normal[j] = levels_[codes[j]];
      across.add(part, normal);
      own.add(std::span<const Real>(normal, part.size()), normal);
    }
    const double projected = across.total() * unit;
    const bool unbiased = header_.objective == Objective::unbiased;
    const double scale = unbiased ? squared_length / projected : projected / own.total();
    const Real rounded = static_cast<Real>(std::ldexp(scale, exponent));
    if (!std::isfinite(rounded))
      throw InvalidInput("x contains values so close to the largest float that rotating them overflows; divide x by 4");
    return rounded;
  }

  const CodesHeader& header_;
  const Values& values_;
  std::span<const Real> levels_;
  std::byte* bytes_;
  Layout layout_;
  Rounder<Real> rounder_;
};

template <typename Real>
class RotatedDecoder {
 public:
  RotatedDecoder(const CodesHeader& header, Bytes bytes)
      : header_(header), bytes_(bytes), layout_(header), levels_(header.n_levels) {
    std::memcpy(levels_.data(), &bytes[header.levels_at()], header.levels_bytes());
  }

  // Decodes one chunk into `x`, of that length.
  void chunk(std::uint64_t i, const Layout::Place& place, Signs& signs, std::span<Real> x) const {
    Real scale;
    std::memcpy(&scale, &bytes_[header_.scales_at() + i * sizeof scale], sizeof scale);
    const std::byte* packed = &bytes_[header_.payload_at() + layout_.packed_at(place)];
    for (std::size_t at = 0; at < x.size(); at += kMostAtOnce) {
      std::uint16_t codes[kMostAtOnce];
      const std::size_t n = std::min(kMostAtOnce, x.size() - at);
      unpack(packed + packed_bytes(at, layout_.bits), layout_.bits, {codes, n});
      for (std::size_t j = 0; j < n; ++j) x[at + j] = levels_[codes[j]];
    }
    rotate(x, signs, place.position, header_.rounds, true);
    const Real unit = static_cast<Real>(orthonormal(log2_of(x.size()), header_.rounds));
    constexpr Real most = std::numeric_limits<Real>::max();
    for (Real& value : x) value = std::clamp(value * unit * scale, -most, most);
  }

  const Layout& layout() const { return layout_; }

 private:
  const CodesHeader& header_;
  Bytes bytes_;
  Layout layout_;
  std::vector<Real> levels_;
};

}  // namespace

const std::uint32_t* Signs::words(std::uint64_t block, int round) {
  if (drawn_[round] != block) {
    std::array<std::uint32_t, kWords> by_word;
    random_words(block, seed_, stream_, round == 0 ? Domain::first_signs : Domain::second_signs, by_word);
    for (std::size_t i = 0; i < kWords; ++i) words_[round][i] = by_word[i % 4 * kLanes + i / 4];
    drawn_[round] = block;
  }
  return words_[round].data();
}

template <typename Real>
void Signs::flip(std::span<Real> x, std::uint64_t first, int round) {
  for (std::size_t done = 0; done < x.size();) {
    const std::uint64_t position = first + done;
    const std::size_t n = std::min<std::uint64_t>(x.size() - done, kPositions - position % kPositions);
    const std::uint32_t* from = words(position / kPositions, round) + position % kPositions / 32;
    if constexpr (std::is_same_v<Real, float>)
      flip_floats(&x[done], n / 32, from);
    else
      flip_doubles(&x[done], n / 32, from);
    for (std::size_t i = n / 32 * 32; i < n; ++i)
      if (from[i / 32] >> i % 32 & 1) x[done + i] = -x[done + i];
    done += n;
  }
}

double orthonormal(int log2_n, int rounds) {
  const int halvings = log2_n * rounds;  // of the square of the factor
  return std::ldexp(halvings % 2 ? std::sqrt(0.5) : 1.0, -(halvings / 2));
}

template <typename Real>
void flip_rows(std::span<Real> x, std::size_t length, std::uint64_t seed, std::uint64_t stream, std::size_t threads) {
  const std::size_t piece = std::min<std::size_t>(length, kPositions), per_row = length / piece;
  share(x.size() / piece, std::min(threads, x.size() / kWorthAThread), [&](std::uint64_t first, std::uint64_t last) {
    Signs signs(seed, stream);
    for (std::uint64_t i = first; i < last; ++i) signs.flip(x.subspan(i * piece, piece), i % per_row * piece, 0);
  });
}

template <typename Real>
void rotate(std::span<Real> x, Signs& signs, std::uint64_t first, int rounds, bool inverse) {
  for (int i = 0; i < rounds; ++i) {
    const int round = inverse ? rounds - 1 - i : i;
    if (!inverse) signs.flip(x, first, round);
    hadamard(x, {0, log2_of(x.size())}, 1);
    if (inverse) signs.flip(x, first, round);
  }
}

template <typename Real>
void encode_rotated(const CodesHeader& header, const Values& values, std::span<const Real> levels, std::size_t threads,
                    std::span<std::byte> bytes) {
  if (values.size > 0) {
    const RotatedEncoder<Real> encoder(header, values, levels, bytes.data());
    share(header.groups() * header.chunks().count(), threads,
          [&](std::uint64_t first, std::uint64_t last) { encoder.run(first, last); });
  }
  write_codes(header, std::as_bytes(levels), bytes);
}

template <typename Real>
void decode_rotated(const CodesHeader& header, Bytes bytes, std::span<const std::int64_t> rows, std::uint64_t row,
                    std::size_t threads, std::span<Real> values) {
  if (values.empty()) return;
  const RotatedDecoder<Real> decoder(header, bytes);
  const Layout& layout = decoder.layout();
  const std::uint64_t all = header.groups() * layout.per_group;
  const std::uint64_t per_row = row == 0 ? all : all / (header.size() / row);
  share(row == 0 ? all : rows.size() * per_row, threads, [&](std::uint64_t first, std::uint64_t last) {
    Signs signs(header.seed, header.stream);
    std::vector<Real> buffer(layout.longest());
    for (std::uint64_t task = first; task < last; ++task) {
      const std::uint64_t chosen = row == 0 ? 0 : rows[task / per_row], i = chosen * per_row + task % per_row;
      const Layout::Place place = layout[i];
      decoder.chunk(i, place, signs, {buffer.data(), place.chunk.length});
      const Real* from = buffer.data();
      each_run(layout.grouping, place.group, place.chunk.at, place.chunk.used, [&](std::size_t at, std::size_t n) {
        std::copy_n(from, n, values.data() + task / per_row * row + (at - chosen * row));
        from += n;
      });
    }
  });
}

template void Signs::flip(std::span<float>, std::uint64_t, int);
template void Signs::flip(std::span<double>, std::uint64_t, int);
template void flip_rows(std::span<float>, std::size_t, std::uint64_t, std::uint64_t, std::size_t);
template void flip_rows(std::span<double>, std::size_t, std::uint64_t, std::uint64_t, std::size_t);
template void rotate(std::span<float>, Signs&, std::uint64_t, int, bool);
template void rotate(std::span<double>, Signs&, std::uint64_t, int, bool);
template void encode_rotated(const CodesHeader&, const Values&, std::span<const float>, std::size_t,
                             std::span<std::byte>);
template void encode_rotated(const CodesHeader&, const Values&, std::span<const double>, std::size_t,
                             std::span<std::byte>);
template void decode_rotated(const CodesHeader&, Bytes, std::span<const std::int64_t>, std::uint64_t, std::size_t,
                             std::span<float>);
template void decode_rotated(const CodesHeader&, Bytes, std::span<const std::int64_t>, std::uint64_t, std::size_t,
                             std::span<double>);

}  // namespace bh::quantization
