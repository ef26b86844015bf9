#include "quantization/codes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "quantization/pack.h"
#include "quantization/stochastic.h"
#include "support/errors.h"
#include "support/parallel.h"
#include "support/random.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kPiece =
    4096;  // values that one thread treats in one go: a multiple of 8, so that pieces fill bytes

static_assert(kMostAtOnce == kWords);

// Runs whose codes fill whole bytes lie in memory like a single one.
Runs packed_runs(const CodesHeader& header) {
  const Runs runs = header.runs();
  return runs.length % 8 * header.bits() % 8 == 0 ? Runs{1, runs.size()} : runs;
}

template <typename Real>
std::string text(Real value) {
  char digits[32];
  std::snprintf(digits, sizeof digits, sizeof(Real) == 4 ? "%.9g" : "%.17g", static_cast<double>(value));
  return digits;
}

template <typename Real>
class Encoder {
 public:
  Encoder(const CodesHeader& header, const Values& values, std::span<const Real> levels,
          std::span<const std::int64_t> counts)
      : header_(header), values_(values), levels_(levels), counts_(counts), grouping_(header.grouping()) {}

  // Codes the pieces [first, last) into `payload`.
  void run(std::uint64_t first, std::uint64_t last, std::byte* payload) {
    const Runs runs = packed_runs(header_);
    const int bits = header_.bits();
    const std::uint64_t per_run = (runs.length + kPiece - 1) / kPiece, run_bytes = packed_bytes(runs.length, bits);
    Desk desk(grouping_);
    std::vector<std::uint16_t> codes(kPiece);
    for (std::uint64_t piece = first; piece < last; ++piece) {
      const std::uint64_t run = piece / per_run, j = piece % per_run * kPiece;
      const std::size_t n = std::min<std::uint64_t>(kPiece, runs.length - j);
      round(run * runs.length + j, n, desk, codes.data());
      pack({codes.data(), n}, bits, payload + run * run_bytes + j / 8 * bits);
    }
  }

  std::uint64_t pieces() const {
    const Runs runs = packed_runs(header_);
    return runs.count * ((runs.length + kPiece - 1) / kPiece);
  }
  std::uint64_t nonfinite() const { return nonfinite_; }
  std::uint64_t outside() const { return outside_; }

  [[noreturn]] void refuse_outside() const {
    for (std::uint64_t i = 0; i < values_.size; ++i) {
      const std::span<const Real> levels = levels_of(grouping_.group_of(i));
      Real x;
      values_.read(i, 1, &x);
      if (x < levels.front() || x > levels.back())
        throw InvalidInput("x contains " + std::to_string(outside_) + " value(s) outside their levels; the first is " +
                           text(x) + " at flat index " + std::to_string(i) + ", where the levels range from " +
                           text(levels.front()) + " to " + text(levels.back()) +
                           "; pass levels.cover(x), or outside=\"clip\"");
    }
    refuse_changing();
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  struct Slot {
    std::uint64_t group = kNone;
    Rounder<Real> rounder;
  };

  // What one thread has at hand. Rounders are kept where groups come back, else one serves each group in turn.
  struct Desk {
    explicit Desk(const Grouping& grouping) : slots(!grouping.block && grouping.outer > 1 ? grouping.groups : 1) {}

    std::vector<Slot> slots;
    std::uint64_t drawn = kNone;  // the block of `words`
    std::uint32_t words[kWords];
    Real buffer[kMostAtOnce];
  };

  std::span<const Real> levels_of(std::uint64_t group) const {
    return levels_.subspan(group * header_.n_levels, counts_[group]);
  }

  void round(std::uint64_t first, std::size_t n, Desk& desk, std::uint16_t* codes) {
    const bool random = header_.random();
    for (std::size_t done = 0; done < n;) {
      const std::uint64_t i = first + done;
      const std::size_t m = std::min<std::size_t>(n - done, kWords - i % kWords);
      if (random && desk.drawn != i / kWords) {
        desk.drawn = i / kWords;
        random_words(desk.drawn, header_.seed, header_.stream, Domain::rounding, desk.words);
      }
      grouping_.each_part(i, m, [&](std::size_t group, std::size_t at, std::size_t length) {
        Slot& slot = desk.slots[desk.slots.size() == 1 ? 0 : group];
        if (slot.group != group) {
          slot.group = group;
          slot.rounder.prepare(levels_of(group), header_.objective);
        }
        values_.read(at, length, desk.buffer);  // a copy, as rounding looks at a value more than once
        const Tally tally = slot.rounder.round({desk.buffer, length}, desk.words + at % kWords, codes + (at - first));
        if (tally.nonfinite) nonfinite_ += tally.nonfinite;
        if (tally.outside) outside_ += tally.outside;
      });
      done += m;
    }
  }

  const CodesHeader& header_;
  const Values& values_;
  std::span<const Real> levels_;
  std::span<const std::int64_t> counts_;
  Grouping grouping_;
  std::atomic<std::uint64_t> nonfinite_ = 0, outside_ = 0;
};

using CodeBuffer = std::array<std::uint16_t, kPiece + 8>;

// Unpacks `n` codes from element `i` on, all of one run, and says where in `buffer` they begin.
const std::uint16_t* unpack_part(const Runs& runs, int bits, Bytes payload, std::uint64_t i, std::size_t n,
                                 CodeBuffer& buffer) {
  const std::uint64_t run = i / runs.length, j = i % runs.length;
  const std::size_t before = j % 8;
  const std::uint64_t at = run * packed_bytes(runs.length, bits) + j / 8 * bits;
  unpack(payload.data() + at, bits, {buffer.data(), before + n});
  return buffer.data() + before;
}

// A table of levels whose rows have 2^bits items, the last one repeated: then no code reads outside.
template <typename Item>
std::vector<Item> pad_rows(std::span<const Item> levels, std::size_t s, std::size_t width) {
  std::vector<Item> padded(levels.size() / s * width);
  for (std::size_t row = 0; row < levels.size() / s; ++row) {
    const auto end = std::copy_n(levels.begin() + row * s, s, padded.begin() + row * width);
    std::fill(end, padded.begin() + (row + 1) * width, levels[row * s + s - 1]);
  }
  return padded;
}

// Both items of each byte that holds two codes of 4 bits.
template <typename Item>
std::vector<std::array<Item, 2>> make_pairs(const Item* table) {
  std::vector<std::array<Item, 2>> pairs(256);
  for (std::size_t byte = 0; byte < 256; ++byte) pairs[byte] = {table[byte & 15], table[byte >> 4]};
  return pairs;
}

template <typename Item>
class Decoder {
 public:
  Decoder(const CodesHeader& header, Bytes payload, std::span<const Item> levels)
      : runs_(packed_runs(header)),
        bits_(header.bits()),
        width_(std::size_t{1} << bits_),
        payload_(payload),
        table_(pad_rows(levels, header.n_levels, width_)),
        grouping_(header.grouping()) {
    if (bits_ == 4 && header.grouped == Grouped::whole) pairs_ = make_pairs(table_.data());
  }

  // Decodes `n` elements from `i` on, wherever their runs end.
  void run(std::uint64_t i, std::size_t n, Item* values) const {
    while (n > 0) {
      const std::uint64_t j = i % runs_.length;
      std::size_t m = std::min<std::uint64_t>({n, runs_.length - j, kPiece});
      if (!pairs_.empty() && j % 2 == 0 && m > 1) {
        m -= m % 2;
        const Bytes packed = payload_.subspan(i / runs_.length * packed_bytes(runs_.length, 4) + j / 2, m / 2);
        for (std::size_t k = 0; k < m / 2; ++k)
          std::memcpy(values + 2 * k, &pairs_[static_cast<std::size_t>(packed[k])], 2 * sizeof(Item));
      } else {
        look_up(i, m, values);
      }
      i += m, n -= m, values += m;
    }
  }

 private:
  void look_up(std::uint64_t i, std::size_t n, Item* values) const {
    CodeBuffer buffer;
    const std::uint16_t* codes = unpack_part(runs_, bits_, payload_, i, n, buffer);
    grouping_.each_part(i, n, [&](std::size_t group, std::size_t at, std::size_t length) {
      const Item* table = &table_[group * width_];
      for (std::size_t k = at - i; k < at - i + length; ++k) values[k] = table[codes[k]];
    });
  }

  Runs runs_;
  int bits_;
  std::size_t width_;
  Bytes payload_;
  std::vector<Item> table_;
  Grouping grouping_;
  std::vector<std::array<Item, 2>> pairs_;
};

}  // namespace

template <typename Real>
CodesHeader encode(CodesHeader header, const Values& values, std::span<const Real> levels,
                   std::span<const std::int64_t> counts, EncodeOptions options, std::span<std::byte> bytes) {
  if (values.size > 0) {
    Encoder<Real> encoder(header, values, levels, counts);
    std::byte* payload = bytes.data() + header.payload_at();
    share(encoder.pieces(), options.threads,
          [&](std::uint64_t first, std::uint64_t last) { encoder.run(first, last, payload); });
    if (encoder.nonfinite()) refuse_non_finite(values);
    if (encoder.outside() && !options.clip) encoder.refuse_outside();
    header.clipped = encoder.outside();
  }
  write_codes(header, std::as_bytes(levels), bytes);
  return header;
}

template <typename Item>
void decode(const CodesHeader& header, Bytes payload, std::span<const Item> levels, const Selection& selection,
            std::size_t threads, std::span<Item> values) {
  if (values.empty()) return;
  const Decoder<Item> decoder(header, payload, levels);
  decode_selected(decoder, selection, kPiece, threads, values);
}

template <typename Code>
void read_codes(const CodesHeader& header, Bytes payload, std::span<Code> codes) {
  const Runs runs = packed_runs(header);
  CodeBuffer buffer;
  for (std::uint64_t i = 0; i < codes.size();) {
    const std::size_t n = std::min<std::uint64_t>(kPiece, runs.length - i % runs.length);
    const std::uint16_t* part = unpack_part(runs, header.bits(), payload, i, n, buffer);
    std::copy_n(part, n, codes.begin() + i);
    i += n;
  }
}

template CodesHeader encode(CodesHeader, const Values&, std::span<const float>, std::span<const std::int64_t>,
                            EncodeOptions, std::span<std::byte>);
template CodesHeader encode(CodesHeader, const Values&, std::span<const double>, std::span<const std::int64_t>,
                            EncodeOptions, std::span<std::byte>);
template void decode(const CodesHeader&, Bytes, std::span<const std::uint16_t>, const Selection&, std::size_t,
                     std::span<std::uint16_t>);
template void decode(const CodesHeader&, Bytes, std::span<const std::uint32_t>, const Selection&, std::size_t,
                     std::span<std::uint32_t>);
template void decode(const CodesHeader&, Bytes, std::span<const std::uint64_t>, const Selection&, std::size_t,
                     std::span<std::uint64_t>);
template void read_codes(const CodesHeader&, Bytes, std::span<std::uint8_t>);
template void read_codes(const CodesHeader&, Bytes, std::span<std::uint16_t>);

}  // namespace bh::quantization
