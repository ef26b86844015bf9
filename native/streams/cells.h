// Upper bounds of all keys that have no counter, one cell for many of them. Cells are narrow: before one would outgrow
// its width, neighbors become one cell of twice the width, which holds the larger of both.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "streams/format.h"
#include "support/hash.h"
#include "support/storage.h"

namespace bh::streams {

class Cells {
 public:
  Cells(std::uint64_t cells, std::uint64_t seed)
      : hash_(seed, 3), first_(cells), cells_(Storage<std::uint16_t>(cells, 0)) {}

  std::uint64_t value(std::uint64_t id) const {
    return std::visit([&](const auto& cells) -> std::uint64_t { return cells[place(id)]; }, cells_);
  }
  void raise(std::uint64_t id, std::uint64_t value) {
    hold(value);
    std::visit(
        [&]<typename Cell>(Storage<Cell>& cells) {
          Cell& cell = cells[place(id)];
          cell = std::max(cell, static_cast<Cell>(value));
        },
        cells_);
  }
  void prefetch(std::uint64_t id) const {
    std::visit([&](const auto& cells) { __builtin_prefetch(&cells[place(id)], 1); }, cells_);
  }
  std::uint64_t highest() const {
    return std::visit([](const auto& cells) -> std::uint64_t { return *std::max_element(cells.begin(), cells.end()); },
                      cells_);
  }

  // The sum of both, cell by cell; of as many first cells and the same seed.
  void merge(Cells other) {
    while (cells_.index() < other.cells_.index()) fold();
    while (other.cells_.index() < cells_.index()) other.fold();
    std::vector<std::uint64_t> sums = values();
    const std::vector<std::uint64_t> more = other.values();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
    std::size_t folds = cells_.index();
    for (; *std::max_element(sums.begin(), sums.end()) > largest(folds); ++folds) sums = folded(sums);
    assign(sums, folds);
  }

  std::uint64_t first() const { return first_; }  // how many there were before any fold
  std::size_t nbytes() const {
    return std::visit([]<typename Cell>(const Storage<Cell>& cells) { return cells.size() * sizeof(Cell); }, cells_);
  }

  // The section CELL.
  void write(SectionWriter& writer) const {
    writer.begin("CELL");
    writer.put(std::uint32_t{2} << cells_.index());
    writer.put(std::uint32_t{0});
    writer.put(first_);
    std::visit([&](const auto& cells) { writer.put(std::span(cells.data(), cells.size())); }, cells_);
  }
  explicit Cells(SectionReader& reader) : Cells(0, reader.header().seed) {
    reader.expect("CELL");
    const auto width = reader.take<std::uint32_t>();
    if (reader.take<std::uint32_t>() != 0) reader.fail("a reserved field is not 0");
    first_ = reader.take<std::uint64_t>();
    if (first_ == 0 || first_ > reader.left() * 4) reader.fail("the number of cells does not match the bytes");
    const std::uint64_t half = (first_ + 1) / 2;
    switch (width) {
      case 2: assign(reader.take_array<std::uint16_t>(first_), 0); break;
      case 4: assign(reader.take_array<std::uint32_t>(half), 1); break;
      case 8: assign(reader.take_array<std::uint64_t>((half + 1) / 2), 2); break;
      default: reader.fail("the width of its cells is none of 2, 4, 8");
    }
    if (highest() > reader.header().total) reader.fail("a cell exceeds the total");
  }

 private:
  static constexpr std::uint64_t largest(std::size_t folds) {
    return folds == 0 ? 0xFFFF : folds == 1 ? 0xFFFFFFFF : ~std::uint64_t{0};
  }
  std::uint64_t place(std::uint64_t id) const { return range(hash_(id), first_) >> cells_.index(); }

  void hold(std::uint64_t value) {
    while (value > largest(cells_.index())) fold();
  }
  void fold() { assign(folded(values()), cells_.index() + 1); }
  static std::vector<std::uint64_t> folded(const std::vector<std::uint64_t>& cells) {
    std::vector<std::uint64_t> half((cells.size() + 1) / 2);
    for (std::size_t i = 0; i < cells.size(); ++i) half[i / 2] = std::max(half[i / 2], cells[i]);
    return half;
  }
  std::vector<std::uint64_t> values() const {
    return std::visit([](const auto& cells) { return std::vector<std::uint64_t>(cells.begin(), cells.end()); }, cells_);
  }
  template <typename Value>
  void assign(const std::vector<Value>& values, std::size_t folds) {
    const auto as = [&]<typename Cell>(Cell) {
      Storage<Cell> cells(values.size());
      std::transform(values.begin(), values.end(), cells.begin(), [](Value v) { return static_cast<Cell>(v); });
      cells_ = std::move(cells);
    };
    folds == 0 ? as(std::uint16_t{}) : folds == 1 ? as(std::uint32_t{}) : as(std::uint64_t{});
  }

  Mix hash_;
  std::uint64_t first_;
  std::variant<Storage<std::uint16_t>, Storage<std::uint32_t>, Storage<std::uint64_t>> cells_;  // by the folds so far
};

}  // namespace bh::streams
