// beforehand._rocksdb. It takes objects of beforehand._native and raises its errors, so it binds neither again.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/unordered_map.h>
#include <nanobind/stl/vector.h>
#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/version.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/recorder.h"
#include "rocksdb/database.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::rocksdb::Database, bh::rocksdb::OptionStrings, bh::rocksdb::Rows;

namespace {

using Unlock = nb::call_guard<nb::gil_scoped_release>;
using OptionalBytes = std::optional<nb::bytes>;

std::string_view view(const nb::bytes& text) { return {text.c_str(), text.size()}; }
std::optional<std::string> copied(const OptionalBytes& text) {
  if (!text) return std::nullopt;
  return std::string(view(*text));
}
nb::bytes python(const std::string& text) { return nb::bytes(text.data(), text.size()); }

// Scans that are under way keep it.
struct HeldDatabase {
  std::shared_ptr<Database> it;
};

// Name, number of the filter (0: none), bits per key, number of the key type, a plan's policy, recorder, and whether
// Proteus keeps to the designs of its paper.
using FamilyTuple = std::tuple<std::string, int, double, int, OptionalBytes, HeldRecorder, bool>;

bh::rocksdb::FamilySettings settings_of(const FamilyTuple& family) {
  const auto& [name, filter, bits_per_key, keys, planned, recorder, paper] = family;
  bh::rocksdb::FamilySettings settings{name, std::nullopt, recorder.ring,
                                       paper ? bh::ranges::Space::paper : bh::ranges::Space::extended};
  if (filter == 0) return settings;
  bh::ranges::Policy& policy = settings.policy.emplace();
  if (planned)
    policy = bh::ranges::Policy::read(bytes_of(*planned));
  else if (bh::ranges::FilterKind(filter) == bh::ranges::FilterKind::rosetta)
    policy.max_probes = 4096;
  else if (paper)
    policy.max_probes = std::nullopt;  // it knows no cap
  policy.filter = bh::ranges::FilterKind(filter);
  policy.keys = bh::ranges::KeyKind(keys);
  policy.bits_per_key = bits_per_key;
  return settings;
}

HeldDatabase open(const std::string& path, const std::vector<FamilyTuple>& families, OptionStrings options,
                  OptionStrings table_options, bool create_if_missing, std::uint64_t cache_bytes) {
  bh::rocksdb::DatabaseSettings settings;
  for (const FamilyTuple& family : families) settings.families.push_back(settings_of(family));
  settings.options = std::move(options);
  settings.table_options = std::move(table_options);
  settings.create_if_missing = create_if_missing;
  settings.cache_bytes = cache_bytes;
  const nb::gil_scoped_release unlocked;
  return {std::make_shared<Database>(path, settings)};
}

// Each operation: its name, family, and one or two byte strings.
using Operation = std::tuple<std::string, std::string, nb::bytes, nb::bytes>;

void write_batch(const HeldDatabase& self, const std::vector<Operation>& operations, bool sync, bool wal) {
  std::vector<bh::rocksdb::Change> changes;
  for (const auto& [name, family, key, value] : operations) changes.push_back({name, family, view(key), view(value)});
  const nb::gil_scoped_release unlocked;
  self.it->write(changes, sync, wal);
}

nb::object get(const HeldDatabase& self, const std::string& family, const nb::bytes& key) {
  std::optional<std::string> found;
  {
    const std::string_view text = view(key);
    const nb::gil_scoped_release unlocked;
    found = self.it->get(family, text);
  }
  return found ? nb::object(python(*found)) : nb::none();
}

std::unique_ptr<Rows> scan(const HeldDatabase& self, const std::string& family, const OptionalBytes& lo,
                           const OptionalBytes& hi, bool reverse, bool keys_only, bool use_filter,
                           std::uint64_t limit) {
  bh::rocksdb::ScanRequest request{copied(lo), copied(hi), reverse, keys_only, use_filter, limit};
  const nb::gil_scoped_release unlocked;
  return self.it->scan(family, std::move(request));
}

nb::list next_rows(Rows& self) {
  std::vector<Rows::Row> rows;
  {
    const nb::gil_scoped_release unlocked;
    rows = self.next();
  }
  nb::list found;
  for (const auto& [key, value] : rows) found.append(nb::make_tuple(python(key), python(value)));
  return found;
}

auto count(const HeldDatabase& self, const std::string& family, const std::vector<nb::bytes>& lo,
           const std::vector<nb::bytes>& hi, bool use_filter) {
  if (lo.size() != hi.size()) throw bh::InvalidInput("each range has two ends");
  std::vector<std::string_view> lower(lo.size()), upper(hi.size());
  for (std::size_t i = 0; i < lo.size(); ++i) {
    lower[i] = view(lo[i]);
    upper[i] = view(hi[i]);
  }
  std::vector<std::uint32_t> rows(lo.size());
  {
    const nb::gil_scoped_release unlocked;
    self.it->count(family, lower, upper, use_filter, rows);
  }
  return as_numpy(std::move(rows), {lo.size()});
}

nb::dict statistics(const HeldDatabase& self, const std::string& family) {
  bh::rocksdb::LiveFilters live;
  {
    const nb::gil_scoped_release unlocked;
    live = self.it->live(family);
  }
  const auto& its = std::as_const(*self.it).find(family);
  const auto& totals = its.totals;
  nb::dict found;
  found["scans"] = totals.scans.load();
  found["empty_scans"] = totals.empty.load();
  found["tables_checked"] = totals.checked.load();
  found["tables_skipped"] = totals.skipped.load();
  found["tables_without_filter"] = totals.without_filter.load();
  found["empty_checks"] = totals.empty_asked.load();
  found["false_positives"] = totals.empty_passed.load();
  found["live_tables"] = live.files;
  found["live_filters"] = live.filters;
  found["live_keys"] = live.keys;
  found["filter_bytes"] = live.bytes;
  found["table_readers_bytes"] = live.readers_bytes;
  found["expecting"] = live.expecting;
  found["expected_sum"] = live.expected_sum;
  const bh::rocksdb::BuildCounts none;
  const auto& built = its.filters ? its.filters->counts() : none;
  found["filters_built"] = built.filters.load();
  found["keys_filtered"] = built.keys.load();
  found["build_seconds"] = static_cast<double>(built.nanoseconds.load()) * 1e-9;
  found["build_failures"] = built.failures.load();
  found["unfilterable_files"] = built.unfilterable.load();
  found["cache_hits"] = self.it->cache().hits();
  found["cache_misses"] = self.it->cache().misses();
  return found;
}

// Blocks that the calling thread has read, from the disk or from the system's cache.
std::uint64_t block_reads() {
  ::rocksdb::SetPerfLevel(::rocksdb::PerfLevel::kEnableCount);
  return ::rocksdb::get_perf_context()->block_read_count;
}

}  // namespace

NB_MODULE(_rocksdb, m) {
  nb::module_::import_("beforehand._native");
  nb::class_<Rows>(m, "Rows").def("next", &next_rows);
  nb::class_<HeldDatabase>(m, "Database")
      .def(
          "__init__",
          [](HeldDatabase* self, const std::string& path, const std::vector<FamilyTuple>& families,
             const OptionStrings& options, const OptionStrings& table_options, bool create_if_missing,
             std::uint64_t cache_bytes) {
            new (self) HeldDatabase(open(path, families, options, table_options, create_if_missing, cache_bytes));
          },
          "path"_a, "families"_a, "options"_a, "table_options"_a, "create_if_missing"_a, "cache_bytes"_a)
      .def_static("families", &Database::families, "path"_a, Unlock())
      .def(
          "close", [](const HeldDatabase& self) { self.it->close(); }, Unlock())
      .def("write", &write_batch, "operations"_a, "sync"_a, "wal"_a)
      .def("get", &get, "family"_a, "key"_a)
      .def("scan", &scan, "family"_a, "lo"_a.none(), "hi"_a.none(), "reverse"_a, "keys_only"_a, "use_filter"_a,
           "limit"_a)
      .def("count", &count, "family"_a, "lo"_a, "hi"_a, "use_filter"_a)
      .def(
          "flush", [](const HeldDatabase& self, const std::string& family) { self.it->flush(family); }, "family"_a,
          Unlock())
      .def(
          "compact",
          [](const HeldDatabase& self, const std::string& family, const OptionalBytes& lo, const OptionalBytes& hi) {
            const auto first = copied(lo), last = copied(hi);
            const nb::gil_scoped_release unlocked;
            self.it->compact(family, first, last);
          },
          "family"_a, "lo"_a.none(), "hi"_a.none())
      .def(
          "ingest",
          [](const HeldDatabase& self, const std::string& family, const std::vector<std::string>& paths) {
            self.it->ingest(family, paths);
          },
          "family"_a, "paths"_a, Unlock())
      .def(
          "write_sst",
          [](const HeldDatabase& self, const std::string& family, const std::string& path,
             const std::vector<std::pair<nb::bytes, nb::bytes>>& rows) {
            std::vector<std::pair<std::string_view, std::string_view>> views;
            for (const auto& [key, value] : rows) views.emplace_back(view(key), view(value));
            const nb::gil_scoped_release unlocked;
            self.it->write_sst(family, path, views);
          },
          "family"_a, "path"_a, "rows"_a)
      .def(
          "compacting", [](const HeldDatabase& self, const std::string& family) { return self.it->compacting(family); },
          "family"_a, Unlock())
      .def("names", [](const HeldDatabase& self) { return self.it->names(); })
      .def("statistics", &statistics, "family"_a);
  m.def("block_reads", &block_reads);
  m.attr("VERSION") =
      std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH);
}
