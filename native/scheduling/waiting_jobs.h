// The jobs that wait, lowest rank first, ties to the earlier arrival. Jobs of one common rank mostly leave in the order
// of arrival: they stand in a ring, all others in a heap.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "scheduling/heap.h"

namespace bh::scheduling {

class WaitingJobs {
 public:
  explicit WaitingJobs(double common) : common_(common) {}
  bool empty() const { return size_ == 0 && heap_.empty(); }
  const Place& top() const { return ring_leads() ? in_ring(0) : heap_.top(); }

  void push(const Place& place) {
    if (place.rank != common_ || !enter_ring(place)) heap_.push(place);
  }
  Place pop() {
    if (!ring_leads()) return heap_.pop();
    const Place first = in_ring(0);
    ++first_, --size_;
    return first;
  }
  Place replace(const Place& place) {
    if (!ring_leads() && place.rank != common_) return heap_.replace(place);
    const Place first = pop();
    push(place);
    return first;
  }

 private:
  bool ring_leads() const { return size_ > 0 && (heap_.empty() || in_ring(0) < heap_.top()); }
  const Place& in_ring(std::size_t at) const { return ring_[(first_ + at) & mask_]; }

  // At the back, or in front of all after a preemption; false for a place in between.
  bool enter_ring(const Place& place) {
    const bool last = size_ == 0 || in_ring(size_ - 1) < place;
    if (!last && in_ring(0) < place) return false;
    if (size_ > mask_) {
      std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first_ & mask_), ring_.end());
      ring_.resize(2 * size_);
      mask_ = ring_.size() - 1;
      first_ = 0;
    }
    if (!last) --first_;
    ring_[(first_ + (last ? size_ : 0)) & mask_] = place;
    ++size_;
    return true;
  }

  double common_;
  std::vector<Place> ring_ = std::vector<Place>(16);  // a power of two
  std::size_t mask_ = 15, first_ = 0, size_ = 0;
  Heap heap_;
};

}  // namespace bh::scheduling
