#include "quantization/codes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "quantization/columns.h"
#include "quantization/pack.h"
#include "quantization/stochastic.h"
#include "support/errors.h"
#include "support/parallel.h"
#include "support/random.h"

namespace bh::quantization {
namespace {

constexpr std::size_t kPiece =
    4096;  // values that one thread treats in one go: a multiple of 8, so that pieces fill bytes

constexpr std::size_t kMatrix = 1 << 16;  // values of a matrix with a table for each column that are rounded in one go
constexpr std::size_t kDecoded = 12 << 10;  // and decoded, so that what is written stays close at hand

static_assert(kMostAtOnce == kWords);

// Runs whose codes fill whole bytes lie in memory like a single one.
Runs packed_runs(const CodesHeader& header) {
  const Runs runs = header.runs();
  return runs.length % 8 * header.bits() % 8 == 0 ? Runs{1, runs.size()} : runs;
}

// The columns of a matrix that have a table each: 0 unless the last axis is that of the tables, and they come back.
std::uint64_t tabled_columns(const CodesHeader& header) {
  const Grouping grouping = header.grouping();
  const bool last = header.grouped == Grouped::axis && header.axis + 1u == header.shape.size();
  return last && grouping.outer > 1 && grouping.groups > 1 ? grouping.groups : 0;
}

// Rows of `columns` codes that are unpacked or packed together; all of them in one go where they fill whole bytes.
template <typename Pack>
void each_packed(std::uint64_t rows, std::uint64_t columns, int bits, const Pack& pack_part) {
  if (columns % 8 * bits % 8 == 0) return pack_part(0, rows * columns, 0);
  for (std::uint64_t row = 0; row < rows; ++row) pack_part(row * columns, columns, row * packed_bytes(columns, bits));
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
      : header_(header), values_(values), levels_(levels), counts_(counts), grouping_(header.grouping()) {
    if constexpr (std::is_same_v<Real, float>)
      if (tabled_columns(header) > 0)
        tables_.emplace(levels, header.n_levels, counts, header.objective, grouping_.outer);
    if (tables_ && !tables_->usable()) tables_.reset();
  }

  // Codes the pieces [first, last) into `payload`.
  void run(std::uint64_t first, std::uint64_t last, std::byte* payload) {
    if constexpr (std::is_same_v<Real, float>)
      if (tables_) return run_columns(first, last, payload);
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
    if (tables_) return (grouping_.outer + rows_at_once() - 1) / rows_at_once();
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

  // Of columns that are treated together.
  std::uint64_t rows_at_once() const { return std::max<std::uint64_t>(1, kMatrix / grouping_.groups); }

  // Codes rows of a matrix whose columns have tables.
  void run_columns(std::uint64_t first, std::uint64_t last, std::byte* payload) {
    const std::uint64_t columns = grouping_.groups, most = rows_at_once();
    const int bits = header_.bits();
    std::vector<float> x(most * columns + kStripe);
    const bool nearest = header_.objective == Objective::mse;
    std::vector<std::uint32_t> words(nearest ? 0 : most * columns + 2 * kWords);
    std::vector<std::uint8_t> codes(most * columns);
    for (std::uint64_t piece = first; piece < last; ++piece) {
      const std::uint64_t row = piece * most, rows = std::min(most, grouping_.outer - row);
      const std::uint64_t from = row * columns, n = rows * columns;
      values_.read(from, n, x.data());
      std::fill_n(x.begin() + n, kStripe, 0.0f);
      if (header_.random())
        for (std::uint64_t block = from / kWords; block * kWords < from + n; ++block)
          random_words(block, header_.seed, header_.stream, Domain::rounding,
                       std::span<std::uint32_t, kWords>(&words[(block - from / kWords) * kWords], kWords));
      const Tally tally =
          tables_->round(x.data(), nearest ? nullptr : &words[from % kWords], rows, codes.data(), isa());
      if (tally.nonfinite) nonfinite_ += tally.nonfinite;
      if (tally.outside) outside_ += tally.outside;
      each_packed(rows, columns, bits, [&](std::uint64_t at, std::uint64_t count, std::uint64_t byte) {
        pack(std::span<const std::uint8_t>(&codes[at], count), bits,
             payload + row * packed_bytes(columns, bits) + byte);
      });
    }
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
  std::optional<ColumnTables> tables_;  // where neighbors have different ones
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
        grouping_(header.grouping()),
        columns_(bits_ <= 8 ? tabled_columns(header) : 0) {
    if (bits_ == 4 && header.grouped == Grouped::whole) pairs_ = make_pairs(table_.data());
  }

  // Decodes `n` elements from `i` on, wherever their runs end.
  void run(std::uint64_t i, std::size_t n, Item* values) const {
    while (n > 0) {
      const std::uint64_t j = i % runs_.length;
      std::size_t m = std::min<std::uint64_t>({n, runs_.length - j, kPiece});
      if (columns_ > 0 && i % columns_ == 0 && n >= columns_) {
        m = n - n % columns_;
        look_up_rows(i / columns_, m / columns_, values);
      } else if (columns_ > 0) {
        m = std::min<std::size_t>(m, columns_ - i % columns_);
        look_up(i, m, values);
      } else if (!pairs_.empty() && j % 2 == 0 && m > 1) {
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
  // Decodes whole rows of a matrix whose columns have tables.
  void look_up_rows(std::uint64_t first, std::uint64_t rows, Item* values) const {
    const std::uint64_t most = std::min(rows, std::max<std::uint64_t>(1, kDecoded / columns_));
    std::vector<std::uint8_t> codes(bits_ == 8 ? 0 : most * columns_);
    const std::uint64_t row_bytes = packed_bytes(columns_, bits_);
    for (std::uint64_t row = 0; row < rows; row += most) {
      const std::uint64_t now = std::min(most, rows - row);
      const std::byte* const packed = payload_.data() + (first + row) * row_bytes;
      if (bits_ < 8)
        each_packed(now, columns_, bits_, [&](std::uint64_t at, std::uint64_t count, std::uint64_t byte) {
          unpack(packed + byte, bits_, std::span(&codes[at], count));
        });
      const auto* const given = bits_ == 8 ? reinterpret_cast<const std::uint8_t*>(packed) : codes.data();
      look_up_columns(table_.data(), width_, given, now, columns_, values + row * columns_, isa());
    }
  }

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
  std::uint64_t columns_;  // with a table each; 0 where neighbors share one
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
