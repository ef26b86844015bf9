// Where a key's counters lie in a sketch of several rows: in row r at the place that purpose 16 + r of its hash says.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "streams/format.h"
#include "support/bits.h"
#include "support/hash.h"

namespace bh::streams {

class Rows {
 public:
  static constexpr std::uint32_t kMostDepth = 64;

  Rows(std::uint32_t depth, std::uint64_t width, std::uint64_t seed) : width_(width), seed_(seed) {
    for (std::uint32_t row = 0; row < depth; ++row) hashes_.emplace_back(seed, 16 + row);
  }

  // Takes the head of the section; it promises as many cells as the section holds.
  explicit Rows(SectionReader& reader) : Rows(0, 0, reader.header().seed) {
    reader.expect("ROWS");
    const auto depth = reader.take<std::uint32_t>();
    if (depth == 0 || depth > kMostDepth) reader.fail("the depth is not from 1 to 64");
    if (reader.take<std::uint32_t>() != 0) reader.fail("reserved bytes are not 0");
    const auto width = reader.take<std::uint64_t>();
    if (width == 0) reader.fail("the width is 0");
    const auto cells = checked_product(depth, width);
    if (!cells || *cells > reader.left()) reader.fail("it holds fewer cells than depth times width");
    *this = Rows(depth, width, seed_);
  }
  void write(SectionWriter& writer) const {
    writer.begin("ROWS");
    writer.put(depth());
    writer.put(std::uint32_t{0});
    writer.put(width_);
  }

  std::uint32_t depth() const { return static_cast<std::uint32_t>(hashes_.size()); }
  std::uint64_t width() const { return width_; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t cells() const { return depth() * width_; }

  // Calls visit(i, places) for each id in turn: the places of its cells, row by row, as 2 * place + 1 where the sign is
  // negative. Several keys' cells are on their way from memory at a time.
  template <typename Cell, typename Visit>
  void each(std::span<const std::uint64_t> ids, const Cell* cells, const Visit& visit) const {
    std::uint64_t places[kAhead * kMostDepth];
    const std::size_t deep = hashes_.size();
    for (std::size_t first = 0; first < ids.size(); first += kAhead) {
      const std::size_t n = std::min(kAhead, ids.size() - first);
      for (std::size_t row = 0; row < deep; ++row) {
        const Mix hash = hashes_[row];
        for (std::size_t i = 0; i < n; ++i) {
          const std::uint64_t mixed = hash(ids[first + i]), place = row * width_ + range(mixed, width_);
          places[i * deep + row] = place << 1 | negative(mixed);
          __builtin_prefetch(cells + place, 1);
        }
      }
      for (std::size_t i = 0; i < n; ++i) visit(first + i, std::span<const std::uint64_t>(places + i * deep, deep));
    }
  }

 private:
  static constexpr std::size_t kAhead = 16;

  // By all bits of the hash: its lowest bit, that of a product, would make medians of small integers 15 standard errors
  // too low.
  static std::uint64_t negative(std::uint64_t mixed) { return mixed * kGolden >> 63; }

  std::uint64_t width_, seed_;
  std::vector<Mix> hashes_;
};

}  // namespace bh::streams
