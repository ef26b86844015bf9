// A counting Bloom filter with conservative update: 4-bit cells, two for each key in one array. What comes to few
// enough stays here; a key never has more here than the least of its cells says.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "streams/format.h"
#include "support/hash.h"
#include "support/simd.h"

namespace bh::streams {

class CountingFilter {
 public:
  // An even number of cells; with none it absorbs nothing. A cell holds up to `most`, 15 or less.
  CountingFilter(std::uint64_t cells, std::uint32_t most, std::uint64_t seed)
      : first_(seed, 4), second_(seed, 5), cells_(cells), most_(most), bytes_(cells / 2) {}

  // The most that this key can have here.
  std::uint32_t value(std::uint64_t id) const {
    if (cells_ == 0) return 0;
    const auto [a, b] = places(id);
    return std::min(cell(a), cell(b));
  }

  // Whether there is room for so much more of this key; then it is here.
  BH_INLINE bool absorb(std::uint64_t id, std::uint64_t units) {
    if (units > most_ || cells_ == 0) return false;
    const auto [a, b] = places(id);
    const std::uint32_t first = cell(a), second = cell(b);
    const auto raised = std::min(first, second) + static_cast<std::uint32_t>(units);
    if (raised > most_) return false;
    if (raised != 0) nonzero_ += (first == 0) + (second == 0 && a != b);
    put(a, std::max(first, raised));
    put(b, std::max(second, raised));
    return true;
  }

  void clear() {
    std::fill(bytes_.begin(), bytes_.end(), std::uint8_t{0});
    nonzero_ = 0;
  }

  // The most that any key can have here.
  std::uint32_t highest() const {
    std::uint32_t highest = 0;
    for (const std::uint8_t two : bytes_) highest = std::max({highest, two & 15u, two >> 4 & 15u});
    return highest;
  }

  std::uint64_t cells() const { return cells_; }
  std::uint64_t nonzero() const { return nonzero_; }  // cells
  std::uint32_t most() const { return most_; }
  std::size_t nbytes() const { return bytes_.size(); }

  // The section GATE; the three are those of a gate that is cleared from time to time.
  void write(SectionWriter& writer, std::uint32_t epochs, std::uint64_t unit, double slack) const {
    writer.begin("GATE");
    writer.put(most_), writer.put(epochs), writer.put(unit), writer.put(nonzero_), writer.put(slack),
        writer.put(cells_);
    writer.put(std::span<const std::uint8_t>(bytes_));
  }
  struct Read;
  static Read read(SectionReader& reader, std::uint32_t most);

 private:
  std::pair<std::uint64_t, std::uint64_t> places(std::uint64_t id) const {
    return {range(first_(id), cells_), range(second_(id), cells_)};
  }
  std::uint32_t cell(std::uint64_t place) const { return bytes_[place / 2] >> 4 * (place % 2) & 15; }
  void put(std::uint64_t place, std::uint32_t value) {
    const std::uint32_t shift = 4 * (place % 2);
    bytes_[place / 2] = static_cast<std::uint8_t>((bytes_[place / 2] & ~(15u << shift)) | value << shift);
  }

  Mix first_, second_;
  std::uint64_t cells_, nonzero_ = 0;
  std::uint32_t most_;
  std::vector<std::uint8_t> bytes_;  // an even cell in the low half
};

struct CountingFilter::Read {
  CountingFilter filter;
  std::uint32_t epochs;
  std::uint64_t unit;
  double slack;
};

inline CountingFilter::Read CountingFilter::read(SectionReader& reader, std::uint32_t most) {
  reader.expect("GATE");
  if (reader.take<std::uint32_t>() != most) reader.fail("its cells hold another maximum");
  const auto epochs = reader.take<std::uint32_t>();
  const auto unit = reader.take<std::uint64_t>(), nonzero = reader.take<std::uint64_t>();
  const auto slack = reader.take<double>();
  const auto cells = reader.take<std::uint64_t>();
  if (cells % 2 != 0) reader.fail("the number of its cells is odd");
  Read read{CountingFilter(0, most, reader.header().seed), epochs, unit, slack};
  read.filter.cells_ = cells;
  read.filter.bytes_ = reader.take_array<std::uint8_t>(cells / 2);
  for (std::uint64_t place = 0; place < cells; ++place) {
    if (read.filter.cell(place) > most) reader.fail("a cell exceeds the maximum");
    read.filter.nonzero_ += read.filter.cell(place) != 0;
  }
  if (read.filter.nonzero_ != nonzero) reader.fail("another number of cells is not 0");
  return read;
}

}  // namespace bh::streams
