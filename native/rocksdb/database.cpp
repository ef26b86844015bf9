#include "rocksdb/database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "rocksdb/statuses.h"

namespace bh::rocksdb {
namespace {

// Options by their names: RocksDB keeps those of databases and those of column families apart.
void set_options(const OptionStrings& strings, ::rocksdb::DBOptions& db, ::rocksdb::ColumnFamilyOptions& family) {
  const ::rocksdb::ConfigOptions config;
  for (const auto& [name, value] : strings) {
    ::rocksdb::DBOptions of_db;
    const auto status = ::rocksdb::GetDBOptionsFromMap(config, db, {{name, value}}, &of_db);
    if (status.ok()) {
      db = of_db;
      continue;
    }
    ::rocksdb::ColumnFamilyOptions of_family;
    const auto other = ::rocksdb::GetColumnFamilyOptionsFromMap(config, family, {{name, value}}, &of_family);
    if (!other.ok()) throw InvalidInput("db_options: RocksDB takes no " + name + "=" + value + ": " + other.ToString());
    family = of_family;
  }
}

void check_comparator(const ::rocksdb::ColumnFamilyOptions& options) {
  if (options.comparator != ::rocksdb::BytewiseComparator() || options.comparator->timestamp_size() != 0)
    throw InvalidInput(std::string("the comparator is ") + options.comparator->Name() +
                       ", but range filters need keys in the order of their bytes, without timestamps");
}

}  // namespace

void ScanTotals::add(const ScanCounts& counts, bool returned_nothing) {
  const auto more = [](std::atomic<std::uint64_t>& total, std::uint64_t by) {
    if (by > 0) total.fetch_add(by, std::memory_order_relaxed);
  };
  more(scans, 1);
  more(checked, counts.checked);
  more(skipped, counts.skipped);
  more(without_filter, counts.without_filter);
  if (!returned_nothing) return;
  more(empty, 1);
  const std::uint64_t asked = counts.checked - counts.without_filter;
  more(empty_asked, asked);
  more(empty_passed, asked - counts.skipped);
}

std::vector<std::string> Database::families(const std::string& path) {
  std::vector<std::string> names;
  const auto status = ::rocksdb::DB::ListColumnFamilies({}, path, &names);
  if (status.IsPathNotFound() || status.IsNotFound() || status.IsIOError()) return {};  // open() says what is wrong
  throw_if(status);
  return names;
}

Database::Database(const std::string& path, const DatabaseSettings& settings) : cache_(settings.cache_bytes) {
  open(path, settings);
}

void Database::open(const std::string& path, const DatabaseSettings& settings) {
  ::rocksdb::DBOptions options;
  ::rocksdb::ColumnFamilyOptions of_family;
  options.create_if_missing = settings.create_if_missing;
  options.create_missing_column_families = true;
  set_options(settings.options, options, of_family);
  check_comparator(of_family);
  const auto* const base = of_family.table_factory->GetOptions<::rocksdb::BlockBasedTableOptions>();
  if (base == nullptr)
    throw InvalidInput(std::string("db_options ask for a ") + of_family.table_factory->Name() +
                       ", but filters need block-based tables; leave it out");
  ::rocksdb::BlockBasedTableOptions table;
  const auto status = ::rocksdb::GetBlockBasedTableOptionsFromMap({}, *base, settings.table_options, &table);
  if (!status.ok()) throw InvalidInput("table_options: " + status.ToString());
  of_family.table_factory.reset(::rocksdb::NewBlockBasedTableFactory(table));

  std::vector<::rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const FamilySettings& each : settings.families) {
    Family& family = families_[each.name];
    ::rocksdb::ColumnFamilyOptions its = of_family;
    family.recorder = each.recorder;
    if (each.policy) {
      family.filters = std::make_shared<RangeFilterFactory>(*each.policy, each.recorder, each.space);
      its.table_properties_collector_factories.push_back(family.filters);
    }
    descriptors.emplace_back(each.name, its);
  }
  std::vector<::rocksdb::ColumnFamilyHandle*> handles;
  ::rocksdb::DB* db = nullptr;
  throw_if(::rocksdb::DB::Open(options, path, descriptors, &handles, &db));
  db_.reset(db);
  for (std::size_t i = 0; i < handles.size(); ++i) families_[settings.families[i].name].handle.reset(handles[i]);
}

void Database::close() {
  const std::unique_lock guard(use_);
  {
    const std::lock_guard rows_guard(rows_mutex_);
    for (Rows* rows : rows_) rows->iterator_.reset();
  }
  for (auto& [name, family] : families_) family.handle.reset();
  db_.reset();
}

std::shared_lock<std::shared_mutex> Database::in_use() const {
  std::shared_lock guard(use_);
  if (!db_) throw Closed("the database is closed; open it again");
  return guard;
}

std::vector<std::string> Database::names() const {
  std::vector<std::string> names;
  for (const auto& [name, family] : families_) names.push_back(name);
  return names;
}

const Family& Database::find(const std::string& family) const {
  const auto found = families_.find(family);
  if (found == families_.end()) {
    std::string names;
    for (const auto& [name, each] : families_) names += (names.empty() ? "" : ", ") + name;
    throw InvalidInput("there is no column family " + family + " among " + names + "; name one of them");
  }
  return found->second;
}
Family& Database::find(const std::string& family) { return const_cast<Family&>(std::as_const(*this).find(family)); }

void Database::write(std::span<const Change> changes, bool sync, bool wal) {
  const auto guard = in_use();
  ::rocksdb::WriteBatch batch;
  for (const auto& [operation, family, key, value] : changes) {
    auto* const handle = find(family).handle.get();
    throw_if(operation == "put"             ? batch.Put(handle, slice(key), slice(value))
             : operation == "delete"        ? batch.Delete(handle, slice(key))
             : operation == "single_delete" ? batch.SingleDelete(handle, slice(key))
                                            : batch.DeleteRange(handle, slice(key), slice(value)));
  }
  ::rocksdb::WriteOptions options;
  options.sync = sync;
  options.disableWAL = !wal;
  throw_if(db_->Write(options, &batch));
}

std::optional<std::string> Database::get(const std::string& family, std::string_view key) {
  const auto guard = in_use();
  std::string value;
  const auto status = db_->Get({}, find(family).handle.get(), slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  throw_if(status);
  return value;
}

std::unique_ptr<Rows> Database::scan(const std::string& family, ScanRequest request) {
  const auto guard = in_use();
  std::unique_ptr<Rows> rows(new Rows(shared_from_this(), find(family), std::move(request)));
  const std::lock_guard rows_guard(rows_mutex_);
  rows_.insert(rows.get());
  return rows;
}

void Database::count(const std::string& family, std::span<const std::string_view> lo,
                     std::span<const std::string_view> hi, bool use_filter, std::span<std::uint32_t> rows) {
  const auto guard = in_use();
  Family& its = find(family);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ::rocksdb::Slice lower = slice(lo[i]), upper = slice(hi[i]);
    std::optional<Scan> scan;
    ::rocksdb::ReadOptions plain = in_order();
    if (use_filter && its.filters) {
      scan.emplace(cache_, lower, upper, its.recorder.get(), plain);
    } else {
      plain.iterate_upper_bound = &upper;
      if (its.recorder) record(*its.recorder, lower, upper);
    }
    rows[i] = 0;
    {
      const std::unique_ptr<::rocksdb::Iterator> each(
          db_->NewIterator(scan ? scan->options() : plain, its.handle.get()));
      if (lower.compare(upper) < 0)
        for (each->Seek(lower); each->Valid(); each->Next()) ++rows[i];
      throw_if(each->status());
    }
    its.totals.add(scan ? scan->counts() : ScanCounts{}, rows[i] == 0);
  }
}

void Database::flush(const std::string& family) {
  const auto guard = in_use();
  throw_if(db_->Flush({}, find(family).handle.get()));
}

void Database::compact(const std::string& family, const std::optional<std::string>& lo,
                       const std::optional<std::string>& hi) {
  const auto guard = in_use();
  ::rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = ::rocksdb::BottommostLevelCompaction::kForce;  // to write all filters anew
  const ::rocksdb::Slice first = lo ? slice(*lo) : ::rocksdb::Slice(), last = hi ? slice(*hi) : ::rocksdb::Slice();
  throw_if(db_->CompactRange(options, find(family).handle.get(), lo ? &first : nullptr, hi ? &last : nullptr));
}

void Database::write_sst(const std::string& family, const std::string& path,
                         std::span<const std::pair<std::string_view, std::string_view>> rows) {
  const auto guard = in_use();
  auto* const handle = find(family).handle.get();
  ::rocksdb::SstFileWriter writer({}, db_->GetOptions(handle), handle);
  throw_if(writer.Open(path));
  for (const auto& [key, value] : rows) throw_if(writer.Put(slice(key), slice(value)));
  throw_if(writer.Finish());
}

void Database::ingest(const std::string& family, const std::vector<std::string>& paths) {
  const auto guard = in_use();
  throw_if(db_->IngestExternalFile(find(family).handle.get(), paths, {}));
}

bool Database::compacting(const std::string& family) {
  const auto guard = in_use();
  std::uint64_t pending = 0, running = 0;
  db_->GetIntProperty(find(family).handle.get(), ::rocksdb::DB::Properties::kCompactionPending, &pending);
  db_->GetIntProperty(::rocksdb::DB::Properties::kNumRunningCompactions, &running);
  return pending + running > 0;
}

LiveFilters Database::live(const std::string& family) {
  const auto guard = in_use();
  auto* const handle = find(family).handle.get();
  ::rocksdb::TablePropertiesCollection tables;
  throw_if(db_->GetPropertiesOfAllTables(handle, &tables));
  LiveFilters live;
  for (const auto& [file, properties] : tables) {
    ++live.files;
    const auto found = properties->user_collected_properties.find(kProperty);
    if (found == properties->user_collected_properties.end()) continue;
    try {
      const ranges::FilterReader reader(std::as_bytes(std::span(found->second)));
      ++live.filters;
      live.keys += reader.header().count;
      live.bytes += found->second.size();
      if (const double expected = reader.header().expected; expected >= 0) {
        ++live.expecting;
        live.expected_sum += expected;
      }
    } catch (const CorruptData&) {
    }
  }
  db_->GetIntProperty(handle, ::rocksdb::DB::Properties::kEstimateTableReadersMem, &live.readers_bytes);
  return live;
}

}  // namespace bh::rocksdb
