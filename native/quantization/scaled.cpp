#include "quantization/scaled.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "quantization/block_fit.h"
#include "quantization/pack.h"
#include "quantization/round16.h"
#include "quantization/stochastic.h"
#include "support/errors.h"
#include "support/parallel.h"
#include "support/random.h"
#include "support/simd.h"

namespace bh::quantization {

BH_MULTIVERSION void pack_pairs(const std::uint8_t* codes, std::size_t bytes, std::uint8_t* packed) {
  for (std::size_t i = 0; i < bytes; ++i) packed[i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
}
BH_MULTIVERSION void look_up_plainly(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values) {
  for (std::size_t i = 0; i < bytes; ++i) {
    values[2 * i] = table[packed[i] & 15];
    values[2 * i + 1] = table[packed[i] >> 4];
  }
}
// Each value divided by its scale, and how many of them lie outside.
BH_MULTIVERSION std::size_t scale_down(const float* z, std::size_t n, float inverse, float first, float last,
                                       float* y) {
  std::uint32_t outside = 0;
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = z[i] * inverse;
    outside += (y[i] < first) | (y[i] > last);
  }
  return outside;
}
// Rounds each value to the level below it or to the next at random, as Rounder does: `codes` are those below.
BH_MULTIVERSION void move_up(const float* low, const float* gap, const float* y, std::size_t n,
                             const std::uint32_t* words, const std::uint8_t* codes, std::uint8_t* rounded) {
  std::int32_t up[kMostAtOnce];
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t code = codes[i];
    float p = (y[i] - low[code]) * gap[code];
    p = p > 0 ? p : 0;
    p = p < 1 ? p : 1;
    const float threshold = p * 0x1p31f;
    up[i] = code + (static_cast<std::int32_t>(words[i] >> 1) <
                    static_cast<std::int32_t>(threshold < 2147483520.0f ? threshold : 2147483520.0f));
  }
  for (std::size_t i = 0; i < n; ++i) rounded[i] = static_cast<std::uint8_t>(up[i]);
}

namespace {

constexpr std::size_t kTable16 = 16;

void pack_codes(const std::uint8_t* codes, std::size_t n, int bits, std::byte* packed) {
  if (bits == 8) {
    std::memcpy(packed, codes, n);
    return;
  }
  std::size_t done = 0;
  if (bits == 4) {
    pack_pairs(codes, n / 2, reinterpret_cast<std::uint8_t*>(packed));
    done = n / 8 * 8;
  }
  std::uint16_t wide[kMostAtOnce];
  for (; done < n; done += kMostAtOnce) {
    const std::size_t m = std::min(kMostAtOnce, n - done);
    std::copy_n(codes + done, m, wide);
    pack({wide, m}, bits, packed + packed_bytes(done, bits));
  }
}

// Two codes of each byte.
void look_up_pairs(const float* table, const std::uint8_t* packed, std::size_t bytes, float* values) {
  std::size_t done = 0;
#if BH_ROUND16_V4
  if (isa() == Isa::v4) done = look_up16_v4(table, packed, bytes, values);
#endif
#if BH_ROUND16_V3
  if (isa() == Isa::v3) done = look_up16_v3(table, packed, bytes, values);
#endif
  if (done < bytes) look_up_plainly(table, packed + done, bytes - done, values + 2 * done);
}

// A block within its run.
struct Place {
  std::uint64_t run, j;
  std::size_t length;
};

class Blocks {
 public:
  explicit Blocks(const CodesHeader& header) : runs_(header.runs()), block_(header.block) {
    per_run_ = (runs_.length + block_ - 1) / block_;
  }
  std::uint64_t count() const { return runs_.count * per_run_; }
  std::size_t longest() const { return std::min(block_, runs_.length); }
  Place operator[](std::uint64_t i) const {
    const std::uint64_t j = i % per_run_ * block_;
    return {i / per_run_, j, static_cast<std::size_t>(std::min(block_, runs_.length - j))};
  }
  Place after(const Place& place) const {
    const std::uint64_t j = place.j + place.length;
    if (j == runs_.length) return {place.run + 1, 0, longest()};
    return {place.run, j, static_cast<std::size_t>(std::min(block_, runs_.length - j))};
  }
  std::uint64_t element(const Place& place) const { return place.run * runs_.length + place.j; }
  std::uint64_t packed_at(const Place& place, int bits) const {
    return place.run * packed_bytes(runs_.length, bits) + place.j / 8 * bits;
  }

 private:
  Runs runs_;
  std::uint64_t block_, per_run_;
};

template <typename Real>
class ScaledEncoder {
 public:
  ScaledEncoder(const CodesHeader& header, const Values& values, const FitTable& table, std::byte* bytes)
      : header_(header), values_(values), table_(table), bytes_(bytes), blocks_(header), grid_(header.scale) {
    if (header.random()) rounder_.prepare({table.level.data(), table.count}, Objective::unbiased);
  }

  void run(std::uint64_t first, std::uint64_t last) {
    BlockFits<Real> fits(table_, header_.scale, blocks_.longest());
    Desk desk;
    desk.rounded.resize(header_.random() ? blocks_.longest() : 0);
    const int bits = header_.bits();
    Place reading = blocks_[first], writing = reading;
    const auto read = [&](std::uint64_t, Real* buffer) {
      values_.read(blocks_.element(reading), reading.length, buffer);
      const std::span<const Real> x(buffer, reading.length);
      reading = blocks_.after(reading);
      return x;
    };
    fits.each(first, last, read, [&](std::uint64_t i, std::span<const Real>, const BlockFit& fit, const Fitted& found) {
      const Place place = writing;
      writing = blocks_.after(writing);
      if (!found.finite) {
        nonfinite_ = true;
        return;
      }
      const std::uint16_t scale = grid_.bits(found.scale);
      std::memcpy(bytes_ + header_.scales_at() + i * scale_bytes(header_.scale), &scale, scale_bytes(header_.scale));
      const std::uint8_t* codes = fit.codes();
      if (header_.random() && fit.inverse() != 0) {
        round(fit, blocks_.element(place), place.length, desk);
        codes = desk.rounded.data();
      }
      pack_codes(codes, place.length, bits, bytes_ + header_.payload_at() + blocks_.packed_at(place, bits));
    });
  }

  std::uint64_t count() const { return blocks_.count(); }
  bool nonfinite() const { return nonfinite_; }
  std::uint64_t outside() const { return outside_; }

 private:
  // What one thread has at hand for rounding at random.
  struct Desk {
    std::vector<std::uint8_t> rounded;
    std::uint64_t drawn = ~std::uint64_t{0};  // the block of `words`
    std::uint32_t words[kWords];
  };

  void round(const BlockFit& fit, std::uint64_t first, std::size_t n, Desk& desk) {
    float y[kMostAtOnce];
    std::uint16_t codes[kMostAtOnce];
    for (std::size_t done = 0; done < n;) {
      const std::uint64_t i = first + done;
      const std::size_t m = std::min<std::size_t>(n - done, kWords - i % kWords);
      if (desk.drawn != i / kWords) {
        desk.drawn = i / kWords;
        random_words(desk.drawn, header_.seed, header_.stream, Domain::rounding, desk.words);
      }
      const std::uint32_t* words = desk.words + i % kWords;
      const std::size_t outside =
          scale_down(fit.scaled() + done, m, fit.inverse(), table_.first * kLittleMore, table_.last * kLittleMore, y);
      if (outside) outside_ += outside;
      if (const RoundingTable<float>* table = rounder_.table()) {
        move_up(table->low.data(), table->gap.data(), y, m, words, fit.codes() + done, desk.rounded.data() + done);
      } else {
        rounder_.round({y, m}, words, codes);
        std::copy_n(codes, m, desk.rounded.data() + done);
      }
      done += m;
    }
  }

  static constexpr float kLittleMore = 1 + 0x1p-20f;  // what rounding may put a value beyond the levels by

  const CodesHeader& header_;
  const Values& values_;
  const FitTable& table_;
  std::byte* bytes_;
  Blocks blocks_;
  ScaleGrid grid_;
  Rounder<float> rounder_;
  std::atomic<bool> nonfinite_ = false;
  std::atomic<std::uint64_t> outside_ = 0;
};

template <typename Real>
class ScaledDecoder {
 public:
  ScaledDecoder(const CodesHeader& header, Bytes bytes)
      : header_(header),
        payload_(bytes.subspan(header.payload_at(), header.payload_bytes())),
        scales_(bytes.subspan(header.scales_at(), header.scales_bytes())),
        runs_(header.runs()),
        grouping_(header.grouping()),
        grid_(header.scale),
        bits_(header.bits()),
        table_(std::size_t{1} << bits_) {
    std::vector<Real> levels(header.n_levels);
    std::memcpy(levels.data(), &bytes[header.levels_at()], header.levels_bytes());
    std::copy(levels.begin(), levels.end(), table_.begin());
    std::fill(table_.begin() + header.n_levels, table_.end(), levels.back());
  }

  // Decodes `n` elements from `i` on.
  void run(std::uint64_t i, std::size_t n, Real* values) const {
    std::uint64_t run = i / runs_.length, start = run * runs_.length;
    grouping_.each_part(i, n, [&](std::size_t block, std::size_t at, std::size_t length) {
      if (at - start == runs_.length) ++run, start = at;
      part(block, run, at - start, length, values + (at - i));
    });
  }

 private:
  void part(std::size_t block, std::uint64_t run, std::uint64_t j, std::size_t n, Real* values) const {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &scales_[block * scale_bytes(header_.scale)], scale_bytes(header_.scale));
    const Real scale = static_cast<Real>(grid_.value(bits));
    constexpr Real most = std::numeric_limits<Real>::max();
    const bool few = table_.size() <= kTable16;
    Real scaled[kTable16];
    for (std::size_t b = 0; few && b < table_.size(); ++b) scaled[b] = std::clamp(table_[b] * scale, -most, most);

    const std::byte* packed = payload_.data() + run * packed_bytes(runs_.length, bits_);
    if constexpr (std::is_same_v<Real, float>)
      if (bits_ == 4 && j % 2 == 0 && n % 2 == 0)
        return look_up_pairs(scaled, reinterpret_cast<const std::uint8_t*>(packed) + j / 2, n / 2, values);
    std::uint16_t codes[kMostAtOnce + 8];
    for (std::size_t done = 0; done < n;) {
      const std::size_t before = (j + done) % 8, m = std::min(kMostAtOnce, n - done);
      unpack(packed + (j + done) / 8 * bits_, bits_, {codes, before + m});
      if (few)
        for (std::size_t k = 0; k < m; ++k) values[done + k] = scaled[codes[before + k]];
      else
        for (std::size_t k = 0; k < m; ++k)
          values[done + k] = std::clamp(table_[codes[before + k]] * scale, -most, most);
      done += m;
    }
  }

  const CodesHeader& header_;
  Bytes payload_, scales_;
  Runs runs_;
  Grouping grouping_;
  ScaleGrid grid_;
  int bits_;
  std::vector<Real> table_;
};

}  // namespace

template <typename Real>
CodesHeader encode_scaled(CodesHeader header, const Values& values, std::span<const Real> levels, EncodeOptions options,
                          std::span<std::byte> bytes) {
  if (values.size > 0) {
    const std::vector<double> wide(levels.begin(), levels.end());
    const FitTable table(wide, header.objective);
    ScaledEncoder<Real> encoder(header, values, table, bytes.data());
    share(encoder.count(), options.threads, [&](std::uint64_t first, std::uint64_t last) { encoder.run(first, last); });
    if (encoder.nonfinite()) refuse_non_finite(values);
    if (encoder.outside() && !options.clip)
      throw InvalidInput("x contains " + std::to_string(encoder.outside()) +
                         " value(s) beyond what levels times the largest scale reach; make levels for x, or pass "
                         "outside=\"clip\"");
    header.clipped = encoder.outside();
  }
  write_codes(header, std::as_bytes(levels), bytes);
  return header;
}

template <typename Real>
void decode_scaled(const CodesHeader& header, Bytes bytes, const Selection& selection, std::size_t threads,
                   std::span<Real> values) {
  if (values.empty()) return;
  const ScaledDecoder<Real> decoder(header, bytes);
  decode_selected(decoder, selection, 1 << 14, threads, values);
}

void read_scales(const CodesHeader& header, Bytes bytes, std::span<double> scales) {
  const ScaleGrid grid(header.scale);
  const std::size_t width = scale_bytes(header.scale);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &bytes[header.scales_at() + i * width], width);
    scales[i] = grid.value(bits);
  }
}

template CodesHeader encode_scaled(CodesHeader, const Values&, std::span<const float>, EncodeOptions,
                                   std::span<std::byte>);
template CodesHeader encode_scaled(CodesHeader, const Values&, std::span<const double>, EncodeOptions,
                                   std::span<std::byte>);
template void decode_scaled(const CodesHeader&, Bytes, const Selection&, std::size_t, std::span<float>);
template void decode_scaled(const CodesHeader&, Bytes, const Selection&, std::size_t, std::span<double>);

}  // namespace bh::quantization
