// Count-Sketch (Charikar, Chen, Farach-Colton, 2002): rows of counters, each row with two hash functions of its own,
// one for the counter and one for the sign with which a key's weight is added to it. The signs of others cancel out on
// average, so that the median of a key's counters is unbiased, and weights may be taken back at will.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/rows.h"
#include "support/storage.h"

namespace bh::streams {

class CountSketch {
 public:
  CountSketch(std::uint32_t depth, std::uint64_t width, std::uint64_t seed);  // of odd depth
  explicit CountSketch(SectionReader& reader);

  CountSketch emptied() const { return {rows_.depth(), rows_.width(), seed()}; }

  // Ids and weights, which are empty (all 1) or as many, must not change meanwhile.
  // Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);
  void remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);
  void merge(const CountSketch& other);  // alike in all but the cells

  std::int64_t median(std::uint64_t id) const;
  // Two standard deviations of a row: 2 sqrt(F2 / width), with F2 as the rows estimate it.
  double radius() const;
  Bounds bounds(std::uint64_t id) const;  // the median and the radius on each side, within 0 and the total
  double estimate(std::uint64_t id, Estimator estimator) const;
  std::uint64_t error_bound() const;  // of any two bounds
  double guaranteed_error(std::uint64_t total) const;

  const Rows& rows() const { return rows_; }
  std::uint64_t seed() const { return rows_.seed(); }
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return deleted_; }
  std::size_t nbytes() const { return rows_.cells() * sizeof(std::int64_t); }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  void add(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, std::int64_t sign);
  __int128 reach() const;
  const char* broken() const;  // what is wrong, or nothing: one judge for bytes and for bugs

  Rows rows_;
  std::uint64_t total_ = 0, deleted_ = 0;
  Storage<std::int64_t> cells_;  // row by row
  mutable double radius_ = 0;    // below 0: not known since the last change
};

}  // namespace bh::streams
