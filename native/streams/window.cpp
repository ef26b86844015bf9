#include "streams/window.h"

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "streams/weights.h"
#include "support/errors.h"
#include "support/random.h"

namespace bh::streams {
namespace {

constexpr std::size_t kPrefetch = 16;  // keys ahead

// Whether a count is a multiple of `step`: for 32 bits by one product (Lemire, Kaser, Kurz: Faster remainder by direct
// computation, 2019).
struct Multiples {
  explicit Multiples(std::uint64_t step) : step(step), inverse(~std::uint64_t{0} / step + 1) {}
  bool operator()(std::uint32_t count) const { return count * inverse <= inverse - 1; }
  bool operator()(std::uint64_t count) const { return count % step == 0; }
  std::uint64_t step, inverse;
};

bool wide(const Frame& frame) { return frame.length() > 0xFFFFFFFF; }

// Whether a batch of so many keys will draw so many jumps that it is worth to draw 256 at once.
bool draws_many(std::size_t keys, double sample) { return static_cast<double>(keys) * sample >= 256; }

std::uint64_t step_of(const Frame& frame, double sample) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(sample * static_cast<double>(frame.block) + 0.5));
}

}  // namespace

// How many keys further on the next is put that is sampled: the i-th is the same whether they are drawn one by one or
// 256 at once.
class SlidingWindow::Jumps {
 public:
  Jumps(double sample, std::uint64_t seed, bool many) : log_missed_(std::log1p(-sample)), seed_(seed), many_(many) {}
  std::uint64_t operator()(std::uint64_t i) {
    if (!many_) {
      const Quad words = philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), 0,
                                 static_cast<std::uint32_t>(Domain::streams) << 24},
                                static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
      return jump(words[0], words[1]);
    }
    if (i / kLanes != block_) draw(i / kLanes);
    return jumps_[i % kLanes];
  }

 private:
  void draw(std::uint64_t block) {
    block_ = block;
    std::array<std::uint32_t, kWords> words;
    random_words(block, seed_, 0, Domain::streams, words);
    for (std::size_t lane = 0; lane < kLanes; ++lane) jumps_[lane] = jump(words[lane], words[kLanes + lane]);
  }
  std::uint64_t jump(std::uint32_t high, std::uint32_t low) const {
    const double uniform = static_cast<double>((std::uint64_t{high >> 5} << 26 | low >> 6) + 1) * 0x1p-53;
    return 1 + static_cast<std::uint64_t>(std::log(uniform) / log_missed_);
  }

  double log_missed_;
  std::uint64_t seed_, block_ = ~std::uint64_t{0};
  bool many_;
  std::array<std::uint64_t, kLanes> jumps_;
};

RealBounds sampled_bounds(std::uint64_t least, std::uint64_t most, double sample, double confidence) {
  const auto low = static_cast<double>(least), high = static_cast<double>(most);
  const double lg = std::log(2 / (1 - confidence));
  const double below = -2 * lg / 3 + std::sqrt(4 * lg * lg / 9 + 2 * lg * low);
  return {std::max(low, (low - below) / sample), (high + lg + std::sqrt(lg * lg + 2 * lg * high)) / sample};
}

SlidingWindow::SlidingWindow(const Options& options)
    : options_(options),
      frame_(options.window, options.blocks),
      step_(step_of(frame_, options.sample)),
      surely_(options.sample < 1 || options.counters < frame_.blocks),
      counters_(options.counters, options.seed, {}, wide(frame_)),
      log_(frame_.blocks, options.seed) {
  if (frame_.block > kMostBlock)
    throw InvalidInput("the window would have blocks of " + std::to_string(frame_.block) +
                       " arrivals, but at most 2**32 - 1 are possible; give it more memory or blocks");
  if (options.filter != Filter::none) filter_.emplace(options.filter_bytes, options.seed);
  if (!sampling()) return;
  sampled_.push_back(0);
  until_put_ = Jumps(options.sample, options.seed, false)(jumps_++);
}

// Lets up to `most` arrivals come, none beyond the block in which the first is; returns how many.
template <typename Table>
std::uint64_t SlidingWindow::move(Table& table, std::uint64_t most) {
  const std::uint64_t position = arrivals_ % frame_.block;
  if (position == 0 && arrivals_ > 0) {
    if (sampling()) {
      if (sampled_.size() > frame_.blocks) sampled_.pop_front();
      sampled_.push_back(0);
    }
    log_.next_block();
    if (arrivals_ % frame_.length() == 0) {
      previous_floor_ = floor_;
      floor_ = put_ = 0;
      table.clear();
      if (filter_) filter_->clear();
    }
  }
  const std::uint64_t count = std::min(most, frame_.block - position);
  log_.expire(count);  // one with each arrival: no block has more entries than arrivals
  arrivals_ += count;
  return count;
}

void SlidingWindow::update(std::span<const std::uint64_t> ids, std::span<const std::uint8_t> candidates,
                           Labels* labels) {
  added(arrivals_, ids.size());
  const Multiples passes(step_);
  Jumps jumps(options_.sample, options_.seed, draws_many(ids.size(), options_.sample));
  counters_.with([&](auto& table) {
    const auto put = [&](std::size_t i) {
      const std::uint64_t id = ids[i];
      std::uint32_t slot = table.find(id);
      if (slot == kNoSlot) {
        if (filter_ && (candidates.empty() || candidates[i] != 0)) {
          ++candidates_;
          if (filter_->take(id)) {
            ++passed_;
            return;
          }
        }
        slot = take_slot(table, floor_, id, 1);
        if (labels) labels->took(2 * slot, i);
      } else {
        table.add(slot, 1);
      }
      ++put_;
      using Count = decltype(table.count(slot));
      if (!passes(static_cast<Count>(logged(table.count(slot), table.error(slot))))) return;
      const auto [entry, is_new] = log_.push(id);
      if (is_new && labels) labels->took(2 * entry + 1, i);
    };
    for (std::size_t i = 0; i < ids.size();) {
      const std::size_t end = i + move(table, ids.size() - i);
      if (sampling()) {
        while (until_put_ <= end - i) {
          i += until_put_;
          until_put_ = jumps(jumps_++);
          ++sampled_.back();
          put(i - 1);
        }
        until_put_ -= end - i;
        i = end;
      }
      for (; i < end; ++i) {
        if (i + kPrefetch < ids.size()) table.prefetch(ids[i + kPrefetch]);
        put(i);
      }
    }
  });
}

void SlidingWindow::advance(std::uint64_t count) {
  added(arrivals_, count);
  // After two frames without keys nothing is left, and whole frames change nothing more.
  const std::uint64_t frame = frame_.length();
  std::uint64_t empty_frames = count / frame > 3 ? count / frame - 3 : 0;
  count -= empty_frames * frame;
  counters_.with([&](auto& table) {
    while (count > 0) count -= move(table, count);
  });
  arrivals_ += empty_frames * frame;
}

bool SlidingWindow::stays_counted(std::uint64_t id, std::uint64_t ahead) const {
  const std::uint64_t position = arrivals_ % frame_.length();
  if (position == 0 || position + ahead >= frame_.length()) return false;  // a frame begins meanwhile
  return counters_.with([&](const auto& table) {
    const std::uint32_t slot = table.find(id);
    if (slot == kNoSlot) return false;
    // The least count is at most a mean, and a key only goes when its count is the least.
    return ahead == 0 || table.size() + ahead <= table.capacity() ||
           static_cast<double>(table.count(slot)) * table.capacity() > static_cast<double>(put_ + ahead - 1);
  });
}

SlidingWindow::Known SlidingWindow::known(std::uint64_t id) const {
  const std::uint64_t entries = log_.count(id);
  return counters_.with([&](const auto& table) -> Known {
    const std::uint32_t slot = table.find(id);
    if (slot == kNoSlot) return {0, 0, entries, false};
    return {table.count(slot), table.error(slot), entries, true};
  });
}

// A key is skipped at most once a frame, and the window lies in one frame or two.
std::uint64_t SlidingWindow::skips() const { return !filter_ ? 0 : arrivals_ <= frame_.length() ? 1 : 2; }

// Entries from before the current frame.
std::uint64_t SlidingWindow::old_entries(const Known& key) const {
  const std::uint64_t current = logged(key.count, key.error) / step_;
  return key.entries - std::min(key.entries, current);
}

Bounds SlidingWindow::bounds_of(const Known& key) const {
  const std::uint64_t window = frame_.window, block = frame_.block, slack = frame_.slack(), position = in_block();
  const auto above = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  const std::uint64_t in_frame = key.counted ? key.count : floor_;
  std::uint64_t lower = key.count - key.error, upper = 0;
  if (arrivals_ <= frame_.length()) {
    upper = std::min(in_frame + skips(), total());
    return {above(lower, above(arrivals_, window)), upper};
  }
  // What of the oldest block is still in the window.
  std::uint64_t edge = above(block, slack + position);
  if (sampling()) edge = std::min<std::uint64_t>(edge, sampled_[0]);
  // Since the last entry of the frame before, less than a step came unlogged; and, if the log goes by what has surely
  // been seen, what the floor hides.
  upper = edge + step_ - 1 + (surely_ ? previous_floor_ : 0) + step_ * old_entries(key) + in_frame;
  if (this->block() % frame_.blocks == frame_.blocks - 1) {  // the frame covers the window but for the edge
    upper = std::min(upper, edge + in_frame);
    lower = above(lower, above(slack + position, block));
  }
  upper = std::min(upper + skips(), window);
  // `step` arrivals lie between two entries of a key. Of the entries left of the oldest block, each came after as many
  // arrivals as the block has lost entries: only `slack` arrivals can be out of the window, with an entry of the key in
  // every `step` at most.
  const std::uint64_t entries = above(old_entries(key), (slack + step_ - 1) / step_);
  if (entries > 0) lower += step_ * (entries - 1) + 1;
  return {std::min(lower, upper), upper};
}

Bounds SlidingWindow::scaled(Bounds sampled) const {
  if (!sampling()) return sampled;
  const RealBounds real = sampled_bounds(sampled.lower, sampled.upper, options_.sample, options_.confidence);
  const auto most = static_cast<double>(total());
  const double upper = std::floor(std::min(real.upper, most));
  return {static_cast<std::uint64_t>(std::min(std::ceil(real.lower), upper)), static_cast<std::uint64_t>(upper)};
}

Bounds SlidingWindow::bounds(std::uint64_t id) const { return scaled(bounds_of(known(id))); }

std::uint64_t SlidingWindow::untracked_bound() const { return scaled(bounds_of({0, 0, 0, false})).upper; }

double SlidingWindow::estimate(std::uint64_t id, Estimator estimator) const {
  return estimate_of(known(id), id, estimator);
}

double SlidingWindow::estimate_of(const Known& key, std::uint64_t id, Estimator estimator) const {
  const Bounds sampled = bounds_of(key), came = scaled(sampled);
  const auto lower = static_cast<double>(came.lower), upper = static_cast<double>(came.upper);
  if (estimator == Estimator::upper) return upper;
  if (estimator == Estimator::lower) return lower;
  if (estimator == Estimator::paper)
    return static_cast<double>(step_ * (key.entries + 2) + (key.counted ? key.count % step_ : floor_)) /
           options_.sample;
  const std::uint64_t skipped = filter_ && filter_->holds(id) ? 1 : 0;
  const std::uint64_t balanced = key.count - key.error + step_ * old_entries(key) + skipped;
  return std::clamp(static_cast<double>(std::clamp(balanced, sampled.lower, sampled.upper)) / options_.sample, lower,
                    upper);
}

std::uint64_t SlidingWindow::error_bound() const {
  std::uint64_t most = untracked_bound();  // their lower bound is 0
  each_key([&](std::uint32_t, std::uint64_t id) {
    const Bounds tracked = bounds(id);
    most = std::max(most, tracked.upper - tracked.lower);
  });
  return most;
}

double SlidingWindow::guaranteed_error(std::uint64_t) const {
  if (sampling()) return std::numeric_limits<double>::infinity();
  // `upper` is above `lower` by what is left of the oldest block, two steps less 2, and what the floors hide; with
  // slack an entry, and thus a step, tells less.
  const std::uint64_t block = frame_.block, slack = frame_.slack();
  return static_cast<double>(3 * block - 3 + (slack > 0 ? block - slack : 0) + (filter_ ? 2 : 0)) +
         (surely_ ? 2 : 1) * static_cast<double>(frame_.length()) / options_.counters;
}

void SlidingWindow::settle(Labels& labels) const {
  counters_.with([&](const auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (const std::uint32_t entry = log_.find(table.key(slot)); entry != kNoSlot)
        labels.set(2 * entry + 1, std::string(labels[2 * slot]));  // a copy, as the arena may move
  });
}

std::uint64_t SlidingWindow::size() const {
  std::uint64_t keys = 0;
  each_key([&](std::uint32_t, std::uint64_t) { ++keys; });
  return keys;
}

std::size_t SlidingWindow::nbytes() const {
  return counters_.with([](const auto& table) { return table.nbytes(); }) + log_.nbytes() + sampled_.nbytes() +
         (filter_ ? filter_->bytes().size() : 0);
}

Header SlidingWindow::header() const {
  Header header = counters_.header(Kind::window, options_.seed, arrivals_);
  header.floor = floor_;
  return header;
}

// Sections in the order of the format; the claims of RING are judged before anything is made from them.
SlidingWindow::SlidingWindow(SectionReader& reader)
    : SlidingWindow(reader, AnyCounters(reader, {}, reader.header().width == 8 ? kMostWindow : 0)) {}

SlidingWindow::SlidingWindow(SectionReader& reader, AnyCounters counters)
    : options_(options_of(reader)),
      frame_(options_.window, options_.blocks),
      step_(1),
      surely_(options_.counters < frame_.blocks),
      counters_(std::move(counters)),
      floor_(reader.header().floor),
      arrivals_(reader.header().total),
      log_(frame_.blocks, options_.seed) {
  previous_floor_ = reader.take<std::uint64_t>();
  log_.read(reader);
  if (reader.enter("FILT")) {
    const auto kind = reader.take<std::uint32_t>();
    if (kind != 1 && kind != 2) reader.fail("the filter is neither 1 nor 2");
    options_.filter = Filter{kind};
    if (reader.take<std::uint32_t>() != 0) reader.fail("a reserved field is not 0");
    const auto bits = reader.take<std::uint64_t>();
    if (bits == 0 || bits % 8 != 0 || bits / 8 != reader.left())
      reader.fail("the filter has another size than it says");
    options_.filter_bytes = bits / 8;
    filter_.emplace(0, options_.seed);
    filter_->assign(reader.take_array<std::uint8_t>(options_.filter_bytes));
  }
  if (reader.enter("SAMP")) {
    options_.sample = reader.take<double>();
    options_.confidence = reader.take<double>();
    jumps_ = reader.take<std::uint64_t>();
    until_put_ = reader.take<std::uint64_t>();
    if (!(options_.sample >= kLeastSample && options_.sample < 1))
      reader.fail("the sample is not from 2**-20 to below 1");
    if (!(options_.confidence > 0 && options_.confidence < 1)) reader.fail("the confidence is not between 0 and 1");
    for (const std::uint32_t sampled : reader.take_array<std::uint32_t>(log_.stored_blocks()))
      sampled_.push_back(sampled);
  }
  step_ = step_of(frame_, options_.sample);
  surely_ = surely_ || sampling();
  counters_.with([&](const auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      put_ += std::min<std::uint64_t>(table.count(slot), kMostTotal - put_);
  });
  if (const char* const wrong = broken()) reader.fail(wrong);
}

SlidingWindow::Options SlidingWindow::options_of(SectionReader& reader) {
  reader.expect("RING");
  const auto window = reader.take<std::uint64_t>(), block = reader.take<std::uint64_t>(),
             blocks = reader.take<std::uint64_t>();
  if (window == 0 || window > kMostWindow) reader.fail("the window is not from 1 to 2**48");
  if (block == 0 || block > kMostBlock || blocks == 0 || blocks > window) reader.fail("no window has such blocks");
  const Frame frame(window, blocks);
  if (frame.block != block || frame.blocks != blocks) reader.fail("no window has such blocks");
  return {.window = window, .blocks = blocks, .counters = reader.header().capacity, .seed = reader.header().seed};
}

const char* SlidingWindow::broken() const {
  const bool weighted = counters_.with([](const auto& table) { return table.weighted(); });
  if (weighted) return "windows have no weights";
  if (counters_.wide() != wide(frame_)) return "the width of its counters does not fit the window";
  if (const char* const wrong = counters_.with([](const auto& table) { return table.broken(); })) return wrong;
  if (const char* const wrong = log_.broken()) return wrong;
  if (options_.counters > kMostCounters) return "a window has at most 2**31 - 1 counters";
  if (arrivals_ > kMostTotal) return "there are more than 2**63 - 1 arrivals";
  if (log_.stored_blocks() != std::min(block(), frame_.blocks) + 1) return "the stored blocks do not fit the arrivals";
  const std::uint64_t in_frame = arrivals_ == 0 ? 0 : (arrivals_ - 1) % frame_.length() + 1;
  if (put_ > in_frame) return "the counts exceed the arrivals in the frame";
  if (floor_ > put_ / options_.counters) return "the floor exceeds the mean count";
  if (previous_floor_ > frame_.length() / options_.counters) return "the previous floor exceeds the mean count";
  if (filter_ && sampling()) return "a window has either a filter or a sample";
  const bool sound = counters_.with([&](const auto& table) {
    for (std::uint32_t slot = 0; slot < table.size(); ++slot)
      if (table.error(slot) > floor_ || table.count(slot) < floor_) return false;
    return table.full() || floor_ == 0;
  });
  if (!sound) return "a count is below the floor, or an error above it";
  if (!sampling()) return nullptr;
  if (until_put_ == 0 || jumps_ == 0) return "the next key to be put is due already";
  if (sampled_.size() != log_.stored_blocks()) return "the samples are not those of the stored blocks";
  for (std::size_t i = 0; i < sampled_.size(); ++i)
    if (sampled_[i] > frame_.block) return "a block has more samples than arrivals";
  return nullptr;
}

void SlidingWindow::check_invariants() const {
  if (const char* const wrong = broken()) throw std::logic_error(wrong);
}

void SlidingWindow::write(SectionWriter& writer) const {
  counters_.with([&](const auto& table) { table.write(writer); });
  writer.begin("RING");
  for (const std::uint64_t field : {frame_.window, frame_.block, frame_.blocks, previous_floor_}) writer.put(field);
  log_.write(writer);
  if (filter_) {
    writer.begin("FILT");
    writer.put(static_cast<std::uint32_t>(options_.filter));
    writer.put(std::uint32_t{0});
    writer.put(filter_->bits());
    writer.put(std::span(filter_->bytes()));
  }
  if (!sampling()) return;
  writer.begin("SAMP");
  writer.put(options_.sample);
  writer.put(options_.confidence);
  writer.put(jumps_);
  writer.put(until_put_);
  for (std::size_t i = 0; i < sampled_.size(); ++i) writer.put(sampled_[i]);
}

}  // namespace bh::streams
