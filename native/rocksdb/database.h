// A database of RocksDB whose scans use range filters, as Python holds it. All of it may be called from many threads.
#pragma once
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rocksdb/range_filter.h"

namespace bh::rocksdb {

using OptionStrings = std::unordered_map<std::string, std::string>;

struct FamilySettings {
  std::string name;
  std::optional<ranges::Policy> policy;  // none: no filters
  std::shared_ptr<ranges::QueryRecorder> recorder;
  ranges::Space space = ranges::Space::extended;
};

struct DatabaseSettings {
  std::vector<FamilySettings> families;  // all that the database has, and those to create
  OptionStrings options, table_options;  // as RocksDB's own parser reads them
  bool create_if_missing = true;
  std::uint64_t cache_bytes = 0;
};

// Of the scans since a database was opened.
struct ScanTotals {
  std::atomic<std::uint64_t> scans{0}, empty{0}, checked{0}, skipped{0}, without_filter{0};
  // Of scans that returned nothing: files whose filters were asked, and those that passed.
  std::atomic<std::uint64_t> empty_asked{0}, empty_passed{0};

  void add(const ScanCounts& counts, bool returned_nothing);
};

// Of the files of a family as they are now.
struct LiveFilters {
  std::uint64_t files = 0, filters = 0, keys = 0, bytes = 0, readers_bytes = 0, expecting = 0;
  double expected_sum = 0;
};

struct Family {
  std::unique_ptr<::rocksdb::ColumnFamilyHandle> handle;
  std::shared_ptr<RangeFilterFactory> filters;  // none without a policy
  std::shared_ptr<ranges::QueryRecorder> recorder;
  ScanTotals totals;
};

// All keys between two bounds, also where a prefix extractor would let iterators pass over some.
inline ::rocksdb::ReadOptions in_order() {
  ::rocksdb::ReadOptions options;
  options.total_order_seek = true;
  return options;
}

struct ScanRequest {
  std::optional<std::string> lo, hi;  // lo <= key < hi
  bool reverse = false, keys_only = false, use_filter = true;
  std::uint64_t limit = ~std::uint64_t{0};
};

// put, delete, single_delete or delete_range; the value is then the end of the range.
struct Change {
  std::string_view operation;
  const std::string& family;
  std::string_view key, value;
};

class Rows;

class Database : public std::enable_shared_from_this<Database> {
 public:
  // Names of the families of the database at this path; none if there is no database.
  static std::vector<std::string> families(const std::string& path);

  // Throws InvalidInput for options that RocksDB does not take or filters cannot serve, else StorageError.
  Database(const std::string& path, const DatabaseSettings& settings);
  ~Database() { close(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Also ends all scans. What is called afterwards throws Closed.
  void close();

  std::vector<std::string> names() const;
  // All of them or none.
  void write(std::span<const Change> changes, bool sync, bool wal);
  std::optional<std::string> get(const std::string& family, std::string_view key);
  std::unique_ptr<Rows> scan(const std::string& family, ScanRequest request);
  // Rows with lo[i] <= key < hi[i], for each i.
  void count(const std::string& family, std::span<const std::string_view> lo, std::span<const std::string_view> hi,
             bool use_filter, std::span<std::uint32_t> rows);
  void flush(const std::string& family);
  void compact(const std::string& family, const std::optional<std::string>& lo, const std::optional<std::string>& hi);
  // Rows in ascending order, to a file that ingest() takes, with the filter of this family.
  void write_sst(const std::string& family, const std::string& path,
                 std::span<const std::pair<std::string_view, std::string_view>> rows);
  void ingest(const std::string& family, const std::vector<std::string>& paths);

  const Family& find(const std::string& family) const;
  // Whether files are being written anew, or are about to be.
  bool compacting(const std::string& family);
  LiveFilters live(const std::string& family);
  const FilterCache& cache() const { return cache_; }

 private:
  friend class Rows;

  void open(const std::string& path, const DatabaseSettings& settings);
  Family& find(const std::string& family);
  std::shared_lock<std::shared_mutex> in_use() const;  // keeps it open; throws Closed

  FilterCache cache_;
  mutable std::shared_mutex use_;
  std::unique_ptr<::rocksdb::DB> db_;
  std::map<std::string, Family> families_;
  std::mutex rows_mutex_;
  std::set<Rows*> rows_;
};

// The rows of a scan, read in batches that grow, so that a scan which is broken off reads little in vain.
class Rows {
 public:
  using Row = std::pair<std::string, std::string>;

  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // The next rows; none at the end.
  std::vector<Row> next();

 private:
  friend class Database;

  Rows(std::shared_ptr<Database> database, Family& family, ScanRequest request);
  void finish(bool exhausted);

  std::shared_ptr<Database> database_;
  Family& family_;
  const ScanRequest request_;
  ::rocksdb::Slice lower_, upper_;
  std::optional<Scan> scan_;
  std::mutex mutex_;
  std::unique_ptr<::rocksdb::Iterator> iterator_;  // none once the scan has ended
  std::uint64_t returned_ = 0;
  std::size_t batch_ = 4;
};

}  // namespace bh::rocksdb
