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
  // Slots by those bits of their numbers that the mask leaves.
  BH_INLINE void find_slots(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n,
                            std::uint64_t mask = ~std::uint64_t{0}) {
    for (std::size_t i = 0; i < n; ++i) blocks[i] = values[i] >> shape.block_log;
    places.place(shape, seed, blocks.data(), n);
    const std::uint64_t low = (std::uint64_t{1} << shape.block_log) - 1;
    for (std::uint32_t j = 0; j < 4; ++j)
      for (std::size_t i = 0; i < n; ++i)
        slots[j][i] = (places.group(shape, i, j) + ((values[i] & low) ^ places.turn(shape, i, j))) & mask;
  }
};

BH_MULTIVERSION void count_segments(const FuseShape& shape_in, std::uint64_t seed, const Prefixes& values_in,
                                    std::uint64_t* starts) {
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
}

BH_MULTIVERSION void sort_by_segment(const FuseShape& shape_in, std::uint64_t seed, const Prefixes& values_in,
                                     std::uint64_t* next, std::uint64_t* sorted) {
  const FuseShape shape = shape_in;
  const Prefixes all = values_in;
  Chunk chunk;
  std::array<std::uint64_t, kChunk> values;
  for (std::size_t at = 0; at < all.codes.size();) {
    const std::size_t n = all.take(at, values.data(), kChunk);
    chunk.find_segments(shape, seed, values.data(), n);
    for (std::size_t i = 0; i < n; ++i) sorted[next[chunk.places.segment[i]]++] = values[i];
  }
}

// Of a slot, in 32 bits: the XOR of the places of its values, by their low 24 bits, and how many values it has. So what
// is peeled at a time fits into a near cache, and a value that is alone is found by its place.
constexpr std::uint32_t kOpen = 128;    // in the count as long as values are still added to the segment of the slot
constexpr std::uint32_t kTooMany = 64;  // are more than are counted
BH_INLINE bool is_alone(std::uint32_t word) { return (word & 255) == 1; }
constexpr std::uint64_t kPlaceMask = (std::uint64_t{1} << 24) - 1, kMostWaiting = std::uint64_t{1} << 23;
constexpr std::uint64_t kMostSlots = std::uint64_t{1} << 31;  // numbered with 32 bits

// What peeling works in, and leaves its order in. Segments that are done with make room for others.
struct Room {
  std::uint32_t* words;  // of the slots of so many segments
  std::uint64_t segments;
  std::uint32_t* queue;
  const std::uint64_t *values, *starts;  // by segment
  std::uint64_t* order;                  // of those peeled; it may end within `values`, behind those that still wait
  std::uint8_t* own;                     // which of its slots each had for itself
};

// False where a slot gets more values than it can count.
BH_INLINE bool add(const FuseShape& shape, std::uint64_t seed, std::uint64_t segment, const Room& room) {
  const std::uint64_t mask = (room.segments << shape.segment_log) - 1, end = room.starts[segment + 1];
  Chunk chunk;
  std::uint32_t counted = 0;
  for (std::uint64_t at = room.starts[segment]; at < end; at += kChunk) {
    const std::size_t size = std::min<std::uint64_t>(kChunk, end - at);
    chunk.find_slots(shape, seed, room.values + at, size, mask);
    for (std::size_t i = 0; i < size; ++i) {
      const auto place = static_cast<std::uint32_t>((at + i) << 8);
      for (std::uint32_t j = 0; j < 4; ++j) {
        std::uint32_t& word = room.words[chunk.slots[j][i]];
        word = (word + 1) ^ place;
        counted |= word;
      }
    }
  }
  return (counted & kTooMany) == 0;
}

// Takes what is alone in a slot of the segment, then what becomes alone in it or before it.
BH_INLINE std::uint64_t take(const FuseShape& shape, std::uint64_t seed, std::uint64_t segment, std::uint64_t done,
                             const Room& room) {
  const std::uint64_t size = std::uint64_t{1} << shape.segment_log, mask = (room.segments << shape.segment_log) - 1;
  const std::uint64_t first = (segment << shape.segment_log) & mask;
  std::uint64_t waiting = 0;
  for (std::uint64_t slot = first; slot < first + size; ++slot) {
    const std::uint32_t word = room.words[slot] ^ kOpen;
    room.words[slot] = word;
    room.queue[waiting] = static_cast<std::uint32_t>(slot);
    waiting += is_alone(word);
  }
  const std::uint64_t least = room.starts[segment + 1 > room.segments ? segment + 1 - room.segments : 0];
  Chunk chunk;
  std::array<std::uint32_t, kChunk> alone, own;
  std::array<std::uint64_t, kChunk> values;
  for (std::uint64_t next = 0; next < waiting;) {
    std::size_t count = 0;
    for (; next < waiting && count < kChunk; ++next) {
      const std::uint32_t slot = room.queue[next], word = room.words[slot];
      alone[count] = slot;
      values[count] = word >> 8;
      count += is_alone(word);  // or else it has lost its value meanwhile
    }
    for (std::size_t i = 0; i < count; ++i) values[i] = room.values[least + ((values[i] - least) & kPlaceMask)];
    chunk.find_slots(shape, seed, values.data(), count, mask);
    for (std::size_t i = 0; i < count; ++i)
      own[i] = ((alone[i] >> shape.segment_log) - static_cast<std::uint32_t>(chunk.places.segment[i])) & 3;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t gone = room.words[alone[i]];
      if (!is_alone(gone)) continue;
      room.order[done] = values[i];
      room.own[done++] = static_cast<std::uint8_t>(own[i]);
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint64_t slot = chunk.slots[j][i];
        const std::uint32_t word = (room.words[slot] - 1) ^ (gone - 1);
        room.words[slot] = word;
        room.queue[waiting] = static_cast<std::uint32_t>(slot);
        waiting += is_alone(word);
      }
    }
  }
  return done;
}

struct Peeled {
  std::uint64_t count;
  bool stuck;  // as the room was too small for what had not been peeled yet
};

// Segment after segment: once its own values are added, no others will come to its slots, and all that is touched lies
// close together.
BH_MULTIVERSION Peeled peel(const FuseShape& shape_in, std::uint64_t seed, const Room& room_in) {
  const FuseShape shape = shape_in;
  const Room room = room_in;
  const std::uint64_t size = std::uint64_t{1} << shape.segment_log, all = shape.segments + 3;
  std::uint64_t done = 0, cleared = 0;
  for (std::uint64_t segment = 0; segment < all; ++segment) {
    for (; cleared < std::min(segment + 4, all); ++cleared) {
      std::uint32_t* words = room.words + (cleared & (room.segments - 1)) * size;
      std::uint32_t left = 0;
      if (cleared >= room.segments)
        for (std::uint64_t i = 0; i < size; ++i) left |= words[i];
      if (left != 0) return {done, true};
      std::fill_n(words, size, kOpen);
    }
    if (segment < shape.segments && !add(shape, seed, segment, room)) return {0, false};
    done = take(shape, seed, segment, done, room);
  }
  return {done, false};
}

// Peels a set: takes away, again and again, a value that has a slot for itself.
class Peeling {
 public:
  Peeling(const Prefixes& values, std::uint64_t count) : values_(values), count_(count) {}

  void drop_repeated() {
    distinct_.resize(values_.codes.size());
    for (std::size_t i = 0; i < distinct_.size(); ++i) distinct_[i] = values_.codes[i] >> values_.shift;
    distinct_ = sorted_distinct(std::move(distinct_));
    values_ = {distinct_, 0};
    count_ = distinct_.size();
  }
  // Whether nothing is left.
  bool run(const FuseShape& shape, std::uint64_t seed) {
    starts_.assign(shape.segments + 1, 0);
    count_segments(shape, seed, values_, starts_.data());
    std::uint64_t segments = std::max(kSegments, kSlots >> shape.segment_log);
    for (;; segments *= kSegments) {  // few values wait for more than seven, unless segments are small
      segments = std::min(segments, std::bit_ceil(shape.segments + 3));
      const std::uint64_t ahead = most_within(shape, segments);
      if (ahead > kMostWaiting || segments << shape.segment_log > kMostSlots) return false;
      order_.resize(ahead + starts_.back());
      own_.resize(starts_.back());
      words_.resize(segments << shape.segment_log);
      queue_.resize(words_.size() + 1);  // one is written ahead
      Storage<std::uint64_t> next(starts_.begin(), starts_.end());
      sort_by_segment(shape, seed, values_, next.data(), order_.data() + ahead);
      const Peeled found = peel(
          shape, seed,
          {words_.data(), segments, queue_.data(), order_.data() + ahead, starts_.data(), order_.data(), own_.data()});
      if (!found.stuck) return found.count == count_;
    }
  }
  std::span<const std::uint64_t> peeled() const { return {order_.data(), count_}; }  // as they were taken
  const std::uint8_t* own() const { return own_.data(); }  // which of its slots each had for itself

 private:
  static constexpr std::uint64_t kSegments = 16, kSlots = std::uint64_t{1} << 15;

  std::uint64_t most_within(const FuseShape& shape, std::uint64_t segments) const {
    std::uint64_t most = 0;
    for (std::uint64_t end = 1; end <= shape.segments; ++end)
      most = std::max(most, starts_[end] - starts_[end > segments ? end - segments : 0]);
    return most;
  }

  Prefixes values_;
  std::uint64_t count_;
  Storage<std::uint64_t> distinct_, starts_;
  Storage<std::uint32_t> words_, queue_;
  Storage<std::uint64_t> order_;
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
