// Summaries are mutable and not locked. Each call marks its summary as busy; whoever comes meanwhile, from another
// thread or from a predictor that this very call has asked, is refused instead of racing.
#pragma once
#include <atomic>

#include "support/errors.h"

namespace bh::streams {

class Busy {
 public:
  Busy() = default;
  Busy(const Busy&) {}  // a copy is another summary, and nobody uses it yet
  Busy& operator=(const Busy&) { return *this; }

 private:
  friend class Using;
  std::atomic<bool> taken_{false};
};

// Holds a summary for the length of a call.
class Using {
 public:
  explicit Using(Busy& busy) : taken_(busy.taken_) {
    if (taken_.exchange(true, std::memory_order_acquire))
      throw InvalidInput(
          "another thread is using this summary, or its own predictor calls it; use one per thread and merge");
  }
  ~Using() { taken_.store(false, std::memory_order_release); }
  Using(const Using&) = delete;
  Using& operator=(const Using&) = delete;

 private:
  std::atomic<bool>& taken_;
};

}  // namespace bh::streams
