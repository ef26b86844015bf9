// The table under every policy of SpaceSaving: slots of key, count and error, an index by key, and the slot of least
// count, which is searched for only when it is asked for.
//
// With weights of 1 the minimum m rises slowly: a pass over the slots, 64 at a time, offers those whose count is m, and
// only a pass that has come to its end looks for the next m. Each pass raises m, so that there are at most total /
// capacity of them. With other weights a heap holds the least sixteenth of the slots, with counts that may have grown
// since. Both choose the victim by the counts alone and, in the first case, by (m, block, mask): a table that was
// written and read again goes on alike.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "streams/epoch_bins.h"
#include "streams/format.h"
#include "streams/scan.h"
#include "streams/slot_index.h"
#include "streams/weights.h"
#include "support/storage.h"

namespace bh::streams {

// A slot that has changed its key, and where in the batch the new key stands.
struct OwnerChange {
  std::uint32_t slot, position;
};
using OwnerChanges = std::vector<OwnerChange>;

constexpr std::uint32_t kMostSlots = 0xFFFFFFFE;

// What a slot holds besides key, count and error. With bins alone its mark is a bin, in one column with its epoch.
struct SlotColumns {
  bool epochs = false, marks = false, bins = false;
};

template <typename CountType, typename Entry>
class Counters {
 public:
  using Count = CountType;

  Counters(std::uint32_t capacity, std::uint64_t seed, SlotColumns columns = {})
      : capacity_(capacity), columns_(columns), block_(capacity), index_(seed) {
    allocate(std::min<std::uint32_t>(capacity, 64));
  }

  // The same table with wider counts.
  template <typename Narrow>
  explicit Counters(const Counters<Narrow, Entry>& narrow)
      : capacity_(narrow.capacity_),
        allocated_(narrow.allocated_),
        size_(narrow.size_),
        columns_(narrow.columns_),
        weighted_(narrow.weighted_),
        minimum_(narrow.minimum_),
        block_(narrow.block_),
        mask_(narrow.mask_),
        limit_(narrow.limit_),
        keys_(narrow.keys_),
        counts_(narrow.counts_.begin(), narrow.counts_.end()),
        errors_(narrow.errors_.begin(), narrow.errors_.end()),
        index_(narrow.index_),
        epochs_(narrow.epochs_),
        marks_(narrow.marks_),
        heap_(narrow.heap_) {}

  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t size() const { return size_; }
  bool full() const { return size_ == capacity_; }
  bool weighted() const { return weighted_; }
  SlotColumns columns() const { return columns_; }
  std::size_t nbytes() const {
    return keys_.size() * sizeof(std::uint64_t) + counts_.size() * sizeof(Count) + errors_.size() * sizeof(Count) +
           index_.nbytes() + epochs_.size() * sizeof(std::uint16_t) + marks_.size() +
           heap_.capacity() * sizeof(Candidate);
  }

  std::uint64_t key(std::uint32_t slot) const { return keys_[slot]; }
  Count count(std::uint32_t slot) const { return counts_[slot]; }
  Count error(std::uint32_t slot) const { return errors_[slot]; }
  std::uint32_t epoch(std::uint32_t slot) const {
    return columns_.bins ? EpochBin(epochs_[slot]).epoch() : epochs_[slot];
  }
  std::uint8_t mark(std::uint32_t slot) const {
    return columns_.bins ? static_cast<std::uint8_t>(EpochBin(epochs_[slot]).bin()) : marks_[slot];
  }
  void set_epoch(std::uint32_t slot, std::uint32_t epoch) {
    epochs_[slot] =
        columns_.bins ? EpochBin(epochs_[slot]).with_epoch(epoch).bits() : static_cast<std::uint16_t>(epoch);
  }
  void set_mark(std::uint32_t slot, std::uint8_t mark) {
    if (columns_.bins)
      epochs_[slot] = EpochBin(epochs_[slot]).with_bin(mark & 31u).bits();
    else
      marks_[slot] = mark;
  }
  bool pinned(std::uint32_t slot) const { return columns_.marks && (marks_[slot] & kPinned) != 0; }

  // The slot of a key, or kNoSlot.
  BH_INLINE std::uint32_t find(std::uint64_t key) const { return index_.find(key, keys_.data()); }
  void prefetch(std::uint64_t key) const { index_.prefetch(key); }

  // Room for that many slots at once.
  void reserve(std::uint32_t slots) {
    if (slots > allocated_) allocate(slots);
  }

  // Drops all keys, and keeps the memory; only with weights of 1.
  void clear() {
    size_ = 0;
    minimum_ = mask_ = 0;
    block_ = capacity_;
    index_.reset(allocated_);
  }

  // A key that is not there yet takes the next free slot.
  std::uint32_t insert(std::uint64_t key, Count count, Count error) {
    if (size_ == allocated_) allocate(static_cast<std::uint32_t>(std::min<std::uint64_t>(capacity_, 2ull * size_)));
    const std::uint32_t slot = size_++;
    keys_[slot] = key;
    counts_[slot] = count;
    errors_[slot] = error;
    index_.enter(key, slot);
    return slot;
  }

  void add(std::uint32_t slot, std::uint64_t weight) { counts_[slot] += static_cast<Count>(weight); }

  void subtract(std::uint32_t slot, std::uint64_t weight) {
    const Count count = counts_[slot] -= static_cast<Count>(weight);
    if (weighted_) {
      if (Candidate{count, slot} <= limit_) push({count, slot});
    } else if (count < minimum_) {
      minimum_ = count;
      block_ = slot / 64 * 64;
      mask_ = candidates();
    }
  }

  // A slot of least count that is not pinned. The table must be full.
  std::uint32_t victim() { return weighted_ ? least_candidate() : next_candidate(); }

  // A key that is not there yet takes over the victim.
  void replace(std::uint32_t victim, std::uint64_t key, Count count, Count error) {
    index_.leave(keys_[victim], victim);
    keys_[victim] = key;
    counts_[victim] = count;
    errors_[victim] = error;
    index_.enter(key, victim);
    if (!weighted_) return;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    if (Candidate{count, victim} <= limit_) push({count, victim});
  }

  // The victim is no candidate any more: its count has grown, or it was pinned.
  void dismiss(std::uint32_t victim) {
    if (!weighted_ && victim - block_ < 64) mask_ &= ~(std::uint64_t{1} << (victim - block_));
  }

  void pin(std::uint32_t slot) {
    marks_[slot] |= kPinned;
    dismiss(slot);
  }

  // From now on weights may be other than 1.
  void weigh() {
    if (weighted_) return;
    weighted_ = true;
    minimum_ = mask_ = 0;
    block_ = capacity_;
  }

  void write(SectionWriter& writer) const {
    const auto used = [&](const auto& column) { return std::span(column.data(), size_); };
    writer.begin("KEYS");
    writer.put(used(keys_));
    writer.begin("CNTS");
    writer.put(used(counts_));
    writer.begin("ERRS");
    writer.put(used(errors_));
    if (columns_.epochs) {
      writer.begin("EPOC");
      writer.put(used(epochs_));
    }
    if (columns_.marks) {
      writer.begin("SLOT");
      writer.put(used(marks_));
    }
    if (weighted_) return;
    writer.begin("MINS");
    for (const std::uint64_t field : {minimum_, block_, mask_}) writer.put(field);
  }

  // Reads what write has written; `capacity` is a claim, memory is taken for what is there.
  static Counters read(SectionReader& reader, SlotColumns columns) {
    const Header& header = reader.header();
    const bool deletions = (header.flags & Header::deletions) != 0;
    Counters read(header.capacity, header.seed, columns);
    reader.expect("KEYS");
    const std::uint64_t n = reader.left() / sizeof(std::uint64_t);
    if (n > header.capacity) reader.fail("there are more keys than the capacity");
    const auto keys = reader.take_array<std::uint64_t>(n);
    reader.expect("CNTS");
    const auto counts = reader.take_array<Count>(n);
    reader.expect("ERRS");
    const auto errors = reader.take_array<Count>(n);
    read.reserve(static_cast<std::uint32_t>(n));
    for (std::size_t i = 0; i < n; ++i) {
      if (read.find(keys[i]) != kNoSlot) reader.fail("a key comes twice");
      if (!deletions && (counts[i] == 0 || errors[i] > counts[i])) reader.fail("a count is 0 or below its error");
      if (counts[i] > header.total || errors[i] > header.total) reader.fail("a count exceeds the total");
      read.insert(keys[i], counts[i], errors[i]);
    }
    if (columns.epochs) {
      reader.expect("EPOC");
      const auto epochs = reader.take_array<std::uint16_t>(n);
      std::copy(epochs.begin(), epochs.end(), read.epochs_.begin());
    }
    if (columns.marks) {
      reader.expect("SLOT");
      const auto marks = reader.take_array<std::uint8_t>(n);
      std::copy(marks.begin(), marks.end(), read.marks_.begin());
    }
    if ((header.flags & Header::weighted) != 0) {
      read.weigh();
    } else {
      reader.expect("MINS");
      read.minimum_ = reader.take<std::uint64_t>();
      read.block_ = reader.take<std::uint64_t>();
      read.mask_ = reader.take<std::uint64_t>();
    }
    if (const char* wrong = read.broken()) reader.fail(wrong);
    return read;
  }

  // What is wrong, or nothing: one judge for bytes and for bugs.
  const char* broken() const {
    if (capacity_ == 0 || capacity_ > kMostSlots) return "the capacity is not from 1 to 2**32 - 2";
    if (size_ > capacity_) return "there are more keys than the capacity";
    for (std::uint32_t slot = 0; slot < size_; ++slot)
      if (find(keys_[slot]) != slot) return "a key comes twice";
    if (full() && unpinned() == 0) return "every slot is pinned";
    if (weighted_) return nullptr;
    if (block_ != capacity_ && (block_ > capacity_ || block_ % 64 != 0)) return "the block of the minimum is no block";
    const std::uint64_t inside = capacity_ - block_;
    if (inside < 64 && mask_ >> inside != 0) return "a candidate lies beyond the last slot";
    if (!full() && (minimum_ != 0 || mask_ != 0)) return "a table with free slots has a minimum";
    for (std::uint64_t rest = mask_; rest != 0; rest &= rest - 1)
      if (pinned(static_cast<std::uint32_t>(block_ + std::countr_zero(rest)))) return "a candidate is pinned";
    if (full() && minimum_ > least_count(counts_.data(), marks(), size_)) return "the minimum is above a count";
    return nullptr;
  }
  std::uint32_t unpinned() const {
    if (!columns_.marks) return size_;
    return static_cast<std::uint32_t>(
        std::count_if(marks_.begin(), marks_.begin() + size_, [](std::uint8_t mark) { return (mark & kPinned) == 0; }));
  }

 private:
  template <typename, typename>
  friend class Counters;
  using Candidate = std::pair<std::uint64_t, std::uint32_t>;  // a count, which may have grown since, and its slot

  const std::uint8_t* marks() const { return columns_.marks ? marks_.data() : nullptr; }

  void allocate(std::uint32_t slots) {
    allocated_ = slots;
    keys_.resize(slots, std::uint64_t{0});
    errors_.resize(slots, Count{0});
    counts_.resize(slots, Count{0});
    if (columns_.epochs) epochs_.resize(slots, std::uint16_t{0});
    if (columns_.marks) marks_.resize(slots, std::uint8_t{0});
    index_.reset(slots);
    for (std::uint32_t slot = 0; slot < size_; ++slot) index_.enter(keys_[slot], slot);
  }

  std::uint64_t candidates() const {
    const auto least = static_cast<Count>(minimum_);
    std::uint64_t mask = 0;
    if (size_ - block_ >= 64)
      mask = equal_counts(counts_.data() + block_, least);
    else
      for (std::uint64_t slot = block_; slot < size_; ++slot)
        mask |= std::uint64_t{counts_[slot] == least} << (slot - block_);
    if (columns_.marks)
      for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1)
        if (pinned(static_cast<std::uint32_t>(block_) + static_cast<std::uint32_t>(std::countr_zero(rest))))
          mask &= ~(rest & -rest);
    return mask;
  }

  std::uint32_t next_candidate() {
    for (;;) {
      for (; mask_ != 0; mask_ &= mask_ - 1) {
        const auto slot = static_cast<std::uint32_t>(block_) + static_cast<std::uint32_t>(std::countr_zero(mask_));
        if (counts_[slot] == minimum_) return slot;
      }
      block_ += 64;
      if (block_ >= capacity_) {
        minimum_ = least_count(counts_.data(), marks(), size_);
        block_ = 0;
      }
      mask_ = candidates();
    }
  }

  void push(Candidate candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    if (heap_.size() > std::size_t{size_} + 2) gather();  // deletions have left old entries behind
  }

  // The least sixteenth of all (count, slot), and the largest of these as the limit.
  void gather() {
    std::vector<Candidate> all;
    all.reserve(unpinned());
    for (std::uint32_t slot = 0; slot < size_; ++slot)
      if (!pinned(slot)) all.emplace_back(counts_[slot], slot);
    const std::size_t kept = std::min<std::size_t>(all.size(), std::max<std::size_t>(2, capacity_ / 16));
    std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept - 1), all.end());
    limit_ = all[kept - 1];
    heap_.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept));
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  std::uint32_t least_candidate() {
    for (;;) {
      if (heap_.empty()) gather();
      const auto [count, slot] = heap_.front();
      const bool current = counts_[slot] == count;
      if (current && !pinned(slot)) return slot;
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
      if (!current && !pinned(slot) && Candidate{counts_[slot], slot} <= limit_) push({counts_[slot], slot});
    }
  }

  std::uint32_t capacity_, allocated_ = 0, size_ = 0;
  SlotColumns columns_;
  bool weighted_ = false;
  std::uint64_t minimum_ = 0, block_, mask_ = 0;  // of the pass, with weights of 1
  Candidate limit_{0, 0};                         // all slots outside the heap are above it
  Storage<std::uint64_t> keys_;
  Storage<Count> counts_, errors_;
  SlotIndex<Entry> index_;
  Storage<std::uint16_t> epochs_;
  Storage<std::uint8_t> marks_;
  std::vector<Candidate> heap_;
};

// Counts a batch: the weight of keys that have a slot is added there, for all others it calls miss(i, weight).
template <typename Table, typename Miss>
void count_batch(Table& table, std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
                 const Miss& miss) {
  const auto count = [&](std::size_t i, std::uint64_t weight) {
    if (const std::uint32_t slot = table.find(ids[i]); slot != kNoSlot) [[likely]]
      table.add(slot, weight);
    else
      miss(i, weight);
  };
  const std::size_t ones = leading_ones(ids.size(), weights);
  for (std::size_t i = 0; i < ones; ++i) count(i, 1);
  if (ones == ids.size()) return;
  table.weigh();
  for (std::size_t i = ones; i < ids.size(); ++i) count(i, weights[i]);
}

// Counters of the least width that holds the total, with the least index that holds the capacity.
class AnyCounters {
 public:
  using Short = Counters<std::uint32_t, std::uint16_t>;
  using Long = Counters<std::uint32_t, std::uint32_t>;
  using WideShort = Counters<std::uint64_t, std::uint16_t>;
  using WideLong = Counters<std::uint64_t, std::uint32_t>;

  AnyCounters(std::uint32_t capacity, std::uint64_t seed, SlotColumns columns = {}, bool wide = false)
      : any_(make(capacity, seed, columns, wide)) {}
  AnyCounters(SectionReader& reader, SlotColumns columns) : AnyCounters(reader, columns, reader.header().total) {}
  // Where `largest` is the most that a count can ever be.
  AnyCounters(SectionReader& reader, SlotColumns columns, std::uint64_t largest)
      : any_(read(reader, columns, largest)) {}

  // Calls use(counters) on what is held.
  template <typename Use>
  decltype(auto) with(Use&& use) {
    return std::visit(std::forward<Use>(use), any_);
  }
  template <typename Use>
  decltype(auto) with(Use&& use) const {
    return std::visit(std::forward<Use>(use), any_);
  }

  bool wide() const { return any_.index() >= 2; }
  // What bytes say of counters that nothing was merged into.
  Header header(Kind kind, std::uint64_t seed, std::uint64_t total) const {
    Header header;
    header.kind = kind;
    header.width = wide() ? 8 : 4;
    if (with([](const auto& table) { return table.weighted(); })) header.flags |= Header::weighted;
    header.seed = seed;
    header.capacity = header.least_capacity = with([](const auto& table) { return table.capacity(); });
    header.total = total;
    return header;
  }
  // Makes room for counts up to `total`.
  void hold(std::uint64_t total) {
    if (total <= 0xFFFFFFFF || wide()) return;
    if (const auto* narrow = std::get_if<Short>(&any_))
      any_ = WideShort(*narrow);
    else
      any_ = WideLong(std::get<Long>(any_));
  }

 private:
  using Any = std::variant<Short, Long, WideShort, WideLong>;

  static Any make(std::uint32_t capacity, std::uint64_t seed, SlotColumns columns, bool wide) {
    if (capacity <= kMostShortSlots)
      return wide ? Any(WideShort(capacity, seed, columns)) : Any(Short(capacity, seed, columns));
    return wide ? Any(WideLong(capacity, seed, columns)) : Any(Long(capacity, seed, columns));
  }
  static Any read(SectionReader& reader, SlotColumns columns, std::uint64_t largest) {
    const Header& header = reader.header();
    if (header.capacity == 0 || header.capacity > kMostSlots) reader.fail("the capacity is not from 1 to 2**32 - 2");
    const bool wide = header.width == 8;
    if (wide != (largest > 0xFFFFFFFF)) reader.fail("the width of its counters does not fit the total");
    if (header.capacity <= kMostShortSlots)
      return wide ? Any(WideShort::read(reader, columns)) : Any(Short::read(reader, columns));
    return wide ? Any(WideLong::read(reader, columns)) : Any(Long::read(reader, columns));
  }

  Any any_;
};

// Whether the counts could come about: with `floor`, the most that a new key can start from, in place of counts below
// it and of free slots, their mean is at most total / least_capacity. Updates keep that: each adds its weight at most.
// So do merges, even of tables of unlike capacity. Pinned slots are left out, as no new key gets them.
inline bool adds_up(const AnyCounters& counters, std::uint64_t floor, std::uint64_t total,
                    std::uint32_t least_capacity) {
  return counters.with([&](const auto& table) {
    unsigned __int128 sum = static_cast<unsigned __int128>(floor) * (table.capacity() - table.size());
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (!table.pinned(slot)) sum += std::max<std::uint64_t>(table.count(slot), floor);
    return sum * least_capacity <= static_cast<unsigned __int128>(total) * table.capacity();
  });
}

}  // namespace bh::streams
