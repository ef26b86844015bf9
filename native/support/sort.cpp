#include "support/sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

namespace bh {
namespace {

constexpr int kDigit = 11;
constexpr std::uint32_t kMask = (1u << kDigit) - 1;
constexpr std::size_t kSmall = 1024;  // below this std::sort is faster than clearing the counters

typedef std::uint32_t __attribute__((may_alias)) Bits;

using Counters = std::array<std::array<std::uint32_t, 1u << kDigit>, 3>;

// Turns counts into the place where each digit's run begins.
void to_starts(Counters& counters) {
  for (auto& digits : counters) {
    std::uint32_t start = 0;
    for (std::uint32_t& count : digits) start += std::exchange(count, start);
  }
}

// `key` reads a record's 32 ordered bits; `read` makes the record at i, `write` what is kept of it at the end.
template <typename Record, typename Key, typename Read, typename Write>
void radix_sort(std::size_t n, Record* first, Record* second, Key key, Read read, Write write) {
  Counters at{};
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = key(read(i));
    ++at[0][bits & kMask];
    ++at[1][bits >> kDigit & kMask];
    ++at[2][bits >> 2 * kDigit];
  }
  to_starts(at);
  for (std::size_t i = 0; i < n; ++i) {
    const Record record = read(i);
    first[at[0][key(record) & kMask]++] = record;
  }
  for (std::size_t i = 0; i < n; ++i) second[at[1][key(first[i]) >> kDigit & kMask]++] = first[i];
  for (std::size_t i = 0; i < n; ++i) first[at[2][key(second[i]) >> 2 * kDigit]++] = write(second[i]);
}

}  // namespace

void sort_values(std::span<const float> x, std::span<float> sorted, std::span<float> scratch) {
  if (x.size() < kSmall) {
    std::copy(x.begin(), x.end(), sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    return;
  }
  // Between the first pass and the last the buffers hold ordered bits in the guise of floats, moved as bits only.
  auto* first = reinterpret_cast<Bits*>(sorted.data());
  auto* second = reinterpret_cast<Bits*>(scratch.data());
  radix_sort(
      x.size(), first, second, [](std::uint32_t bits) { return bits; }, [x](std::size_t i) { return ordered_bits(x[i]); },
      [](std::uint32_t bits) { return std::bit_cast<std::uint32_t>(from_ordered_bits(bits)); });
}

void sort_keyed(std::span<const float> x, std::span<Keyed> sorted, std::span<Keyed> scratch) {
  const auto read = [x](std::size_t i) { return Keyed{ordered_bits(x[i])} << 32 | i; };
  if (x.size() < kSmall) {
    for (std::size_t i = 0; i < x.size(); ++i) sorted[i] = read(i);
    std::sort(sorted.begin(), sorted.end());
    return;
  }
  radix_sort(
      x.size(), sorted.data(), scratch.data(), [](Keyed keyed) { return static_cast<std::uint32_t>(keyed >> 32); }, read,
      [](Keyed keyed) { return keyed; });
}

}  // namespace bh
