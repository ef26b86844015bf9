#include "support/sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace bh {
namespace {

constexpr int kDigit = 8, kPasses = 4;
constexpr std::uint32_t kMask = (1u << kDigit) - 1;
constexpr std::size_t kSmall = 512;  // below this std::sort is faster than clearing the counters
constexpr std::size_t kBatch = 16;   // records placed at a time

typedef std::uint32_t __attribute__((may_alias)) Bits;

using Counters = std::array<std::array<std::uint32_t, 1u << kDigit>, kPasses>;

// Turns counts into the place where each digit's run begins.
void to_starts(Counters& counters) {
  for (auto& digits : counters) {
    std::uint32_t start = 0;
    for (std::uint32_t& count : digits) start += std::exchange(count, start);
  }
}

// Moves records to where their digit belongs. All places of a batch are found before the first of its records is
// written: a processor that must not read past a store whose address is still unknown would wait at every record.
template <typename Record, typename Read, typename Digit>
void scatter(std::size_t n, std::array<std::uint32_t, 1u << kDigit>& at, const Read& read, const Digit& digit,
             Record* to) {
  std::size_t i = 0;
  for (; i + kBatch <= n; i += kBatch) {
    Record records[kBatch];
    std::uint32_t places[kBatch];
    for (std::size_t j = 0; j < kBatch; ++j) records[j] = read(i + j);
    for (std::size_t j = 0; j < kBatch; ++j) places[j] = at[digit(records[j])]++;
    for (std::size_t j = 0; j < kBatch; ++j) to[places[j]] = records[j];
  }
  for (; i < n; ++i) {
    const Record record = read(i);
    to[at[digit(record)]++] = record;
  }
}

// `key` reads a record's 32 ordered bits, `read` makes the record at i. The sorted records end in `sorted`.
template <typename Record, typename Key, typename Read>
void radix_sort(std::size_t n, Record* sorted, Record* scratch, const Key& key, const Read& read) {
  Counters even{}, odd{};  // two sets, as many a record has the digits of the one before it
  const auto count = [&](Counters& counters, std::size_t i) {
    const std::uint32_t bits = key(read(i));
    for (int pass = 0; pass < kPasses; ++pass) ++counters[pass][bits >> pass * kDigit & kMask];
  };
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) count(even, i), count(odd, i + 1);
  if (i < n) count(even, i);
  for (int pass = 0; pass < kPasses; ++pass)
    for (std::size_t digit = 0; digit <= kMask; ++digit) even[pass][digit] += odd[pass][digit];
  to_starts(even);
  const auto digit = [&key](int pass) {
    return [&key, pass](Record record) { return key(record) >> pass * kDigit & kMask; };
  };
  scatter(n, even[0], read, digit(0), scratch);
  scatter(n, even[1], [scratch](std::size_t at) { return scratch[at]; }, digit(1), sorted);
  scatter(n, even[2], [sorted](std::size_t at) { return sorted[at]; }, digit(2), scratch);
  scatter(n, even[3], [scratch](std::size_t at) { return scratch[at]; }, digit(3), sorted);
}

}  // namespace

void sort_values(std::span<const float> x, std::span<float> sorted, std::span<float> scratch) {
  if (x.size() < kSmall) {
    std::copy(x.begin(), x.end(), sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    return;
  }
  // On the way the buffers hold ordered bits in the guise of floats.
  auto* bits = reinterpret_cast<Bits*>(sorted.data());
  radix_sort(
      x.size(), bits, reinterpret_cast<Bits*>(scratch.data()), [](std::uint32_t key) { return key; },
      [x](std::size_t i) { return Bits{ordered_bits(x[i])}; });
  for (std::size_t i = 0; i < x.size(); ++i) bits[i] = std::bit_cast<std::uint32_t>(from_ordered_bits(bits[i]));
}

void sort_keyed(std::span<const float> x, std::span<Keyed> sorted, std::span<Keyed> scratch) {
  const auto read = [x](std::size_t i) { return Keyed{ordered_bits(x[i])} << 32 | i; };
  if (x.size() < kSmall) {
    for (std::size_t i = 0; i < x.size(); ++i) sorted[i] = read(i);
    std::sort(sorted.begin(), sorted.end());
    return;
  }
  radix_sort(
      x.size(), sorted.data(), scratch.data(), [](Keyed keyed) { return static_cast<std::uint32_t>(keyed >> 32); },
      read);
}

void sort_positions(std::span<const double> x, std::span<std::uint32_t> sorted) {
  const std::size_t n = x.size();
  std::vector<Keyed> upper(n), scratch(n >= kSmall ? n : 0);
  const auto high = [](Keyed keyed) { return static_cast<std::uint32_t>(keyed >> 32); };
  const auto read = [x](std::size_t i) { return Keyed{ordered_bits(x[i]) >> 32 << 32 | i}; };
  if (n < kSmall) {
    for (std::size_t i = 0; i < n; ++i) upper[i] = read(i);
    std::sort(upper.begin(), upper.end());
  } else {
    radix_sort(n, upper.data(), scratch.data(), high, read);
  }
  for (std::size_t i = 0; i < n; ++i) sorted[i] = static_cast<std::uint32_t>(upper[i]);
  const auto less = [x](std::uint32_t a, std::uint32_t b) {
    return std::pair{ordered_bits(x[a]), a} < std::pair{ordered_bits(x[b]), b};
  };
  for (std::size_t from = 0, to = 0; from < n; from = to) {
    for (to = from + 1; to < n && high(upper[to]) == high(upper[from]);) ++to;
    const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(from),
               end = sorted.begin() + static_cast<std::ptrdiff_t>(to);
    if (!std::is_sorted(begin, end, less)) std::sort(begin, end, less);
  }
}

}  // namespace bh
