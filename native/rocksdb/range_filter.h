// Range filters inside an unmodified RocksDB. All that touches RocksDB is in headers, so it is compiled against yours.
//
//   bh::ranges::Policy policy = bh::ranges::Policy::load("policy.bhrf");  // from `beforehand ranges plan --policy`
//   auto filters = std::make_shared<bh::rocksdb::RangeFilterFactory>(policy);
//   options.table_properties_collector_factories.push_back(filters);      // of the column family
//   bh::rocksdb::FilterCache cache(256 << 20);                            // outlives all scans
//   bh::rocksdb::Scan scan(cache, lo, hi, filters->recorder().get());     // lo <= key < hi; outlives its iterator
//   std::unique_ptr<rocksdb::Iterator> rows(db->NewIterator(scan.options()));
//   for (rows->Seek(lo); rows->Valid(); rows->Next()) ...
#pragma once
#include <memory>
#include <string_view>
#include <utility>

#include "rocksdb/collector.h"
#include "rocksdb/table_filter.h"
#include "support/errors.h"

namespace bh::rocksdb {

// For `table_properties_collector_factories` of one column family, whose keys are ordered as bytes.
class RangeFilterFactory final : public ::rocksdb::TablePropertiesCollectorFactory {
 public:
  // Keys of kind uint64 have 8 big-endian bytes. A recorder that has seen nothing begins with the queries that the
  // policy brings; where there is none it is made. The space is that of Proteus' designs. Throws InvalidInput.
  explicit RangeFilterFactory(ranges::Policy policy, std::shared_ptr<ranges::QueryRecorder> recorder = {},
                              ranges::Space space = ranges::Space::extended)
      : recorder_(recorder ? std::move(recorder) : std::make_shared<ranges::QueryRecorder>()), space_(space) {
    if (policy.keys != ranges::KeyKind::uint64 && policy.keys != ranges::KeyKind::bytes)
      throw InvalidInput("keys of RocksDB are bytes, or uint64 in 8 big-endian bytes; plan for one of the two");
    if (!recorder_->settle(static_cast<std::uint16_t>(policy.keys)))
      throw InvalidInput("the recorder has queries of another kind of keys; take another");
    if (recorder_->seen() == 0) begin_with(policy.sample);
    policy.sample = {};
    policy_ = std::make_shared<const ranges::Policy>(std::move(policy));
  }

  ::rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
    return new Collector(policy_, recorder_, counts_, space_);
  }
  const char* Name() const override { return "beforehand.RangeFilterFactory"; }

  const ranges::Policy& policy() const { return *policy_; }
  const std::shared_ptr<ranges::QueryRecorder>& recorder() const { return recorder_; }
  const BuildCounts& counts() const { return *counts_; }

 private:
  void begin_with(const ranges::PolicySample& sample) {
    for (std::size_t i = 0; i < sample.lo.size(); ++i) recorder_->record(sample.lo[i], sample.hi[i]);
    for (std::size_t i = 0; i < sample.lo_bytes.count(); ++i)
      recorder_->record(view(sample.lo_bytes[i]), view(sample.hi_bytes[i]));
  }
  static std::string_view view(ranges::ByteCode text) {
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  std::shared_ptr<ranges::QueryRecorder> recorder_;
  ranges::Space space_;
  std::shared_ptr<const ranges::Policy> policy_;
  std::shared_ptr<BuildCounts> counts_ = std::make_shared<BuildCounts>();
};

}  // namespace bh::rocksdb
