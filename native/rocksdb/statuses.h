// What RocksDB says, as this library's errors.
#pragma once
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string_view>

#include "support/errors.h"

namespace bh::rocksdb {

inline void throw_if(const ::rocksdb::Status& status) {
  if (!status.ok()) throw StorageError(status.ToString());
}

inline ::rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace bh::rocksdb
