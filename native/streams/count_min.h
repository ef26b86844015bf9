// Count-Min (Cormode and Muthukrishnan, 2005): rows of counters, each row with a hash function of its own; a key's
// weight goes into one counter of each row, and the least of them is never too low. Conservative (Estan and Varghese,
// 2002): only counters that would fall below the new estimate are raised.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/rows.h"
#include "support/storage.h"

namespace bh::streams {

class CountMin {
 public:
  CountMin(std::uint32_t depth, std::uint64_t width, bool conservative, std::uint64_t seed);
  explicit CountMin(SectionReader& reader);

  CountMin emptied() const { return {rows_.depth(), rows_.width(), conservative_, seed()}; }

  // Ids and weights, which are empty (all 1) or as many, must not change meanwhile.
  // Throws CapacityExceeded before any change.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);
  // Takes back what was added; not conservative. Throws InvalidInput before any change if a counter would fall below 0.
  void remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);
  void merge(const CountMin& other);  // alike in all but the cells

  Bounds bounds(std::uint64_t id) const;
  double estimate(std::uint64_t id, Estimator estimator) const { return estimate_of(bounds(id), estimator); }
  double guaranteed_error(std::uint64_t total) const;  // missed by a key with probability exp(-depth) at most
  // No key's estimate is higher: the least, over the rows, of the largest counter.
  std::uint64_t error_bound() const;

  const Rows& rows() const { return rows_; }
  bool conservative() const { return conservative_; }
  std::uint64_t seed() const { return rows_.seed(); }
  std::uint64_t total() const { return total_; }
  std::uint64_t deleted() const { return deleted_; }
  std::size_t nbytes() const { return rows_.cells() * width_of_cells(); }

  Header header() const;
  void write(SectionWriter& writer) const;
  void check_invariants() const;  // throws std::logic_error

 private:
  std::uint8_t width_of_cells() const { return cells_.index() == 0 ? 4 : 8; }
  void hold(std::uint64_t total);  // makes room for counters up to `total`
  const char* broken() const;      // what is wrong, or nothing: one judge for bytes and for bugs

  Rows rows_;
  bool conservative_;
  std::uint64_t total_ = 0, deleted_ = 0;
  std::variant<Storage<std::uint32_t>, Storage<std::uint64_t>> cells_;  // row by row
};

}  // namespace bh::streams
