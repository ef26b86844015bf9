// What every summary of a stream offers to Python, whatever its kernel. A kernel knows ids and weights only; around it
// are the kind of its keys, their labels, how many nulls were skipped, and the flag that refuses a second user.
//
// A kernel K has K(SectionReader&), header, write, emptied, check_invariants, seed, total, deleted, nbytes; update(ids,
// weights, labels) or update(ids, weights); bounds(id), estimate(id, Estimator), error_bound, guaranteed_error(total).
// One that tracks keys has capacity, size, slots (used ones lie below), each(Estimator, visit) and untracked_bound, and
// its merge(other) says, slot by slot, where each key was before.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/keys.h"
#include "streams/busy.h"
#include "streams/estimator.h"
#include "streams/format.h"
#include "streams/keys.h"
#include "streams/labels.h"
#include "streams/slot_index.h"
#include "streams/weights.h"
#include "support/bits.h"

namespace summaries {

namespace nb = nanobind;
namespace streams = bh::streams;
using nb::literals::operator""_a;

template <typename KernelType>
struct Summary {
  using Kernel = KernelType;

  Summary(Kernel kernel, streams::KeyKind kind, bool labeled)
      : kernel(std::move(kernel)), kind(kind), first_kind(kind), labeled(labeled) {}

  bool has_labels() const { return labeled && streams::textual(kind); }

  Kernel kernel;
  streams::KeyKind kind, first_kind;  // none until the first key comes, unless it was asked for
  bool labeled;                       // strings keep their text
  std::uint64_t skipped = 0;          // nulls
  streams::Labels labels;
  streams::Busy busy;
};

// A kernel whose estimators are others than those of all names them.
template <typename Kernel>
struct EstimatorOfKernel {
  using type = streams::Estimator;
};
template <typename Kernel>
  requires requires { typename Kernel::Estimator; }
struct EstimatorOfKernel<Kernel> {
  using type = typename Kernel::Estimator;
};
template <typename Kernel>
using EstimatorOf = typename EstimatorOfKernel<Kernel>::type;

// What was asked for by name; none for "auto".
inline streams::KeyKind kind_named(const std::string& name) {
  for (const auto kind : {streams::KeyKind::u64, streams::KeyKind::i64, streams::KeyKind::bytes, streams::KeyKind::str})
    if (name == streams::name(kind)) return kind;
  return streams::KeyKind::none;
}

// Weights of a batch, copied: none, one for all, or one for each row.
class Weights {
 public:
  Weights(const std::optional<Array<std::uint64_t>>& weights, std::size_t rows) : rows_(rows) {
    if (!weights) return;
    if (weights->size() != 1 && weights->size() != rows)
      throw bh::InvalidInput("weights are " + std::to_string(weights->size()) + " for " + std::to_string(rows) +
                             " keys; pass one, or one for each key");
    all_.assign(weights->data(), weights->data() + weights->size());
    for (const std::uint64_t weight : all_)
      if (weight == 0) throw bh::InvalidInput("weights contain 0, but each must be at least 1; leave such keys out");
    if (all_.size() == 1 && all_[0] == 1) all_.clear();
  }

  // Throws CapacityExceeded if they do not fit on top of `total`.
  void check(std::uint64_t total) const {
    if (all_.size() != 1) {
      streams::total_after(total, rows_, all_);
    } else {
      const auto sum = bh::checked_product(all_[0], rows_);
      streams::added(total, sum.value_or(~std::uint64_t{0}));
    }
  }

  // Those of the rows first + rows[i], or first + i where `rows` is empty; valid until the next call.
  std::span<const std::uint64_t> block(std::size_t first, std::size_t count, std::span<const std::uint32_t> rows) {
    if (all_.empty()) return {};
    if (all_.size() == rows_ && rows.empty()) return std::span(all_).subspan(first, count);
    block_.assign(count, all_[0]);
    if (all_.size() == rows_)
      for (std::size_t i = 0; i < count; ++i) block_[i] = all_[first + rows[i]];
    return block_;
  }

 private:
  std::size_t rows_;
  std::vector<std::uint64_t> all_, block_;
};

// Counts keys of this kind, by count(ids, first row, rows, labels) for each block of them.
template <typename Kernel, typename Count>
void count_by_blocks(Summary<Kernel>& self, const HeldKeys& held, streams::KeyKind kind, const Count& count) {
  self.kind = kind;
  self.skipped += held.nulls();
  streams::Labels* const labels = self.has_labels() ? &self.labels : nullptr;
  {
    const Unlocked unlocked(held.size());
    held.each_block([&](auto ids, auto rows, std::size_t first) {
      if (labels) labels->block(first, rows);
      count(ids, first, rows, labels);
    });
  }
  if (labels) labels->settle([&](std::size_t row) { return held.text(row); });
}

template <typename Kernel>
void count_ids(Kernel& kernel, std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights,
               streams::Labels* labels) {
  if constexpr (requires { kernel.update(ids, weights, labels); })
    kernel.update(ids, weights, labels);
  else
    kernel.update(ids, weights);
}

// Counts a key that is an int, as most are where each has a call of its own, in half of the time that a batch of one
// takes. False if it is anything else, or needs a closer look.
template <typename Kernel>
bool count_one(Summary<Kernel>& self, nb::handle key) {
  if (!PyLong_CheckExact(key.ptr())) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(key.ptr(), &overflow);
  if (overflow != 0 || (value < 0 && self.kind == streams::KeyKind::u64)) return false;
  const streams::KeyKind kind = streams::joined(self.kind, streams::KeyKind::i64, false);
  const auto id = static_cast<std::uint64_t>(value);
  count_ids(self.kernel, {&id, 1}, {}, nullptr);
  self.kind = kind;
  return true;
}

template <typename Kernel>
void update(Summary<Kernel>& self, nb::handle keys, const std::optional<Array<std::uint64_t>>& weights) {
  const streams::Using held_here(self.busy);
  if (!weights && count_one(self, keys)) return;
  const HeldKeys held(keys, self.kernel.seed());
  const streams::KeyKind kind = held.joined(self.kind);
  Weights all(weights, held.size());
  all.check(self.kernel.total());
  count_by_blocks(self, held, kind, [&](auto ids, std::size_t first, auto rows, streams::Labels* labels) {
    const auto block = all.block(first, ids.size(), rows);
    count_ids(self.kernel, ids, block, labels);
  });
}

template <typename Kernel>
void remove(Summary<Kernel>& self, nb::handle keys, const std::optional<Array<std::uint64_t>>& weights) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  held.check_query(self.kind);
  Weights all(weights, held.size());
  all.check(self.kernel.deleted());
  std::vector<std::uint64_t> ids;  // all at once: a batch is refused whole
  held.each_block([&](auto block, auto, std::size_t) { ids.insert(ids.end(), block.begin(), block.end()); });
  const Unlocked unlocked(held.size());
  self.kernel.remove(ids, all.block(0, ids.size(), {}));
}

// Calls use(i, id) for each key that is asked about.
template <typename Kernel, typename Use>
void query(Summary<Kernel>& self, const HeldKeys& keys, const Use& use) {
  keys.check_query(self.kind);
  const Unlocked unlocked(keys.size());
  keys.each_block([&](auto ids, auto, std::size_t first) {
    for (std::size_t i = 0; i < ids.size(); ++i) use(first + i, ids[i]);
  });
}

// A number for one key, an array for a batch.
template <typename T>
nb::object answer(const HeldKeys& keys, std::vector<T> values) {
  if (keys.scalar()) return nb::cast(values[0]);
  return nb::cast(as_numpy(std::move(values), {keys.size()}));
}

template <typename Kernel>
nb::tuple bounds(Summary<Kernel>& self, nb::handle keys) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  std::vector<std::uint64_t> lower(held.size()), upper(held.size());
  query(self, held, [&](std::size_t i, std::uint64_t id) {
    const auto [low, high] = self.kernel.bounds(id);
    lower[i] = low;
    upper[i] = high;
  });
  return nb::make_tuple(answer(held, std::move(lower)), answer(held, std::move(upper)));
}

template <typename Kernel>
nb::object estimate(Summary<Kernel>& self, nb::handle keys, EstimatorOf<Kernel> estimator) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  std::vector<double> estimates(held.size());
  query(self, held, [&](std::size_t i, std::uint64_t id) { estimates[i] = self.kernel.estimate(id, estimator); });
  return answer(held, std::move(estimates));
}

// Ids as Python gets keys.
inline nb::object keys_of(streams::KeyKind kind, std::vector<std::uint64_t> ids) {
  const std::size_t n = ids.size();
  const nb::object array = nb::cast(as_numpy(std::move(ids), {n}));
  return kind == streams::KeyKind::i64 ? array.attr("view")("int64") : array;
}

// The `most` keys of the largest estimate, as (keys, estimates, lower, upper, the largest upper bound of all others).
template <typename Kernel>
nb::tuple top(Summary<Kernel>& self, std::size_t most, EstimatorOf<Kernel> estimator) {
  const streams::Using held_here(self.busy);
  struct Row {
    double estimate;
    std::uint64_t lower, upper, id;
    std::uint32_t slot;
    bool operator<(const Row& other) const {
      if (estimate != other.estimate) return estimate > other.estimate;
      return lower != other.lower ? lower > other.lower : id < other.id;
    }
  };
  std::vector<Row> rows;
  std::uint64_t outside = 0;
  {
    const Unlocked unlocked(self.kernel.size());
    rows.reserve(self.kernel.size());
    self.kernel.each(estimator, [&](std::uint32_t slot, std::uint64_t id, double estimate, streams::Bounds bounds) {
      rows.push_back({estimate, bounds.lower, bounds.upper, id, slot});
    });
    most = std::min(most, rows.size());
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(most);
    std::partial_sort(rows.begin(), end, rows.end());
    outside = self.kernel.untracked_bound();
    for (auto row = end; row != rows.end(); ++row) outside = std::max(outside, row->upper);
    rows.resize(most);
  }
  std::vector<double> estimates;
  std::vector<std::uint64_t> lower, upper, ids;
  nb::list labels;
  for (const Row& row : rows) {
    estimates.push_back(row.estimate);
    lower.push_back(row.lower);
    upper.push_back(row.upper);
    if (self.has_labels())
      labels.append(key_object(self.kind, self.labels[row.slot]));
    else
      ids.push_back(row.id);
  }
  const nb::object keys = self.has_labels() ? nb::object(labels) : keys_of(self.kind, std::move(ids));
  return nb::make_tuple(keys, as_numpy(std::move(estimates), {most}), as_numpy(std::move(lower), {most}),
                        as_numpy(std::move(upper), {most}), outside);
}

// What differs between two summaries that merge is judged in Python, but for keys and labels.
template <typename Kernel>
void merge_other(Summary<Kernel>& self, const Summary<Kernel>& other) {
  using streams::KeyKind;
  const KeyKind kind = self.kind == KeyKind::none ? other.kind : self.kind;
  if (other.kind != kind && other.kind != KeyKind::none)
    throw bh::InvalidInput(std::string("other holds ") + name(other.kind) + " keys, but this one " + name(kind) +
                           "; merge what holds the same kind");
  if (streams::textual(kind) && self.labeled != other.labeled && other.kind != KeyKind::none &&
      self.kind != KeyKind::none)
    throw bh::InvalidInput(std::string("other has ") + (other.labeled ? "labels" : "no labels") + ", but this one " +
                           (self.labeled ? "has" : "has none") + "; make both with the same labels=");
  streams::added(self.skipped, other.skipped);
  const nb::gil_scoped_release unlocked;
  if constexpr (requires { self.kernel.size(); }) {
    const auto kept = self.kernel.merge(other.kernel);
    self.kind = kind;
    if (self.has_labels()) {
      streams::Labels labels;
      for (std::uint32_t slot = 0; slot < kept.size(); ++slot) {
        const auto [mine, its] = kept[slot].slots;
        if (mine == streams::kNoSlot && its == streams::kNoSlot) continue;  // still free
        labels.set(slot, mine != streams::kNoSlot ? self.labels[mine] : other.labels[its]);
      }
      self.labels = std::move(labels);
    }
  } else {
    self.kernel.merge(other.kernel);
    self.kind = kind;
  }
  self.skipped += other.skipped;
}

template <typename Kernel>
void merge(Summary<Kernel>& self, Summary<Kernel>& theirs) {
  const streams::Using held_here(self.busy);
  if (&self == &theirs) {
    Summary<Kernel> copy(theirs);
    return merge_other(self, copy);
  }
  const streams::Using held_too(theirs.busy);
  merge_other(self, theirs);
}

// Calls visit(slot) for each label, in the order of the bytes.
template <typename Kernel, typename Visit>
void each_label(const Kernel& kernel, const Visit& visit) {
  if constexpr (requires { kernel.each_label(visit); })
    kernel.each_label(visit);
  else
    for (std::uint32_t slot = 0; slot < kernel.slots(); ++slot) visit(slot);
}

// Header, kernel and labels.
template <typename Kernel>
streams::SectionWriter written(const Summary<Kernel>& self) {
  streams::Header header = self.kernel.header();
  header.key_kind = static_cast<std::uint8_t>(self.kind);
  header.skipped = self.skipped;
  if constexpr (requires { self.kernel.slots(); }) {
    if (self.has_labels()) header.flags |= streams::Header::labels;
    if (!self.labeled) header.flags |= streams::Header::unlabeled;
  }
  streams::SectionWriter writer(header);
  self.kernel.write(writer);
  if constexpr (requires { self.kernel.slots(); })
    if (self.has_labels()) {
      writer.begin("LABL");
      each_label(self.kernel,
                 [&](std::uint32_t slot) { writer.put(static_cast<std::uint32_t>(self.labels[slot].size())); });
      each_label(self.kernel, [&](std::uint32_t slot) {
        const std::string_view label = self.labels[slot];
        writer.put(std::as_bytes(std::span(label.data(), label.size())));
      });
    }
  return writer;
}

inline nb::bytes finished(streams::SectionWriter& writer) {
  const std::vector<std::byte> bytes = writer.finish();
  return nb::bytes(bytes.data(), bytes.size());
}

template <typename Kernel>
nb::bytes to_bytes(Summary<Kernel>& self) {
  const streams::Using held_here(self.busy);
  streams::SectionWriter writer = written(self);
  return finished(writer);
}

// What `written` has written.
template <typename Kernel>
std::unique_ptr<Summary<Kernel>> read(streams::SectionReader& reader) {
  const streams::Header& header = reader.header();
  const auto kind = static_cast<streams::KeyKind>(header.key_kind);
  constexpr bool has_slots = requires(const Kernel& kernel) { kernel.slots(); };
  const bool labeled = has_slots && (header.flags & streams::Header::unlabeled) == 0;
  auto read = std::make_unique<Summary<Kernel>>(Kernel(reader), kind, labeled);
  if (header.total != 0) read->first_kind = streams::KeyKind::none;
  read->skipped = header.skipped;
  if (((header.flags & streams::Header::labels) != 0) != read->has_labels())
    reader.fail("labels stand beside keys that have none, or are missing");
  if constexpr (has_slots)
    if (read->has_labels()) {
      reader.expect("LABL");
      const auto lengths = reader.take_array<std::uint32_t>(read->kernel.slots());
      auto length = lengths.begin();
      each_label(read->kernel, [&](std::uint32_t slot) {
        const bh::Bytes label = reader.take_bytes(*length++);
        read->labels.set(slot, {reinterpret_cast<const char*>(label.data()), label.size()});
      });
      if constexpr (requires { read->kernel.settle(read->labels); }) read->kernel.settle(read->labels);
    }
  return read;
}

template <typename Kernel>
std::unique_ptr<Summary<Kernel>> from_bytes(const nb::bytes& data) {
  streams::SectionReader reader(bytes_of(data));
  auto all = read<Kernel>(reader);
  reader.finish();
  return all;
}

template <typename Kernel>
void clear(Summary<Kernel>& self) {
  const streams::Using held_here(self.busy);
  self.kernel = self.kernel.emptied();
  self.kind = self.first_kind;
  self.labels.clear();
  self.skipped = 0;
}

// Reads what a kernel tells of itself.
template <auto Tell, typename Kernel>
auto tell(Summary<Kernel>& self) {
  const streams::Using held_here(self.busy);
  return (self.kernel.*Tell)();
}

// A kernel that needs nothing but keys and weights.
template <typename Kernel>
concept Unaided = requires(Kernel& kernel, std::span<const std::uint64_t> numbers, streams::Labels* labels) {
  kernel.update(numbers, numbers, labels);
} || requires(Kernel& kernel, std::span<const std::uint64_t> numbers) { kernel.update(numbers, numbers); };

// Defines the class and all that each summary offers; the constructor is the caller's to add, and what an aided kernel
// needs.
template <typename Kernel>
nb::class_<Summary<Kernel>> bind_summary(nb::module_& m, const char* class_name) {
  using Self = Summary<Kernel>;
  nb::class_<Self> bound(m, class_name);
  if constexpr (Unaided<Kernel>) bound.def("update", &update<Kernel>, "keys"_a.none(), "weights"_a.noconvert().none());
  return bound.def("bounds", &bounds<Kernel>, "keys"_a.none())
      .def("to_bytes", &to_bytes<Kernel>)
      .def_static("from_bytes", &from_bytes<Kernel>, "data"_a)
      .def("copy",
           [](Self& self) {
             const streams::Using held_here(self.busy);
             return std::make_unique<Self>(self);
           })
      .def("clear", &clear<Kernel>)
      .def("check_invariants", &tell<&Kernel::check_invariants, Kernel>)
      .def(
          "guaranteed_error",
          [](Self& self, std::uint64_t total) {
            const streams::Using held_here(self.busy);
            return self.kernel.guaranteed_error(total);
          },
          "total"_a)
      .def_prop_ro("error_bound", &tell<&Kernel::error_bound, Kernel>)
      .def_prop_ro("total", &tell<&Kernel::total, Kernel>)
      .def_prop_ro("deleted", &tell<&Kernel::deleted, Kernel>)
      .def_prop_ro("nbytes", &tell<&Kernel::nbytes, Kernel>)
      .def_prop_ro("seed", [](const Self& self) { return self.kernel.seed(); })
      .def_prop_ro("skipped", [](const Self& self) { return self.skipped; })
      .def_prop_ro("kind", [](const Self& self) { return streams::name(self.kind); });
}

// For kernels whose estimate needs nothing but the id.
template <typename Kernel>
void bind_estimate(nb::class_<Summary<Kernel>>& bound) {
  bound.def("estimate", &estimate<Kernel>, "keys"_a.none(), "estimator"_a);
}

// For kernels with slots.
template <typename Kernel>
void bind_slots(nb::class_<Summary<Kernel>>& bound) {
  bound.def("top", &top<Kernel>, "most"_a, "estimator"_a)
      .def("__len__", &tell<&Kernel::size, Kernel>)
      .def_prop_ro("untracked_bound", &tell<&Kernel::untracked_bound, Kernel>)
      .def_prop_ro("capacity", &tell<&Kernel::capacity, Kernel>);
}

template <typename Kernel>
void bind_merge(nb::class_<Summary<Kernel>>& bound) {
  bound.def("merge", &merge<Kernel>, "other"_a);
}

}  // namespace summaries
