// A database of RocksDB as Python holds it.
#pragma once
#include <rocksdb/db.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ranges/recorder.h"

namespace bh::rocksdb {

class Database {
 public:
  Database(const std::string& path, std::shared_ptr<ranges::QueryRecorder> recorder);
  ~Database();
  void put(std::string_view key, std::string_view value);
  // Rows with lo <= key < hi.
  std::uint32_t count(std::string_view lo, std::string_view hi);
  void close();

 private:
  ::rocksdb::DB& db();

  std::unique_ptr<::rocksdb::DB> db_;
  std::shared_ptr<ranges::QueryRecorder> recorder_;
};

}  // namespace bh::rocksdb
