#include "streams/count_min.h"

#include <algorithm>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "streams/weights.h"
#include "support/errors.h"

namespace bh::streams {
namespace {

constexpr std::uint64_t kMostNarrow = std::numeric_limits<std::uint32_t>::max();

std::uint64_t weight_at(std::span<const std::uint64_t> weights, std::size_t i) {
  return weights.empty() ? 1 : weights[i];
}

template <typename Cell>
Cell least(const Storage<Cell>& cells, std::span<const std::uint64_t> places) {
  Cell least = std::numeric_limits<Cell>::max();
  for (const std::uint64_t place : places) least = std::min(least, cells[place >> 1]);
  return least;
}

}  // namespace

CountMin::CountMin(std::uint32_t depth, std::uint64_t width, bool conservative, std::uint64_t seed)
    : rows_(depth, width, seed), conservative_(conservative), cells_(Storage<std::uint32_t>(rows_.cells(), 0u)) {}

void CountMin::hold(std::uint64_t total) {
  if (const auto* narrow = std::get_if<Storage<std::uint32_t>>(&cells_); narrow && total > kMostNarrow)
    cells_ = Storage<std::uint64_t>(narrow->begin(), narrow->end());
}

void CountMin::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  hold(total);
  std::visit(
      [&]<typename Cell>(Storage<Cell>& cells) {
        if (conservative_)
          rows_.each(ids, cells.data(), [&](std::size_t i, std::span<const std::uint64_t> places) {
            const auto raised = static_cast<Cell>(least(cells, places) + weight_at(weights, i));
            for (const std::uint64_t place : places) cells[place >> 1] = std::max(cells[place >> 1], raised);
          });
        else
          rows_.each(ids, cells.data(), [&](std::size_t i, std::span<const std::uint64_t> places) {
            for (const std::uint64_t place : places) cells[place >> 1] += static_cast<Cell>(weight_at(weights, i));
          });
      },
      cells_);
  total_ = total;
}

void CountMin::remove(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t deleted = total_after(deleted_, ids.size(), weights);
  std::visit(
      [&]<typename Cell>(Storage<Cell>& cells) {
        const auto put_back = [&](std::size_t n) {
          rows_.each(ids.first(n), cells.data(), [&](std::size_t i, std::span<const std::uint64_t> places) {
            for (const std::uint64_t place : places) cells[place >> 1] += static_cast<Cell>(weight_at(weights, i));
          });
        };
        std::size_t taken = 0;  // ids up to the first that asks for more than is there
        rows_.each(ids, cells.data(), [&](std::size_t i, std::span<const std::uint64_t> places) {
          if (taken != i) return;
          const std::uint64_t weight = weight_at(weights, i);
          if (least(cells, places) < weight) return;
          for (const std::uint64_t place : places) cells[place >> 1] -= static_cast<Cell>(weight);
          ++taken;
        });
        if (taken == ids.size()) return;
        put_back(taken);
        throw InvalidInput("key " + std::to_string(taken) + " of this batch deletes " +
                           std::to_string(weight_at(weights, taken)) +
                           ", more than was ever added to it; delete only what was added");
      },
      cells_);
  deleted_ = deleted;
}

void CountMin::merge(const CountMin& other) {
  const std::uint64_t total = added(total_, other.total_), deleted = added(deleted_, other.deleted_);
  hold(total);
  std::visit(
      [](auto& mine, const auto& theirs) {
        using Cell = typename std::remove_reference_t<decltype(mine)>::value_type;
        for (std::size_t i = 0; i < mine.size(); ++i) mine[i] += static_cast<Cell>(theirs[i]);
      },
      cells_, other.cells_);
  total_ = total;
  deleted_ = deleted;
}

Bounds CountMin::bounds(std::uint64_t id) const {
  return std::visit(
      [&](const auto& cells) {
        Bounds bounds{0, 0};
        rows_.each({&id, 1}, cells.data(),
                   [&](std::size_t, std::span<const std::uint64_t> places) { bounds.upper = least(cells, places); });
        return bounds;
      },
      cells_);
}

double CountMin::guaranteed_error(std::uint64_t total) const {
  return std::numbers::e * static_cast<double>(total) / static_cast<double>(rows_.width());
}

std::uint64_t CountMin::error_bound() const {
  return std::visit(
      [&](const auto& cells) {
        std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();
        for (std::uint64_t first = 0; first < cells.size(); first += rows_.width()) {
          const auto row = std::span(cells).subspan(first, rows_.width());
          bound = std::min<std::uint64_t>(bound, *std::max_element(row.begin(), row.end()));
        }
        return bound;
      },
      cells_);
}

Header CountMin::header() const {
  Header header;
  header.kind = conservative_ ? Kind::conservative : Kind::count_min;
  header.width = width_of_cells();
  header.seed = rows_.seed();
  header.total = total_;
  header.deleted = deleted_;
  return header;
}

void CountMin::write(SectionWriter& writer) const {
  rows_.write(writer);
  std::visit([&](const auto& cells) { writer.put(std::span(cells)); }, cells_);
}

CountMin::CountMin(SectionReader& reader)
    : rows_(reader),
      conservative_(reader.header().kind == Kind::conservative),
      total_(reader.header().total),
      deleted_(reader.header().deleted) {
  const auto take = [&]<typename Cell>(Cell) {
    const auto cells = reader.take_array<Cell>(rows_.cells());
    cells_ = Storage<Cell>(cells.begin(), cells.end());
  };
  if (reader.header().width == 4)
    take(std::uint32_t{});
  else
    take(std::uint64_t{});
  if (const char* wrong = broken()) reader.fail(wrong);
}

// Without deletions a plain row adds up to the total; a conservative one, and any row after deletions that the sketch
// had to believe, to no more.
const char* CountMin::broken() const {
  if (total_ > kMostTotal || deleted_ > kMostTotal) return "the total is above 2**63 - 1";
  if ((width_of_cells() == 8) != (total_ > kMostNarrow)) return "the width of its counters does not fit the total";
  if (conservative_ && deleted_ > 0) return "a conservative sketch has deletions";
  if (!conservative_ && deleted_ > total_) return "more was deleted than added";
  return std::visit(
      [&](const auto& cells) -> const char* {
        for (std::uint64_t first = 0; first < cells.size(); first += rows_.width()) {
          std::uint64_t left = total_ - deleted_;
          for (const auto cell : std::span(cells).subspan(first, rows_.width())) {
            if (cell > left) return "a row adds up to more than the total";
            left -= cell;
          }
          if (!conservative_ && left > 0) return "a row adds up to less than the total";
        }
        return nullptr;
      },
      cells_);
}

void CountMin::check_invariants() const {
  if (const char* wrong = broken()) throw std::logic_error(wrong);
}

}  // namespace bh::streams
