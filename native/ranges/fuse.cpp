#include "ranges/fuse.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "ranges/codes.h"
#include "support/errors.h"
#include "support/storage.h"

namespace bh::ranges {
namespace {

constexpr std::uint32_t kMostBits = 32;
constexpr std::uint32_t kLeastSegmentLog = 2, kMostSegmentLog = 18;  // fields of 14 bits name the groups of 2^18 / 2^4
constexpr int kAttemptsOfASize = 4, kAttemptsWithRepeated = 3;

// Peels a set: takes away, again and again, a value that has a slot for itself.
class Peeling {
 public:
  explicit Peeling(std::span<const std::uint64_t> values)
      : values_(values), sorted_(values.size()), peeled_(values.size()), own_(values.size()) {}

  void drop_repeated() {
    distinct_ = sorted_distinct(values_);
    values_ = distinct_;
    peeled_.resize(values_.size());
  }

  // Whether nothing is left.
  bool run(const FuseShape& shape, std::uint64_t seed) {
    counts_.assign(shape.slots(), 0);
    xors_.assign(shape.slots(), 0);
    queue_.resize(shape.slots());
    starts_.assign(shape.segments + 1, 0);
    sort(shape, seed, values_.data(), values_.size(), starts_.data(), sorted_.data());
    if (!fill(shape, seed, sorted_.data(), values_.size(), counts_.data(), xors_.data())) return false;
    return peel(shape, seed, counts_.data(), xors_.data(), queue_.data(), peeled_.data(), own_.data()) ==
           values_.size();
  }
  std::span<const std::uint64_t> peeled() const { return peeled_; }  // in the order in which they were taken
  const std::uint8_t* own() const { return own_.data(); }            // which of its slots each had for itself

 private:
  static void sort(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n,
                   std::uint64_t* starts, std::uint64_t* sorted);
  static bool fill(const FuseShape& shape, std::uint64_t seed, const std::uint64_t* values, std::size_t n,
                   std::uint8_t* counts, std::uint64_t* xors);
  static std::uint64_t peel(const FuseShape& shape, std::uint64_t seed, std::uint8_t* counts, std::uint64_t* xors,
                            std::uint64_t* queue, std::uint64_t* peeled, std::uint8_t* own);

  std::span<const std::uint64_t> values_;
  Storage<std::uint64_t> distinct_;
  Storage<std::uint64_t> sorted_;  // by segment
  Storage<std::uint8_t> counts_;   // of each slot: 4 * (its values), XOR which of their slots it is
  Storage<std::uint64_t> xors_, queue_, starts_;
  Storage<std::uint64_t> peeled_;
  Storage<std::uint8_t> own_;
};

BH_INLINE std::uint64_t segment_of(const FuseShape& shape, std::uint64_t seed, std::uint64_t value) {
  return range(mix64((value >> shape.block_log) ^ seed), shape.segments);
}

BH_INLINE std::uint64_t slot_of(const Fuse::Place& place, std::uint32_t j, std::uint64_t low) {
  return place.slot[j] + (low ^ place.turn[j]);
}

BH_MULTIVERSION void Peeling::sort(const FuseShape& shape_in, std::uint64_t seed, const std::uint64_t* values,
                                   std::size_t n, std::uint64_t* starts, std::uint64_t* sorted) {
  const FuseShape shape = shape_in;
  for (std::size_t i = 0; i < n; ++i) ++starts[segment_of(shape, seed, values[i]) + 1];
  std::partial_sum(starts, starts + shape.segments + 1, starts);
  for (std::size_t i = 0; i < n; ++i) sorted[starts[segment_of(shape, seed, values[i])]++] = values[i];
}

BH_MULTIVERSION bool Peeling::fill(const FuseShape& shape_in, std::uint64_t seed, const std::uint64_t* values,
                                   std::size_t n, std::uint8_t* counts, std::uint64_t* xors) {
  const FuseShape shape = shape_in;
  const std::uint64_t mask = (std::uint64_t{1} << shape.block_log) - 1;
  bool overflow = false;
  for (std::size_t i = 0; i < n; ++i) {
    const Fuse::Place place = Fuse::place(shape, seed, values[i] >> shape.block_log);
    for (std::uint32_t j = 0; j < 4; ++j) {
      const std::uint64_t slot = slot_of(place, j, values[i] & mask);
      overflow |= counts[slot] >= 252;
      counts[slot] = static_cast<std::uint8_t>((counts[slot] + 4) ^ j);
      xors[slot] ^= values[i];
    }
  }
  return !overflow;
}

// Segment after segment, and of each what becomes alone in it or before it; so all that is touched lies close together.
BH_MULTIVERSION std::uint64_t Peeling::peel(const FuseShape& shape_in, std::uint64_t seed, std::uint8_t* counts,
                                            std::uint64_t* xors, std::uint64_t* queue, std::uint64_t* peeled,
                                            std::uint8_t* own) {
  const FuseShape shape = shape_in;
  const std::uint64_t mask = (std::uint64_t{1} << shape.block_log) - 1, slots = shape.slots();
  std::uint64_t done = 0;
  for (std::uint64_t slot = 0; slot < slots;) {
    const std::uint64_t end = slot + (std::uint64_t{1} << shape.segment_log);
    std::uint64_t waiting = 0;
    for (; slot < end; ++slot) {
      queue[waiting] = slot;
      waiting += counts[slot] >> 2 == 1;
    }
    for (std::uint64_t next = 0; next < waiting; ++next) {
      const std::uint64_t alone = queue[next];
      if (counts[alone] >> 2 != 1) continue;
      const std::uint64_t value = xors[alone];
      peeled[done] = value;
      own[done++] = counts[alone] & 3;
      const Fuse::Place place = Fuse::place(shape, seed, value >> shape.block_log);
      for (std::uint32_t j = 0; j < 4; ++j) {
        const std::uint64_t other = slot_of(place, j, value & mask);
        const auto count = static_cast<std::uint8_t>((counts[other] ^ j) - 4);
        counts[other] = count;
        xors[other] ^= value;
        queue[waiting] = other;
        waiting += (count >> 2 == 1) & (other < end);
      }
    }
  }
  return done;
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

std::optional<Fuse> Fuse::build(std::span<const std::uint64_t> values, std::uint64_t blocks, std::uint64_t budget_bits,
                                std::uint64_t seed, int attempts) {
  FuseShape shape(values.size(), blocks);
  if (!shape.spend(budget_bits)) return std::nullopt;
  Peeling peeling(values);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (attempt == kAttemptsWithRepeated) peeling.drop_repeated();
    if (attempt > 0 && attempt % kAttemptsOfASize == 0) {
      shape.segments += std::max<std::uint64_t>(1, shape.segments / 50);
      if (!shape.spend(budget_bits)) return std::nullopt;
    }
    const std::uint64_t chosen = kth(seed, static_cast<std::uint64_t>(attempt));
    if (!peeling.run(shape, chosen)) continue;
    Fuse fuse(shape, chosen, Payload(shape.slots_bits()), Payload(shape.plane_bits()));
    fuse.assign(peeling.peeled(), peeling.own());
    return fuse;
  }
  return std::nullopt;
}

// Backwards: when a value comes, all that use its own slot have come, as they were peeled later.
void Fuse::assign(std::span<const std::uint64_t> values, const std::uint8_t* owned) {
  const std::uint64_t low = (std::uint64_t{1} << shape_.block_log) - 1, mask = (std::uint64_t{1} << shape_.bits) - 1;
  for (std::size_t i = values.size(); i-- > 0;) {
    const Place at = place(values[i] >> shape_.block_log);
    const std::uint64_t print = fingerprint(seed_, values[i]);
    const std::uint64_t own = slot_of(at, owned[i], values[i] & low);
    std::uint64_t differ = print;
    for (std::uint32_t j = 0; j < 4; ++j)
      differ ^= load_bits(slots_.data(), slot_of(at, j, values[i] & low) * shape_.bits, shape_.bits);
    xor_bits(slots_.writable(), own * shape_.bits, differ & mask);
    if (at.segment + 4 <= shape_.covered && !plane_agrees(at, values[i] & low, print))
      plane_.writable()[own / 8] ^= static_cast<std::uint8_t>(1u << own % 8);
  }
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
