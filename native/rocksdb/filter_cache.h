// Filters whose bytes lie in the properties of open SST files: checked once, then kept with the directories that make
// them quick to search.
#pragma once
#include <rocksdb/table_properties.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "ranges/any_filter.h"
#include "rocksdb/collector.h"
#include "support/hash.h"

namespace bh::rocksdb {

// The filters that were asked last, in about so many bytes of directories. The packed bits stay in RocksDB's memory:
// they are borrowed from the property of the file's table reader, and a filter serves only calls that come with that
// very property. When RocksDB has opened a file anew, its filter is read anew.
class FilterCache {
 public:
  struct Entry {
    const char* data;
    std::size_t size;
    std::optional<ranges::AnyFilter> filter;  // none if the property cannot be read

    std::size_t cost() const { return sizeof *this + 200 + (filter ? filter->directory_bytes() : 0); }
  };

  explicit FilterCache(std::size_t bytes) : most_(bytes / kShards) {}
  FilterCache(const FilterCache&) = delete;
  FilterCache& operator=(const FilterCache&) = delete;

  // Nothing if the file has no such property.
  std::shared_ptr<const Entry> find(const ::rocksdb::TableProperties& properties) {
    const auto found = properties.user_collected_properties.find(kProperty);
    if (found == properties.user_collected_properties.end()) return nullptr;
    const std::string& property = found->second;
    const File file = file_of(properties, property);
    Shard& shard = shards_[file.hash >> 32 & (kShards - 1)];
    if (auto entry = shard.get(file, property)) {
      hits_.fetch_add(1, std::memory_order_relaxed);
      return entry;
    }
    misses_.fetch_add(1, std::memory_order_relaxed);
    auto entry = std::make_shared<const Entry>(read(property));
    shard.put(file, entry, most_);
    return entry;
  }

  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }

 private:
  static constexpr std::size_t kShards = 16;

  // What RocksDB documents as unique; for files without it what the filter's checksums say.
  struct File {
    std::string_view session;
    std::uint64_t number;
    std::uint64_t hash = mix64(std::hash<std::string_view>()(session) + number);
    bool operator==(const File&) const = default;
  };
  struct Owned {
    std::string session;
    std::uint64_t number, hash;
    operator File() const { return {session, number, hash}; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const File& file) const { return file.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const File& one, const File& other) const { return one == other; }
  };

  // The least recently used leave.
  class Shard {
   public:
    std::shared_ptr<const Entry> get(const File& file, const std::string& property) {
      const std::lock_guard guard(mutex_);
      const auto place = places_.find(file);
      if (place == places_.end()) return nullptr;
      const auto& entry = place->second->second;
      if (entry->data != property.data() || entry->size != property.size()) return nullptr;
      order_.splice(order_.begin(), order_, place->second);
      return entry;
    }
    void put(const File& file, std::shared_ptr<const Entry> entry, std::size_t most) {
      const std::lock_guard guard(mutex_);
      const std::size_t cost = entry->cost();
      if (const auto place = places_.find(file); place != places_.end()) drop(place->second);
      Order newest;  // joins the others when nothing can fail any more
      newest.emplace_front(Owned{std::string(file.session), file.number, file.hash}, std::move(entry));
      places_.emplace(newest.front().first, newest.begin());
      order_.splice(order_.begin(), newest);
      cost_ += cost;
      while (cost_ > most) drop(std::prev(order_.end()));
    }

   private:
    using Order = std::list<std::pair<const Owned, std::shared_ptr<const Entry>>>;

    void drop(Order::iterator oldest) {
      cost_ -= oldest->second->cost();
      places_.erase(places_.find(File(oldest->first)));
      order_.erase(oldest);
    }

    std::mutex mutex_;
    Order order_;
    std::unordered_map<Owned, Order::iterator, Hash, Equal> places_;
    std::size_t cost_ = 0;
  };

  static File file_of(const ::rocksdb::TableProperties& properties, const std::string& property) {
    if (!properties.db_session_id.empty()) return {properties.db_session_id, properties.orig_file_number};
    std::uint64_t checksums = 0;
    if (property.size() >= ranges::kHeaderBytes) std::memcpy(&checksums, property.data() + ranges::kHeaderBytes - 8, 8);
    return {{}, checksums ^ mix64(property.size())};
  }

  static Entry read(const std::string& property) {
    try {
      return {property.data(), property.size(), ranges::AnyFilter::read(std::as_bytes(std::span(property)))};
    } catch (const CorruptData&) {
      return {property.data(), property.size(), std::nullopt};
    }
  }

  const std::size_t most_;  // bytes of a shard
  std::array<Shard, kShards> shards_;
  std::atomic<std::uint64_t> hits_{0}, misses_{0};
};

}  // namespace bh::rocksdb
