#include "streams/count_sketch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "streams/weights.h"

namespace bh::streams {

CountSketch::CountSketch(std::uint32_t depth, std::uint64_t width, std::uint64_t seed)
    : rows_(depth, width, seed), cells_(rows_.cells(), std::int64_t{0}) {}

// Weights added and weights taken back may meet in one cell with the same sign.
void CountSketch::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  added(total, deleted_);
  add(ids, weights, 1);
  total_ = total;
}

void CountSketch::remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t deleted = total_after(deleted_, ids.size(), weights);
  added(total_, deleted);
  add(ids, weights, -1);
  deleted_ = deleted;
}

void CountSketch::add(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights, std::int64_t sign) {
  rows_.each(ids, cells_.data(), [&](std::size_t i, std::span<const std::uint64_t> places) {
    const std::int64_t weight = weights.empty() ? sign : sign * static_cast<std::int64_t>(weights[i]);
    for (const std::uint64_t place : places) cells_[place >> 1] += (place & 1) != 0 ? -weight : weight;
  });
  radius_ = -1;
}

void CountSketch::merge(const CountSketch& other) {
  const std::uint64_t total = added(total_, other.total_), deleted = added(deleted_, other.deleted_);
  added(total, deleted);
  for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
  total_ = total;
  deleted_ = deleted;
  radius_ = -1;
}

std::int64_t CountSketch::median(std::uint64_t id) const {
  std::int64_t median = 0;
  rows_.each({&id, 1}, cells_.data(), [&](std::size_t, std::span<const std::uint64_t> places) {
    std::array<std::int64_t, Rows::kMostDepth> found;
    for (std::size_t row = 0; row < places.size(); ++row) {
      const std::int64_t cell = cells_[places[row] >> 1];
      found[row] = (places[row] & 1) != 0 ? -cell : cell;
    }
    const auto middle = found.begin() + static_cast<std::ptrdiff_t>(places.size() / 2);
    std::nth_element(found.begin(), middle, found.begin() + static_cast<std::ptrdiff_t>(places.size()));
    median = *middle;
  });
  return median;
}

// The radius in whole units, at most 2^64. Above 2^53 doubles would round the median's sum with it.
__int128 CountSketch::reach() const { return static_cast<__int128>(std::ceil(radius())); }

// No key has come more often than all together, nor less than never.
Bounds CountSketch::bounds(std::uint64_t id) const {
  const __int128 none = 0, most = total_, middle = median(id);
  return {static_cast<std::uint64_t>(std::clamp(middle - reach(), none, most)),
          static_cast<std::uint64_t>(std::clamp(middle + reach(), none, most))};
}

double CountSketch::estimate(std::uint64_t id, Estimator estimator) const {
  return estimator == Estimator::count ? static_cast<double>(median(id)) : estimate_of(bounds(id), estimator);
}

std::uint64_t CountSketch::error_bound() const {
  return static_cast<std::uint64_t>(std::min<__int128>(2 * reach(), total_));
}

double CountSketch::guaranteed_error(std::uint64_t total) const {
  return 2 * static_cast<double>(total) / std::sqrt(static_cast<double>(rows_.width()));
}

double CountSketch::radius() const {
  if (radius_ >= 0) return radius_;
  std::vector<double> squares;
  for (std::uint64_t first = 0; first < cells_.size(); first += rows_.width()) {
    double sum = 0;
    for (const std::int64_t cell : std::span(cells_).subspan(first, rows_.width()))
      sum += static_cast<double>(cell) * static_cast<double>(cell);
    squares.push_back(sum);
  }
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  return radius_ = 2 * std::sqrt(*middle / static_cast<double>(rows_.width()));
}

Header CountSketch::header() const {
  Header header;
  header.kind = Kind::count_sketch;
  header.width = sizeof(std::int64_t);
  header.seed = rows_.seed();
  header.total = total_;
  header.deleted = deleted_;
  return header;
}

void CountSketch::write(SectionWriter& writer) const {
  rows_.write(writer);
  writer.put(std::span(cells_));
}

CountSketch::CountSketch(SectionReader& reader)
    : rows_(reader), total_(reader.header().total), deleted_(reader.header().deleted), radius_(-1) {
  if (reader.header().width != sizeof(std::int64_t)) reader.fail("the width of its counters is not 8");
  const auto cells = reader.take_array<std::int64_t>(rows_.cells());
  cells_ = Storage<std::int64_t>(cells.begin(), cells.end());
  if (const char* wrong = broken()) reader.fail(wrong);
}

const char* CountSketch::broken() const {
  if (rows_.depth() % 2 == 0) return "the depth is even";
  if (total_ > kMostTotal || deleted_ > kMostTotal - total_) return "the total is above 2**63 - 1";
  for (std::uint64_t first = 0; first < cells_.size(); first += rows_.width()) {
    std::uint64_t left = total_ + deleted_;
    for (const std::int64_t cell : std::span(cells_).subspan(first, rows_.width())) {
      const std::uint64_t size = cell < 0 ? -static_cast<std::uint64_t>(cell) : static_cast<std::uint64_t>(cell);
      if (size > left) return "a row adds up to more than the total";
      left -= size;
    }
    if (left % 2 != 0) return "a row and the total differ by an odd number";  // signs cancel in pairs
  }
  return nullptr;
}

void CountSketch::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
