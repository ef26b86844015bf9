// The write side: a filter for each SST file that a flush, a compaction or an SstFileWriter makes, as a property of it.
#pragma once
#include <rocksdb/table_properties.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ranges/build_filter.h"
#include "ranges/keys.h"
#include "ranges/recorder.h"
#include "rocksdb/bounds.h"

namespace bh::rocksdb {

// A string, as RocksDB looks properties up by one: a scan then makes none for each file.
inline const std::string kProperty = "beforehand.ranges.v1";

// Of all files that a factory's collectors saw.
struct BuildCounts {
  std::atomic<std::uint64_t> filters{0}, keys{0}, bytes{0}, nanoseconds{0};
  std::atomic<std::uint64_t> failures{0};      // no filter, for want of memory or by an error
  std::atomic<std::uint64_t> unfilterable{0};  // no filter, as keys were not what the policy says, or too many
};

// What a recorder holds, as a model takes it.
inline ranges::PolicySample sample_of(const ranges::QueryRecorder& recorder, bool textual) {
  ranges::PolicySample sample;
  if (textual) {
    const auto push = [](ranges::ByteRows& rows, const std::string& text) {
      rows.push_back({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    };
    for (const auto& query : recorder.strings()) {
      push(sample.lo_bytes, query.lo);
      push(sample.hi_bytes, query.hi);
    }
  } else {
    for (const auto& query : recorder.codes()) {
      sample.lo.push_back(query.lo);
      sample.hi.push_back(query.hi);
    }
  }
  return sample;
}

// Nothing may be thrown through RocksDB: whatever fails here costs the file its filter, and is counted.
class Collector final : public ::rocksdb::TablePropertiesCollector {
 public:
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // of keys, while a file is written

  Collector(std::shared_ptr<const ranges::Policy> policy, std::shared_ptr<const ranges::QueryRecorder> recorder,
            std::shared_ptr<BuildCounts> counts, ranges::Space space)
      : policy_(std::move(policy)), recorder_(std::move(recorder)), counts_(std::move(counts)), space_(space) {}

  // Every entry but range deletions, tombstones too: a file that is skipped must hold nothing that hides a row.
  ::rocksdb::Status AddUserKey(const ::rocksdb::Slice& key, const ::rocksdb::Slice&, ::rocksdb::EntryType type,
                               ::rocksdb::SequenceNumber, std::uint64_t) override {
    if (type == ::rocksdb::kEntryRangeDeletion || state_ != State::collecting) return ::rocksdb::Status::OK();
    try {
      if (!add(key)) give_up(State::unfilterable);
    } catch (...) {
      give_up(State::failed);
    }
    return ::rocksdb::Status::OK();
  }

  // RocksDB calls it twice.
  ::rocksdb::Status Finish(::rocksdb::UserCollectedProperties* properties) override {
    if (state_ == State::collecting) {
      try {
        build();
        state_ = State::built;
      } catch (...) {
        give_up(State::failed);
      }
    }
    if (!counted_) count();
    if (state_ == State::built) {
      try {
        (*properties)[kProperty] = filter_;
      } catch (...) {
      }
    }
    return ::rocksdb::Status::OK();
  }

  ::rocksdb::UserCollectedProperties GetReadableProperties() const override { return {}; }
  const char* Name() const override { return "beforehand.RangeFilterCollector"; }

 private:
  enum class State { collecting, built, failed, unfilterable };

  bool add(const ::rocksdb::Slice& key) {
    if (!ranges::is_textual(policy_->keys)) {
      if (key.size() != 8 || 8 * codes_.size() >= kMostBytes) return false;
      const std::uint64_t code = big_endian(key.data());
      if (codes_.empty() || codes_.back() != code) codes_.push_back(code);
      return true;
    }
    const std::size_t cut = std::min(key.size(), ranges::kLongestKey), before = offsets_.back();
    const ranges::ByteCode code = ranges::stripped(code_of(key, cut));
    longest_ = std::max(longest_, cut);
    if (const std::size_t keys = offsets_.size() - 1; keys > 0) {
      const auto last = text_.begin() + static_cast<std::ptrdiff_t>(offsets_[keys - 1]);
      if (std::equal(last, text_.end(), code.begin(), code.end())) return true;
    }
    if (before + code.size() + 8 * offsets_.size() > kMostBytes) return false;
    text_.insert(text_.end(), code.begin(), code.end());
    offsets_.push_back(before + code.size());
    return true;
  }

  void build() {
    const auto start = std::chrono::steady_clock::now();
    const ranges::PolicySample sample = sample_of(*recorder_, ranges::is_textual(policy_->keys));
    std::vector<std::uint8_t> bytes;
    if (ranges::is_textual(policy_->keys)) {
      const ranges::ByteKeys keys{offsets_, text_.data(), longest_};  // in order, and each once, as codes too
      keys_ = keys.count();
      bytes = ranges::build_filter(*policy_, keys, sample, space_);
    } else {
      keys_ = codes_.size();
      bytes = ranges::build_filter(*policy_, codes_, sample, space_);
    }
    filter_.assign(bytes.begin(), bytes.end());
    free_keys();
    nanoseconds_ = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - start).count());
  }

  void count() noexcept {
    counted_ = true;
    if (state_ == State::failed) ++counts_->failures;
    if (state_ == State::unfilterable) ++counts_->unfilterable;
    if (state_ != State::built) return;
    ++counts_->filters;
    counts_->keys += keys_;
    counts_->bytes += filter_.size();
    counts_->nanoseconds += nanoseconds_;
  }

  void give_up(State why) noexcept {
    state_ = why;
    free_keys();
  }
  void free_keys() noexcept {
    std::vector<std::uint64_t>().swap(codes_);
    std::vector<std::uint64_t>().swap(offsets_);
    std::vector<std::uint8_t>().swap(text_);
  }

  const std::shared_ptr<const ranges::Policy> policy_;
  const std::shared_ptr<const ranges::QueryRecorder> recorder_;
  const std::shared_ptr<BuildCounts> counts_;
  const ranges::Space space_;
  State state_ = State::collecting;
  bool counted_ = false;
  std::vector<std::uint64_t> codes_;          // of keys of 8 bytes
  std::vector<std::uint64_t> offsets_ = {0};  // or of any bytes, one after the other
  std::vector<std::uint8_t> text_;
  std::size_t longest_ = 1;
  std::uint64_t keys_ = 0, nanoseconds_ = 0;
  std::string filter_;
};

}  // namespace bh::rocksdb
