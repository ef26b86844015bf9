// What a program of yours does: open with filters, put, flush, and scan; one scan hits, the other skips the file.
#include <rocksdb/db.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/range_filter.h"

int main(int, char** arguments) {
  bh::ranges::Policy policy;
  policy.keys = bh::ranges::KeyKind::bytes;
  auto filters = std::make_shared<bh::rocksdb::RangeFilterFactory>(policy);
  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_properties_collector_factories.push_back(filters);
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, arguments[1], &opened).ok()) return 1;
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (int order = 1000; order < 9000; order += 10) db->Put({}, "order " + std::to_string(order), "");
  db->Flush({});
  bh::rocksdb::FilterCache cache(1 << 20);
  for (const auto& [lo, hi] : {std::pair{"order 2000", "order 2001"}, std::pair{"order 2001", "order 2002"}}) {
    const bh::rocksdb::Scan scan(cache, lo, hi, filters->recorder().get());
    const std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(scan.options()));
    rows->Seek(lo);
    std::printf("%s: %s, files skipped: %d\n", lo, rows->Valid() ? rows->key().ToString().c_str() : "nothing",
                static_cast<int>(scan.counts().skipped));
  }
}
