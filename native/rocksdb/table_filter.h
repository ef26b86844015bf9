// The read side: a scan skips SST files whose filters say that nothing of theirs lies in its range.
#pragma once
#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/table_properties.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ranges/recorder.h"
#include "rocksdb/bounds.h"
#include "rocksdb/filter_cache.h"

namespace bh::rocksdb {

// What a scan asked and heard. A file counts each time that the iterator comes to it.
struct ScanCounts {
  std::uint64_t checked = 0, skipped = 0, without_filter = 0;
};

// lo <= key < hi, forward: what NewIterator is given, which must outlive the iterator. Seek to lo, and nowhere else:
// for another range make another scan, as RocksDB judges some files when it makes the iterator.
class Scan {
 public:
  // Copies the bounds, and shows the range to the recorder if there is one.
  Scan(FilterCache& cache, const ::rocksdb::Slice& lo, const ::rocksdb::Slice& hi,
       ranges::QueryRecorder* recorder = nullptr, ::rocksdb::ReadOptions base = {})
      : cache_(&cache),
        lo_(lo.data(), lo.size()),
        hi_(hi.data(), hi.size()),
        lower_(lo_),
        upper_(hi_),
        empty_(lower_.compare(upper_) >= 0),
        codes_(code_range(lower_, upper_)),
        options_(std::move(base)) {
    if (recorder) record(*recorder, lower_, upper_);
    options_.iterate_upper_bound = &upper_;  // without it an iterator walks on through further files
    predicate_ = [this](const ::rocksdb::TableProperties& properties) { return may_hold(properties); };
    set(options_, predicate_);
  }
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  const ::rocksdb::ReadOptions& options() const { return options_; }
  const ScanCounts& counts() const { return counts_; }

 private:
  template <typename Options, typename Predicate>
  static void set(Options& options, const Predicate& predicate) {
    if constexpr (std::is_pointer_v<decltype(options.table_filter)>)  // since RocksDB 11.9
      options.table_filter = &predicate;
    else
      options.table_filter = predicate;
  }
  // A file whose filter is missing, or cannot be read, may hold anything.
  bool may_hold(const ::rocksdb::TableProperties& properties) {
    ++counts_.checked;
    try {
      const auto entry = cache_->find(properties);
      if (entry && entry->filter && !asks_otherwise(entry->filter->header().keys)) {
        const bool found = !empty_ && intersects(*entry->filter);
        counts_.skipped += !found;
        return found;
      }
    } catch (...) {  // for want of memory
    }
    ++counts_.without_filter;
    return true;
  }
  static bool asks_otherwise(ranges::KeyKind keys) {
    return keys != ranges::KeyKind::uint64 && keys != ranges::KeyKind::bytes;
  }
  bool intersects(const ranges::AnyFilter& filter) {
    if (!filter.textual()) return codes_ && filter.may_intersect(codes_->first, codes_->second);
    return filter.may_intersect(code_of(lower_, filter.width()), last_code(upper_, filter.width(), room_));
  }

  FilterCache* cache_;
  const std::string lo_, hi_;
  const ::rocksdb::Slice lower_, upper_;
  const bool empty_;
  const std::optional<std::pair<std::uint64_t, std::uint64_t>> codes_;
  ::rocksdb::ReadOptions options_;
  std::function<bool(const ::rocksdb::TableProperties&)> predicate_;
  ScanCounts counts_;
  std::vector<std::uint8_t> room_;
};

}  // namespace bh::rocksdb
