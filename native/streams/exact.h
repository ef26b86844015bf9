// How often each id came, exactly: what summaries are judged by. 32 bytes or more for each distinct id.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bh::streams {

class ExactCounts {
 public:
  struct Entry {
    std::uint64_t id, count, first;  // `first` is the place of its first arrival among all that were counted
  };

  // Ids and weights, which are empty (all 1) or as many, must not change meanwhile.
  // Throws CapacityExceeded before any change if the total would pass 2^63 - 1, or at the 2^32nd distinct id.
  void update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights);

  std::uint64_t count(std::uint64_t id) const;
  std::span<const Entry> entries() const { return entries_; }  // in the order in which they came first
  std::uint64_t total() const { return total_; }

  // For each id its count right after its arrival, among the last `window` arrivals, this one included.
  static std::vector<std::uint64_t> running(std::span<const std::uint64_t> ids, std::uint64_t window);

 private:
  // Where in the index the entry of this id is or would be.
  std::size_t place(std::uint64_t id) const;
  Entry& entry(std::uint64_t id);  // a new one of count 0 if it has none
  void grow();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> index_ = std::vector<std::uint32_t>(64);  // entry + 1, or 0; at most half is used
  std::uint64_t total_ = 0, arrivals_ = 0;
};

}  // namespace bh::streams
