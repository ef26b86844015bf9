// How kernels ask a predictor, which is Python's, and keep its bytes beside their own.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/keys.h"
#include "bindings/summaries.h"
#include "streams/chunk.h"
#include "streams/format.h"

namespace summaries {

// What predict(keys) says of the keys in these rows, a float32 array, copied. Asks nothing about no key.
inline std::vector<float> ask(const nb::callable& predict, const HeldKeys& keys, std::span<const std::size_t> rows) {
  if (rows.empty()) return {};
  const auto said = nb::cast<Array<float>>(predict(keys.take(rows)));
  if (said.size() != rows.size())
    throw bh::InvalidInput("the predictor says " + std::to_string(said.size()) + " values of " +
                           std::to_string(rows.size()) + " keys, but must say one of each");
  return {said.data(), said.data() + said.size()};
}

// Counts keys of this kind with the help of a predictor, which is asked once for each chunk, about each key once of
// which known(id, place in the chunk) is -1. A chunk counts as a whole or not at all: its keys are asked about before
// count(chunk, predictions, ids, first row, rows, labels) changes anything.
template <typename Kernel, typename Known, typename Count>
void ask_by_chunks(Summary<Kernel>& self, const HeldKeys& held, streams::KeyKind kind, const nb::callable& predict,
                   const Known& known, const Count& count_chunk) {
  const std::size_t most = std::min(held.size(), streams::Chunk::kMost);
  std::vector<std::uint64_t> ids(most);
  std::vector<std::uint32_t> rows(most);
  for (std::size_t first = 0; first < held.size(); first += most) {
    const std::size_t last = std::min(held.size(), first + most);
    std::size_t count = 0;
    auto chunk = [&] {
      const Unlocked unlocked(last - first);
      count = held.ids(first, last, ids, rows);
      return streams::Chunk(std::span(ids).first(count), self.kernel.seed(), known);
    }();
    const auto present = std::span<const std::uint64_t>(ids).first(count);
    const auto where = std::span<const std::uint32_t>(rows).first(count == last - first ? 0 : count);
    std::vector<std::size_t> asked;
    for (const std::uint32_t place : chunk.asked()) asked.push_back(first + (where.empty() ? place : where[place]));
    const std::vector<float> said = ask(predict, held, asked);
    if (count != 0) self.kind = kind;
    self.skipped += last - first - count;
    streams::Labels* const labels = self.has_labels() ? &self.labels : nullptr;
    if (labels) labels->block(first, where);
    {
      const Unlocked unlocked(count);
      count_chunk(chunk, said, present, first, where, labels);
    }
    if (labels) labels->settle([&](std::size_t row) { return held.text(row); });
  }
}

// The kernel has known(id), mark(prediction) and update(ids, weights, marks, labels).
template <typename Kernel>
void update_asking(Summary<Kernel>& self, nb::handle keys, const std::optional<Array<std::uint64_t>>& weights,
                   const nb::callable& predict) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  const streams::KeyKind kind = held.joined(self.kind);
  Weights all(weights, held.size());
  all.check(self.kernel.total());
  ask_by_chunks(
      self, held, kind, predict, [&](std::uint64_t id, std::size_t) { return self.kernel.known(id); },
      [&](streams::Chunk& chunk, const std::vector<float>& said, auto ids, std::size_t first, auto rows,
          streams::Labels* labels) {
        const auto marks =
            chunk.marks([&](std::uint32_t question, std::uint32_t) { return self.kernel.mark(said[question]); });
        self.kernel.update(ids, all.block(first, ids.size(), rows), marks, labels);
      });
}

// The summary, and the bytes of its predictor, which are None if it has none.
template <typename Kernel>
nb::bytes to_bytes_with(Summary<Kernel>& self, const std::optional<nb::bytes>& predictor) {
  const streams::Using held_here(self.busy);
  streams::SectionWriter writer = written(self);
  if (predictor) {
    writer.begin("PRED", streams::SectionReader::kIgnorable);
    writer.put(bytes_of(*predictor));
  }
  return finished(writer);
}
template <typename Kernel>
nb::tuple from_bytes_with(const nb::bytes& data) {
  streams::SectionReader reader(bytes_of(data));
  auto summary = read<Kernel>(reader);
  nb::object predictor = nb::none();
  if (reader.enter("PRED")) {
    const bh::Bytes bytes = reader.take_bytes(reader.left());
    predictor = nb::bytes(bytes.data(), bytes.size());
  }
  reader.finish();
  return nb::make_tuple(nb::cast(std::move(summary)), predictor);
}

template <typename Kernel>
void bind_asking(nb::class_<Summary<Kernel>>& bound) {
  bound.def("update", &update_asking<Kernel>, "keys"_a.none(), "weights"_a.noconvert().none(), "predict"_a)
      .def("to_bytes", &to_bytes_with<Kernel>, "predictor"_a.none())
      .def_static("from_bytes_with", &from_bytes_with<Kernel>, "data"_a);
}

}  // namespace summaries
