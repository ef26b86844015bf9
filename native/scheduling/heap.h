// A heap with four children a node: lowest rank first, ties to the earlier arrival.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bh::scheduling {

struct Place {
  double rank;
  std::uint64_t sequence;
  std::uint32_t job;
};

inline bool operator<(const Place& a, const Place& b) {
  return a.rank < b.rank || (a.rank == b.rank && a.sequence < b.sequence);
}

class Heap {
 public:
  bool empty() const { return places_.empty(); }
  const Place& top() const { return places_.front(); }

  void push(const Place& place) {
    places_.push_back(place);
    std::size_t at = places_.size() - 1;
    for (std::size_t parent; at > 0 && place < places_[parent = (at - 1) / 4]; at = parent)
      places_[at] = places_[parent];
    places_[at] = place;
  }
  Place pop() {
    const Place first = places_.front(), last = places_.back();
    places_.pop_back();
    if (!places_.empty()) sink(last);
    return first;
  }
  Place replace(const Place& place) {
    const Place first = places_.front();
    sink(place);
    return first;
  }

 private:
  void sink(const Place& place) {
    std::size_t at = 0;
    for (std::size_t child; (child = 4 * at + 1) < places_.size(); at = child) {
      const std::size_t end = std::min(child + 4, places_.size());
      for (std::size_t other = child + 1; other < end; ++other)
        if (places_[other] < places_[child]) child = other;
      if (!(places_[child] < place)) break;
      places_[at] = places_[child];
    }
    places_[at] = place;
  }

  std::vector<Place> places_;
};

}  // namespace bh::scheduling
