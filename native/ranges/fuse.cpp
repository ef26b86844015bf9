#include "ranges/fuse.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "ranges/codes.h"
#include "support/errors.h"
#include "support/storage.h"

namespace bh::ranges {
namespace {

constexpr std::uint32_t kMostBits = 32;
constexpr std::uint32_t kLeastSegmentLog = 2, kMostSegmentLog = 18;  // fields of 14 bits name the groups of 2^18 / 2^4
constexpr int kAttemptsOfASize = 4, kAttemptsWithRepeated = 3;

constexpr std::size_t kChunk = 64;  // of values whose hashes are computed side by side

struct Chunk {
  std::array<std::uint64_t, kChunk> blocks;
  FusePlaces<kChunk> places;
  std::array<std::array<std::uint64_t, kChunk>, 4> slots;

  // Segments alone.
  BH_INLINE void find_segments(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
      places.segment[i] = FusePlaces<kChunk>::segment_of(shape, mix64((values[i] >> shape.block_log) ^ seed));
  }
  BH_INLINE void find_slots(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) blocks[i] = values[i] >> shape.block_log;
    places.place(shape, seed, blocks.data(), n);
    const std::uint64_t low = (std::uint64_t{1} << shape.block_log) - 1;
    for (std::uint32_t j = 0; j < 4; ++j)
      for (std::size_t i = 0; i < n; ++i)
        slots[j][i] = places.group(shape, i, j) + ((values[i] & low) ^ places.turn(shape, i, j));
  }
};

BH_MULTIVERSION void sort_by_segment(const FuseShape& shape_in, std::uint64_t seed, const Prefixes& values_in,
                                     std::uint64_t* starts, std::uint64_t* order) {
  const FuseShape shape = shape_in;
  const Prefixes all = values_in;
  Chunk chunk;
  std::array<std::uint64_t, kChunk> values;
  for (std::size_t at = 0; at < all.codes.size();) {
    const std::size_t n = all.take(at, values.data(), kChunk);
    chunk.find_segments(shape, seed, values.data(), n);
    for (std::size_t i = 0; i < n; ++i) ++starts[chunk.places.segment[i] + 1];
  }
  std::partial_sum(starts, starts + shape.segments + 1, starts);
  Storage<std::uint64_t> next(starts, starts + shape.segments);
  for (std::size_t at = 0; at < all.codes.size();) {
    const std::size_t n = all.take(at, values.data(), kChunk);
    chunk.find_segments(shape, seed, values.data(), n);
    for (std::size_t i = 0; i < n; ++i) order[next[chunk.places.segment[i]]++] = values[i];
  }
}

// What peeling works in, and leaves its order in.
struct Room {
  std::uint8_t* counts;  // of each slot: 4 * (its values), XOR which of their slots it is
  std::uint64_t *xors, *queue;
  std::uint64_t* order;  // by segment; those peeled take the places of those added
  std::uint8_t* own;     // which of its slots each had for itself
};

// False where a slot gets more values than it can count.
BH_INLINE bool add(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n,
                   const Room& room) {
  Chunk chunk;
  bool overflow = false;
  for (std::size_t at = 0; at < n; at += kChunk) {
    const std::size_t size = std::min(kChunk, n - at);
    chunk.find_slots(shape, seed, values + at, size);
    for (std::size_t i = 0; i < size; ++i)
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint64_t slot = chunk.slots[j][i];
        overflow |= room.counts[slot] >= 252;
        room.counts[slot] = static_cast<std::uint8_t>((room.counts[slot] + 4) ^ j);
        room.xors[slot] ^= values[at + i];
      }
  }
  return !overflow;
}

// Takes what is alone in a slot from `first` to `end`, then what becomes alone before `end`.
BH_INLINE std::uint64_t take(const FuseShape& shape, std::uint64_t seed, std::uint64_t first, std::uint64_t end,
                             std::uint64_t done, const Room& room) {
  std::uint64_t waiting = 0;
  for (std::uint64_t slot = first; slot < end; ++slot) {
    room.queue[waiting] = slot;
    waiting += room.counts[slot] >> 2 == 1;
  }
  Chunk chunk;
  std::array<std::uint64_t, kChunk> values;
  for (std::uint64_t next = 0; next < waiting;) {
    const std::size_t size = std::min<std::uint64_t>(kChunk, waiting - next);
    for (std::size_t i = 0; i < size; ++i) values[i] = room.xors[room.queue[next + i]];
    chunk.find_slots(shape, seed, values.data(), size);  // of no use where the slot has lost its value meanwhile
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t alone = room.queue[next + i];
      if (room.counts[alone] >> 2 != 1) continue;
      room.order[done] = values[i];
      room.own[done++] = room.counts[alone] & 3;
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint64_t slot = chunk.slots[j][i];
        const auto count = static_cast<std::uint8_t>((room.counts[slot] ^ j) - 4);
        room.counts[slot] = count;
        room.xors[slot] ^= values[i];
        room.queue[waiting] = slot;
        waiting += (count >> 2 == 1) & (slot < end);
      }
    }
    next += size;
  }
  return done;
}

// Segment after segment: once its own values are added, no others will come to its slots, and all that is touched lies
// close together. Returns how many were peeled.
BH_MULTIVERSION std::uint64_t peel(const FuseShape& shape_in, std::uint64_t seed, const std::uint64_t* starts,
                                   const Room& room_in) {
  const FuseShape shape = shape_in;
  const Room room = room_in;
  const std::uint64_t size = std::uint64_t{1} << shape.segment_log;
  std::uint64_t done = 0, cleared = 0;
  for (std::uint64_t segment = 0; segment < shape.segments + 3; ++segment) {
    for (; cleared < std::min(segment + 4, shape.segments + 3); ++cleared) {
      std::fill_n(room.counts + cleared * size, size, std::uint8_t{0});
      std::fill_n(room.xors + cleared * size, size, std::uint64_t{0});
    }
    if (segment < shape.segments) {
      const std::uint64_t first = starts[segment], count = starts[segment + 1] - first;
      if (!add(shape, seed, room.order + first, count, room)) return 0;
    }
    done = take(shape, seed, segment * size, (segment + 1) * size, done, room);
  }
  return done;
}

// Peels a set: takes away, again and again, a value that has a slot for itself.
class Peeling {
 public:
  Peeling(const Prefixes& values, std::uint64_t count) : values_(values), order_(count), own_(count) {}

  void drop_repeated() {
    distinct_.resize(values_.codes.size());
    for (std::size_t i = 0; i < distinct_.size(); ++i) distinct_[i] = values_.codes[i] >> values_.shift;
    distinct_ = sorted_distinct(std::move(distinct_));
    values_ = {distinct_, 0};
    order_.resize(distinct_.size());
  }
  // Whether nothing is left.
  bool run(const FuseShape& shape, std::uint64_t seed) {
    counts_.resize(shape.slots());
    xors_.resize(shape.slots());
    queue_.resize(shape.slots() + 1);  // one is written ahead
    starts_.assign(shape.segments + 1, 0);
    sort_by_segment(shape, seed, values_, starts_.data(), order_.data());
    return peel(shape, seed, starts_.data(),
                {counts_.data(), xors_.data(), queue_.data(), order_.data(), own_.data()}) == order_.size();
  }
  std::span<const std::uint64_t> peeled() const { return order_; }  // in the order in which they were taken
  const std::uint8_t* own() const { return own_.data(); }           // which of its slots each had for itself

 private:
  Prefixes values_;
  Storage<std::uint64_t> distinct_;
  Storage<std::uint8_t> counts_;  // of each slot: 4 * (its values), XOR which of their slots it is
  Storage<std::uint64_t> xors_, queue_, starts_;
  Storage<std::uint64_t> order_;  // by segment; those peeled take the places of those added
  Storage<std::uint8_t> own_;
};

// Backwards: when a value comes, all that use its own slot have come, as they were peeled later.
BH_MULTIVERSION void assign(const FuseShape& shape_in, std::uint64_t seed, std::span<const std::uint64_t> values,
                            const std::uint8_t* owned, std::uint8_t* slots, std::uint8_t* plane) {
  const FuseShape shape = shape_in;
  const std::uint64_t mask = (std::uint64_t{1} << shape.bits) - 1;
  Chunk chunk;
  std::array<std::uint64_t, kChunk> prints;
  for (std::size_t end = values.size(); end > 0;) {
    const std::size_t size = std::min(kChunk, end);
    end -= size;
    chunk.find_slots(shape, seed, values.data() + end, size);
    for (std::size_t i = 0; i < size; ++i) prints[i] = Fuse::fingerprint(seed, values[end + i]);
    for (std::size_t i = size; i-- > 0;) {
      std::uint64_t differ = prints[i], bit = prints[i] >> shape.bits;
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint64_t at = chunk.slots[j][i] * shape.bits;
        differ ^= load_word(slots + at / 8) >> at % 8;
      }
      const std::uint64_t own = chunk.slots[owned[end + i]][i];
      xor_bits(slots, own * shape.bits, differ & mask);
      if (chunk.places.segment[i] + 4 > shape.covered) continue;
      for (std::uint32_t j = 0; j < 4; ++j) bit ^= plane[chunk.slots[j][i] / 8] >> chunk.slots[j][i] % 8;
      plane[own / 8] ^= static_cast<std::uint8_t>((bit & 1) << own % 8);
    }
  }
}

}  // namespace

FuseShape::FuseShape(std::uint64_t n, std::uint64_t blocks) : values(n) {
  const double ln = std::log(static_cast<double>(std::max<std::uint64_t>(blocks, 2)));
  const std::uint64_t in_block = (n + blocks - 1) / blocks;
  const double log = std::floor(ln / std::log(2.91) - 0.5) + std::bit_width(in_block - 1);
  segment_log = static_cast<std::uint32_t>(std::clamp<double>(log, kLeastSegmentLog, kMostSegmentLog));
  block_log = std::min(kFuseBlockLog, segment_log - 2);
  const double expansion = std::min(2.0, std::max(1.075, 0.77 + 0.305 * std::log(6e5) / ln));
  const auto wanted = static_cast<std::uint64_t>(std::llround(expansion * static_cast<double>(n)));
  const std::uint64_t whole = (wanted + (std::uint64_t{1} << segment_log) - 1) >> segment_log;
  segments = whole > 4 ? whole - 3 : 1;
}

bool FuseShape::spend(std::uint64_t budget_bits) {
  const std::uint64_t each = budget_bits / slots();
  if (each == 0) return false;
  bits = static_cast<std::uint32_t>(std::min<std::uint64_t>(each, kMostBits));
  covered = std::min((budget_bits - slots_bits()) >> segment_log, segments + 3);
  return true;
}

double FuseShape::rate() const {
  const double share = covered <= 3 ? 0.0 : static_cast<double>(covered - 3) / static_cast<double>(segments);
  return std::ldexp(1 - share / 2, -static_cast<int>(bits));
}

std::optional<Fuse> Fuse::build(const Prefixes& values, std::uint64_t count, std::uint64_t blocks,
                                std::uint64_t budget_bits, std::uint64_t seed, int attempts) {
  FuseShape shape(count, blocks);
  if (!shape.spend(budget_bits)) return std::nullopt;
  Peeling peeling(values, count);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (attempt == kAttemptsWithRepeated) peeling.drop_repeated();
    if (attempt > 0 && attempt % kAttemptsOfASize == 0) {
      shape.segments += std::max<std::uint64_t>(1, shape.segments / 50);
      if (!shape.spend(budget_bits)) return std::nullopt;
    }
    const std::uint64_t chosen = kth(seed, static_cast<std::uint64_t>(attempt));
    if (!peeling.run(shape, chosen)) continue;
    Payload slots(shape.slots_bits()), plane(shape.plane_bits());
    assign(shape, chosen, peeling.peeled(), peeling.own(), slots.writable(), plane.writable());
    return Fuse(shape, chosen, std::move(slots), std::move(plane));
  }
  return std::nullopt;
}

Fuse Fuse::load(const FuseShape& shape, std::uint64_t seed, Payload slots, Payload plane) {
  const bool fits = shape.segments >= 1 && shape.segments < (std::uint64_t{1} << 32) &&
                    shape.segment_log >= kLeastSegmentLog && shape.segment_log <= kMostSegmentLog &&
                    shape.block_log <= kFuseBlockLog && shape.block_log + 2 <= shape.segment_log && shape.bits >= 1 &&
                    shape.bits <= kMostBits && shape.covered <= shape.segments + 3 && shape.values <= shape.slots();
  if (!fits) throw CorruptData("the fuse filter has parameters that none is built with");
  if (slots.size() != bytes_for(shape.slots_bits()) || plane.size() != bytes_for(shape.plane_bits()))
    throw CorruptData("the fuse filter has arrays of other sizes than its parameters say");
  return Fuse(shape, seed, std::move(slots), std::move(plane));
}

}  // namespace bh::ranges
