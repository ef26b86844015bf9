#include <algorithm>
#include <utility>

#include "rocksdb/database.h"
#include "rocksdb/statuses.h"

namespace bh::rocksdb {

// Only a forward scan with an upper bound is one that filters can judge.
Rows::Rows(std::shared_ptr<Database> database, Family& family, ScanRequest request)
    : database_(std::move(database)),
      family_(family),
      request_(std::move(request)),
      lower_(request_.lo ? slice(*request_.lo) : ::rocksdb::Slice()),
      upper_(request_.hi ? slice(*request_.hi) : ::rocksdb::Slice()) {
  const bool bounded = request_.hi && !request_.reverse;
  ::rocksdb::ReadOptions plain = in_order();
  if (bounded && request_.use_filter && family_.filters) {
    scan_.emplace(database_->cache_, lower_, upper_, family_.recorder.get(), plain);
  } else {
    if (request_.lo) plain.iterate_lower_bound = &lower_;
    if (request_.hi) plain.iterate_upper_bound = &upper_;
    if (bounded && family_.recorder) record(*family_.recorder, lower_, upper_);
  }
  iterator_.reset(database_->db_->NewIterator(scan_ ? scan_->options() : plain, family_.handle.get()));
  if (request_.lo && request_.hi && lower_.compare(upper_) >= 0) return;  // nothing is between, and next() says so
  if (request_.reverse)
    iterator_->SeekToLast();
  else if (request_.lo)
    iterator_->Seek(lower_);
  else
    iterator_->SeekToFirst();
}

Rows::~Rows() {
  const std::shared_lock use(database_->use_);
  finish(false);
  const std::lock_guard guard(database_->rows_mutex_);
  database_->rows_.erase(this);
}

std::vector<Rows::Row> Rows::next() {
  const auto use = database_->in_use();
  const std::lock_guard guard(mutex_);
  std::vector<Row> rows;
  if (!iterator_) return rows;
  const std::uint64_t most = std::min<std::uint64_t>(batch_, request_.limit - returned_);
  constexpr std::size_t kMostBatch = 256, kMostBytes = 1 << 20;
  std::size_t bytes = 0;
  while (rows.size() < most && bytes < kMostBytes && iterator_->Valid()) {
    const auto key = iterator_->key(), value = request_.keys_only ? ::rocksdb::Slice() : iterator_->value();
    rows.emplace_back(key.ToString(), value.ToString());
    bytes += key.size() + value.size();
    if (request_.reverse)
      iterator_->Prev();
    else
      iterator_->Next();
  }
  throw_if(iterator_->status());
  returned_ += rows.size();
  batch_ = std::min(2 * batch_, kMostBatch);
  if (rows.empty() || returned_ == request_.limit) finish(rows.empty() && most > 0);
  return rows;
}

// Counts a scan once, when it ends; one that was broken off before its first row did not find out whether there is any.
void Rows::finish(bool exhausted) {
  if (!iterator_) return;
  iterator_.reset();
  family_.totals.add(scan_ ? scan_->counts() : ScanCounts{}, exhausted && returned_ == 0);
}

}  // namespace bh::rocksdb
