#include "ranges/elias_fano.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "support/errors.h"

namespace bh::ranges {
namespace {

std::uint64_t steps(std::uint64_t n, std::uint64_t step) { return n / step + (n % step != 0); }

BH_MULTIVERSION void write_values(const std::uint64_t* values, std::uint64_t n, std::uint32_t low_bits,
                                  std::uint8_t* lows, std::uint8_t* highs) {
  const std::uint64_t mask = (std::uint64_t{1} << low_bits) - 1;
  BitWriter writer(lows, low_bits);
  std::uint64_t word = 0, at = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    writer.put(values[i] & mask);
    const std::uint64_t place = (values[i] >> low_bits) + i;
    if (place / 64 != at) {
      std::memcpy(highs + 8 * at, &word, sizeof word);
      word = 0, at = place / 64;
    }
    word |= std::uint64_t{1} << place % 64;
  }
  std::memcpy(highs + 8 * at, &word, sizeof word);
}

// Fills the directories, and returns the number of ones.
BH_MULTIVERSION std::uint64_t count_ones(const std::uint8_t* highs, std::uint64_t bits, std::uint64_t hint_every,
                                         std::uint64_t words_counted, std::uint32_t* hints, std::uint64_t hint_count,
                                         std::uint32_t* counts) {
  std::uint64_t ones = 0, next = 0;  // the next zero that wants a hint
  for (std::uint64_t at = 0; 64 * at < bits; ++at) {
    const std::uint64_t word = load_word(highs + 8 * at);
    if (at % words_counted == 0) counts[at / words_counted] = static_cast<std::uint32_t>(ones);
    const auto count = static_cast<std::uint64_t>(std::popcount(word));
    const std::uint64_t zeros = 64 * at - ones;
    if (next < zeros + 64 - count && next / hint_every < hint_count) {
      const std::uint64_t place = select_one(~word, static_cast<std::uint32_t>(next - zeros));
      hints[next / hint_every] = static_cast<std::uint32_t>(64 * at + place - next);
      next += hint_every;
    }
    ones += count;
  }
  return ones;
}

std::uint32_t low_bits_of(std::uint64_t n, std::uint64_t largest) {
  const auto each = static_cast<unsigned __int128>(largest) + 1;
  const auto per_value = static_cast<std::uint64_t>(std::min<unsigned __int128>(each / n, ~std::uint64_t{0}));
  return per_value == 0 ? 0 : static_cast<std::uint32_t>(std::bit_width(per_value)) - 1;
}

}  // namespace

EliasFanoShape::EliasFanoShape(std::uint64_t n, std::uint64_t most)
    : values(n), largest(most), low_bits(low_bits_of(n, most)), buckets((most >> low_bits) + 1) {}

std::uint64_t EliasFanoShape::directory_bits() const {
  return 32 * (steps(buckets, EliasFano::kHintEvery) + steps(highs_bits(), EliasFano::kCountEvery));
}

EliasFano EliasFano::build(std::span<const std::uint64_t> values, std::uint64_t largest) {
  const EliasFanoShape shape(values.size(), largest);
  EliasFano set(shape, Payload(shape.lows_bits()), Payload(shape.highs_bits()));
  write_values(values.data(), values.size(), shape.low_bits, set.lows_.writable(), set.highs_.writable());
  set.make_directory();
  return set;
}

EliasFano EliasFano::load(const EliasFanoShape& shape, Payload lows, Payload highs) {
  const auto fail = [](const std::string& why) { throw CorruptData("the Elias-Fano set of a filter " + why); };
  if (lows.size() != bytes_for(shape.lows_bits()) || highs.size() != bytes_for(shape.highs_bits()))
    fail("has arrays of other sizes than its counts say");
  EliasFano set(shape, std::move(lows), std::move(highs));
  const std::uint8_t* end = set.highs_.data() + set.highs_.size() - 1;
  if (shape.highs_bits() % 8 != 0 && *end >> shape.highs_bits() % 8 != 0) fail("goes on behind its last bucket");
  if (shape.lows_bits() % 8 != 0 && set.lows_.data()[set.lows_.size() - 1] >> shape.lows_bits() % 8 != 0)
    fail("goes on behind its last value");
  if (set.make_directory() != shape.values) fail("has another number of values than it says");
  if (!set.ascends()) fail("has values that do not ascend, or that are too large");
  return set;
}

std::uint64_t EliasFano::make_directory() {
  hints_.resize(steps(shape_.buckets, kHintEvery));
  counts_.resize(steps(shape_.highs_bits(), kCountEvery));
  return count_ones(highs_.data(), shape_.highs_bits(), kHintEvery, kCountEvery / 64, hints_.data(), hints_.size(),
                    counts_.data());
}

// Needs the right number of ones.
bool EliasFano::ascends() const {
  std::uint64_t index = 0, before = 0;
  for (std::uint64_t at = 0; 64 * at < shape_.highs_bits(); ++at)
    for (std::uint64_t bits = word(at); bits != 0; bits &= bits - 1, ++index) {
      const std::uint64_t bucket = 64 * at + static_cast<std::uint64_t>(std::countr_zero(bits)) - index;
      const std::uint64_t value = bucket << shape_.low_bits | low(index);
      if (bucket >= shape_.buckets || value > shape_.largest || (index > 0 && value <= before)) return false;
      before = value;
    }
  return true;
}

bool EliasFano::any(std::uint64_t a, std::uint64_t b) const {
  if (a > shape_.largest) return false;
  return meet(a, std::min(b, shape_.largest)).any();
}

// As zero(), where many ones lie between two hints: finds the last count that is not behind the zero.
std::uint64_t EliasFano::zero_by_counts(std::uint64_t k) const {
  std::uint64_t first = 0, last = counts_.size() - 1;
  while (first < last) {
    const std::uint64_t middle = first + (last - first + 1) / 2;
    if (kCountEvery * middle - counts_[middle] <= k)
      first = middle;
    else
      last = middle - 1;
  }
  std::uint64_t at = first * (kCountEvery / 64), rest = k - (kCountEvery * first - counts_[first]);
  for (;; ++at) {
    const std::uint64_t zeros = ~word(at);
    const auto count = static_cast<std::uint64_t>(std::popcount(zeros));
    if (rest < count) return 64 * at + select_one(zeros, static_cast<std::uint32_t>(rest));
    rest -= count;
  }
}

// The first index from `index` to `end` whose low bits are not below `low_a`.
std::uint64_t EliasFano::first_low(std::uint64_t index, std::uint64_t end, std::uint64_t low_a) const {
  while (index < end) {
    const std::uint64_t middle = index + (end - index) / 2;
    if (low(middle) < low_a)
      index = middle + 1;
    else
      end = middle;
  }
  return index;
}

}  // namespace bh::ranges
