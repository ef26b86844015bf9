#include "rocksdb/database.h"

#include "support/errors.h"

namespace bh::rocksdb {
namespace {

void check(const ::rocksdb::Status& status) {
  if (!status.ok()) throw StorageError(status.ToString());
}

::rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Database::Database(const std::string& path, std::shared_ptr<ranges::QueryRecorder> recorder)
    : recorder_(std::move(recorder)) {
  ::rocksdb::Options options;
  options.create_if_missing = true;
  ::rocksdb::DB* db = nullptr;
  check(::rocksdb::DB::Open(options, path, &db));
  db_.reset(db);
}

Database::~Database() = default;

void Database::close() { db_.reset(); }

::rocksdb::DB& Database::db() {
  if (!db_) throw Closed("the database is closed; open it again");
  return *db_;
}

void Database::put(std::string_view key, std::string_view value) {
  check(db().Put(::rocksdb::WriteOptions(), slice(key), slice(value)));
}

std::uint32_t Database::count(std::string_view lo, std::string_view hi) {
  ::rocksdb::ReadOptions options;
  const ::rocksdb::Slice upper = slice(hi);
  options.iterate_upper_bound = &upper;
  recorder_->record(lo, hi);
  const std::unique_ptr<::rocksdb::Iterator> rows(db().NewIterator(options));
  std::uint32_t found = 0;
  for (rows->Seek(slice(lo)); rows->Valid(); rows->Next()) ++found;
  check(rows->status());
  return found;
}

}  // namespace bh::rocksdb
