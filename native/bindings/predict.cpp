#include "streams/predict.h"

#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/keys.h"
#include "streams/model.h"
#include "streams/ridge.h"

namespace streams = bh::streams;

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Floats = nb::ndarray<nb::numpy, float>;
using Ids = Array<std::uint64_t>;
using Places = Array<std::uint64_t>;

// The keys of a batch that are not null: their ids, with which predictors hash, and the rows where they stand.
class AskedKeys {
 public:
  explicit AskedKeys(nb::handle keys) : held_(std::make_shared<const HeldKeys>(keys, 0)) {
    const Unlocked unlocked(held_->size());
    held_->each_block([&](std::span<const std::uint64_t> ids, std::span<const std::uint32_t> rows, std::size_t first) {
      ids_.insert(ids_.end(), ids.begin(), ids.end());
      for (std::size_t i = 0; i < ids.size(); ++i) rows_.push_back(first + (rows.empty() ? i : rows[i]));
    });
  }
  AskedKeys(const AskedKeys& all, const Places& places) : held_(all.held_) {
    for (const std::uint64_t place : span(places)) {
      ids_.push_back(all.ids_.at(place));
      rows_.push_back(all.rows_.at(place));
    }
  }

  const HeldKeys& held() const { return *held_; }
  const std::vector<std::uint64_t>& ids() const { return ids_; }
  const std::vector<std::size_t>& rows() const { return rows_; }

 private:
  std::shared_ptr<const HeldKeys> held_;
  std::vector<std::uint64_t> ids_;
  std::vector<std::size_t> rows_;
};

template <typename T>
T buckets_of(T buckets) {
  if (buckets == 0 || buckets > streams::kMostBuckets) throw bh::InvalidInput("buckets must be from 1 to 65536");
  return buckets;
}

Floats predict_key_bits(const Ids& ids, std::uint64_t lengths, const Array<float>& weights, float bias) {
  buckets_of(weights.size());
  std::vector<float> values(ids.size());
  {
    const Unlocked unlocked(values.size());
    streams::predict_key_bits(span(ids), streams::prefixes(lengths), span(weights), bias, values);
  }
  return as_numpy(std::move(values), {ids.size()});
}

streams::SparseRows key_bits_rows(const Ids& ids, std::uint64_t lengths, std::uint32_t buckets) {
  const Unlocked unlocked(ids.size());
  return streams::key_bits_rows(span(ids), streams::prefixes(lengths), buckets_of(buckets));
}

// Calls take(ngrams) whenever some thousand bytes of keys are in it.
template <typename Take>
void each_ngrams(const AskedKeys& keys, std::uint32_t shortest, std::uint32_t longest, std::uint32_t buckets,
                 const Take& take) {
  if (shortest < 1 || shortest > longest || longest > 8) throw bh::InvalidInput("n-grams must have 1 to 8 bytes");
  streams::Ngrams ngrams(shortest, longest, buckets_of(buckets));
  const auto flush = [&] {
    take(ngrams);
    ngrams.clear();
  };
  for (const std::size_t row : keys.rows()) {
    ngrams.add(keys.held().text(row));
    if (ngrams.full()) flush();
  }
  flush();
}

Floats predict_char_ngrams(const AskedKeys& keys, std::uint32_t shortest, std::uint32_t longest,
                           const Array<float>& weights, const Array<float>& dense, float bias) {
  if (dense.size() != streams::Ngrams::kDense) throw bh::InvalidInput("dense must hold 5 weights");
  std::vector<float> values;
  values.reserve(keys.rows().size());
  const auto buckets = static_cast<std::uint32_t>(buckets_of(weights.size()));
  const auto first = span(dense).first<streams::Ngrams::kDense>();
  each_ngrams(keys, shortest, longest, buckets,
              [&](streams::Ngrams& ngrams) { ngrams.predict(span(weights), first, bias, values); });
  return as_numpy(std::move(values), {keys.rows().size()});
}

streams::SparseRows char_ngrams_rows(const AskedKeys& keys, std::uint32_t shortest, std::uint32_t longest,
                                     std::uint32_t buckets) {
  streams::SparseRows rows(buckets + streams::Ngrams::kDense);
  each_ngrams(keys, shortest, longest, buckets, [&](streams::Ngrams& ngrams) { ngrams.rows(rows); });
  return rows;
}

nb::ndarray<nb::numpy, std::uint32_t> fingerprints(const Ids& ids) {
  std::vector<std::uint32_t> found(ids.size());
  streams::fingerprints(span(ids), found);
  return as_numpy(std::move(found), {ids.size()});
}

auto look_up(const Ids& ids, const Array<std::uint32_t>& fingerprints, const Array<std::uint8_t>& eighths,
             const Array<std::uint32_t>& starts, float missing) {
  if (eighths.size() != fingerprints.size() || starts.size() < 2) throw bh::InvalidInput("a table has three columns");
  std::vector<float> values(ids.size());
  std::vector<std::uint8_t> known(ids.size());
  {
    const Unlocked unlocked(values.size());
    streams::look_up(span(ids), {span(fingerprints), span(eighths), span(starts)}, missing, values, known);
  }
  return std::tuple(as_numpy(std::move(values), {ids.size()}), as_numpy(std::move(known), {ids.size()}));
}

// Of nulls too, which are no arrivals: never.
nb::ndarray<nb::numpy, std::uint32_t> next_gaps(const AskedKeys& keys) {
  std::vector<std::uint32_t> gaps(keys.held().size(), std::numeric_limits<std::uint32_t>::max());
  {
    const Unlocked unlocked(gaps.size());
    std::vector<std::uint32_t> found(keys.ids().size());
    streams::next_gaps(keys.ids(), found);
    for (std::size_t i = 0; i < found.size(); ++i) gaps[keys.rows()[i]] = found[i];
  }
  return as_numpy(std::move(gaps), {keys.held().size()});
}

using Doubles = nb::ndarray<nb::numpy, double>;

void check_length(const Array<double>& array, std::size_t length) {
  if (array.size() != length) throw bh::InvalidInput("an array does not fit the rows");
}

Doubles normal(const streams::SparseRows& rows, const Array<double>& weights, const Array<double>& v) {
  check_length(weights, rows.rows());
  check_length(v, rows.columns());
  std::vector<double> out(rows.columns());
  {
    const Unlocked unlocked(rows.rows());
    rows.normal(span(weights), span(v), out);
  }
  return as_numpy(std::move(out), {rows.columns()});
}

Doubles transposed(const streams::SparseRows& rows, const Array<double>& y) {
  check_length(y, rows.rows());
  std::vector<double> out(rows.columns());
  {
    const Unlocked unlocked(rows.rows());
    rows.transposed(span(y), out);
  }
  return as_numpy(std::move(out), {rows.columns()});
}

nb::bytes write_model(std::uint8_t kind, std::uint8_t key_kind, std::uint64_t horizon, double seconds,
                      const nb::bytes& content) {
  const bh::Bytes given = bytes_of(content);
  const std::vector<std::byte> bytes =
      streams::Model{streams::Kind{kind}, key_kind, horizon, seconds, {given.begin(), given.end()}}.to_bytes();
  return nb::bytes(bytes.data(), bytes.size());
}

auto read_model(const nb::bytes& data) {
  const streams::Model model = streams::Model::from_bytes(bytes_of(data));
  return std::tuple(static_cast<int>(model.kind), model.key_kind, model.horizon, model.seconds,
                    nb::bytes(model.content.data(), model.content.size()));
}

}  // namespace

void bind_predict(nb::module_& m) {
  nb::class_<AskedKeys>(m, "AskedKeys")
      .def(nb::init<nb::handle>(), "keys"_a.none())
      .def(
          "select", [](const AskedKeys& self, const Places& places) { return AskedKeys(self, places); },
          "places"_a.noconvert())
      .def("take", [](const AskedKeys& self) { return self.held().take(self.rows()); })
      .def_prop_ro("kind", [](const AskedKeys& self) { return static_cast<int>(self.held().kind()); })
      .def_prop_ro("scalar", [](const AskedKeys& self) { return self.held().scalar(); })
      .def_prop_ro("size", [](const AskedKeys& self) { return self.held().size(); })
      .def("__len__", [](const AskedKeys& self) { return self.ids().size(); })
      .def_prop_ro(
          "ids", [](const AskedKeys& self) { return as_numpy(std::vector(self.ids()), {self.ids().size()}); },
          nb::rv_policy::automatic)
      .def_prop_ro(
          "rows", [](const AskedKeys& self) { return as_numpy(std::vector(self.rows()), {self.rows().size()}); },
          nb::rv_policy::automatic);
  nb::class_<streams::SparseRows>(m, "SparseRows")
      .def("normal", &normal, "weights"_a.noconvert(), "v"_a.noconvert())
      .def("transposed", &transposed, "y"_a.noconvert());
  m.def("predict_key_bits", &predict_key_bits, "ids"_a.noconvert(), "lengths"_a, "weights"_a.noconvert(), "bias"_a);
  m.def("key_bits_rows", &key_bits_rows, "ids"_a.noconvert(), "lengths"_a, "buckets"_a);
  m.def("predict_char_ngrams", &predict_char_ngrams, "keys"_a, "shortest"_a, "longest"_a, "weights"_a.noconvert(),
        "dense"_a.noconvert(), "bias"_a);
  m.def("char_ngrams_rows", &char_ngrams_rows, "keys"_a, "shortest"_a, "longest"_a, "buckets"_a);
  m.def("fingerprints", &fingerprints, "ids"_a.noconvert());
  m.def("look_up", &look_up, "ids"_a.noconvert(), "fingerprints"_a.noconvert(), "eighths"_a.noconvert(),
        "starts"_a.noconvert(), "missing"_a);
  m.def("next_gaps", &next_gaps, "keys"_a.none());
  m.def("write_model", &write_model, "kind"_a, "key_kind"_a, "horizon"_a, "seconds"_a, "content"_a);
  m.def("read_model", &read_model, "data"_a);
}
