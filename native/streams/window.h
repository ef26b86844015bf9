// How often a key came in the last W arrivals: WCSS (Ben Basat, Einziger, Friedman, Kassner: Heavy Hitters in Streams
// and Sliding Windows, INFOCOM 2016), with as many counters and blocks as one likes.
//
// Time falls into blocks of B arrivals and frames of n blocks, no shorter than the window. Space Saving counts the
// current frame and starts anew with the next; whenever a key's count passes a multiple of B, a log notes the key and
// the block, and forgets it when the block leaves the window. Entries of the log tell counts of the window up to a few
// B; Space Saving tells what came since the last entry.
//
// With fewer counters than blocks a count may owe more than B to the counter's owner before. There the log goes by what
// has surely been seen of the key since it has the counter, `count - error`: each entry then stands for B arrivals of
// the key, so that lower bounds hold, and keys that came once do not fill the log.
//
// With a sample below 1 every arrival moves the window, but only some keys are counted (Memento: Ben Basat, Einziger,
// Keslassy, Orda, Vargaftik, Waisbard, CoNEXT 2018), and an entry stands for `step` sampled arrivals. With a filter a
// key that has no counter may be skipped once a frame, hence at most twice in a window.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "streams/counters.h"
#include "streams/format.h"
#include "streams/labels.h"
#include "streams/once_filter.h"
#include "streams/overflow_log.h"
#include "streams/space_saving.h"

namespace bh::streams {

// Blocks of `block` arrivals, `blocks` of which make a frame.
struct Frame {
  Frame(std::uint64_t window, std::uint64_t wanted_blocks)
      : window(window), block((window + wanted_blocks - 1) / wanted_blocks), blocks((window + block - 1) / block) {}

  std::uint64_t length() const { return blocks * block; }
  std::uint64_t slack() const { return length() - window; }

  std::uint64_t window, block, blocks;
};

// Where a count lies, with that confidence, if between `least` and `most` of it were sampled: Bernstein's inequality,
// inverted.
struct RealBounds {
  double lower, upper;
};
RealBounds sampled_bounds(std::uint64_t least, std::uint64_t most, double sample, double confidence);

class SlidingWindow {
 public:
  static constexpr double kLeastSample = 0x1p-20;
  static constexpr std::uint64_t kMostWindow = std::uint64_t{1} << 48, kMostBlock = 0xFFFFFFFF;

  enum class Filter : std::uint32_t { none, doorkeeper, learned };
  enum class Estimator { balanced, upper, lower, paper };
  struct Options {
    std::uint64_t window, blocks;
    std::uint32_t counters;
    Filter filter = Filter::none;
    std::uint64_t filter_bytes = 0;
    double sample = 1, confidence = 0.99;
    std::uint64_t seed = 0;
  };

  explicit SlidingWindow(const Options& options);
  explicit SlidingWindow(SectionReader& reader);

  // Each id is an arrival. `candidates`, if there are any, says which keys a filter may skip. `labels`, if there are
  // any, hear of each slot that changes owner. Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint8_t> candidates, Labels* labels);
  void advance(std::uint64_t count);  // arrivals that carry no key
  SlidingWindow emptied() const { return SlidingWindow(options_); }

  // Whether a key has a counter now and will not lose it before `ahead` more arrivals have come.
  bool stays_counted(std::uint64_t id, std::uint64_t ahead) const;
  // Arrivals that follow in the frame after the one that comes `ahead` arrivals after the next.
  std::uint64_t rest_of_frame(std::uint64_t ahead) const {
    return frame_.length() - 1 - (arrivals_ + ahead) % frame_.length();
  }

  Bounds bounds(std::uint64_t id) const;
  double estimate(std::uint64_t id, Estimator estimator) const;
  std::uint64_t untracked_bound() const;  // of any key without counter and entries
  std::uint64_t error_bound() const;
  double guaranteed_error(std::uint64_t) const;  // of any total

  // Labels keep the keys of counters in their even slots, and those of the log in their odd ones.
  static constexpr std::uint32_t kMostCounters = 0x7FFFFFFF;
  // Calls visit(slot of the label, id) for each tracked key: those with a counter first, then those that only the log
  // holds, in the order of their oldest entries.
  template <typename Visit>
  void each_key(const Visit& visit) const {
    counters_.with([&](const auto& table) {
      for (std::uint32_t slot = 0; slot < table.size(); ++slot) visit(2 * slot, table.key(slot));
      log_.each([&](std::uint32_t slot, std::uint64_t id) {
        if (table.find(id) == kNoSlot) visit(2 * slot + 1, id);
      });
    });
  }
  // Calls visit(slot, id, estimate, bounds) alike.
  template <typename Visit>
  void each(Estimator estimator, const Visit& visit) const {
    each_key([&](std::uint32_t slot, std::uint64_t id) {
      const Known key = known(id);
      visit(slot, id, estimate_of(key, id, estimator), scaled(bounds_of(key)));
    });
  }
  // Calls visit(slot) for the label of each tracked key, in this order.
  template <typename Visit>
  void each_label(const Visit& visit) const {
    each_key([&](std::uint32_t slot, std::uint64_t) { visit(slot); });
  }
  void settle(Labels& labels) const;  // gives keys with a counter and entries their second label, too
  std::uint64_t size() const;         // tracked keys
  std::uint64_t slots() const { return size(); }
  std::uint32_t capacity() const { return options_.counters; }

  const Options& options() const { return options_; }
  const Frame& frame() const { return frame_; }
  const OverflowLog& log() const { return log_; }
  std::uint64_t arrivals() const { return arrivals_; }
  std::uint64_t total() const { return std::min(arrivals_, frame_.window); }  // in the window
  std::uint64_t deleted() const { return 0; }
  std::uint64_t seed() const { return options_.seed; }
  // Arrivals without a counter that were candidates, and those that the filter let pass, since this was made or read.
  std::uint64_t candidates() const { return candidates_; }
  std::uint64_t passed() const { return passed_; }
  std::size_t nbytes() const;

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  // What is known of a key, in sampled arrivals.
  struct Known {
    std::uint64_t count, error, entries;
    bool counted;
  };

  class Jumps;

  SlidingWindow(SectionReader& reader, AnyCounters counters);
  static Options options_of(SectionReader& reader);

  bool sampling() const { return options_.sample < 1; }
  std::uint64_t block() const { return arrivals_ == 0 ? 0 : (arrivals_ - 1) / frame_.block; }
  std::uint64_t in_block() const { return arrivals_ - block() * frame_.block; }
  std::uint64_t skips() const;  // that a key in the window may have suffered
  template <typename Table>
  std::uint64_t move(Table& table, std::uint64_t most);
  Known known(std::uint64_t id) const;
  // What of a count the log goes by.
  std::uint64_t logged(std::uint64_t count, std::uint64_t error) const { return surely_ ? count - error : count; }
  std::uint64_t old_entries(const Known& key) const;
  Bounds bounds_of(const Known& key) const;  // of what was sampled
  Bounds scaled(Bounds sampled) const;       // of what came
  double estimate_of(const Known& key, std::uint64_t id, Estimator estimator) const;
  const char* broken() const;

  Options options_;
  Frame frame_;
  std::uint64_t step_;  // sampled arrivals that an entry of the log stands for
  bool surely_;         // entries are of what has surely been seen
  AnyCounters counters_;
  std::uint64_t floor_ = 0, previous_floor_ = 0, arrivals_ = 0;
  std::uint64_t put_ = 0;  // sampled in this frame, and not skipped
  OverflowLog log_;
  Ring sampled_;  // of each stored block, if sampling
  std::optional<OnceFilter> filter_;
  std::uint64_t candidates_ = 0, passed_ = 0;
  std::uint64_t jumps_ = 0, until_put_ = 0;  // drawn so far; keys up to the next one that is put
};

}  // namespace bh::streams
