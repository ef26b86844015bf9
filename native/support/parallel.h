// A loop over independent tasks on several threads. Which thread runs which task is not fixed; no result may depend on
// it.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bh {

// Runs task(0) ... task(count - 1) and rethrows the error of the lowest task that failed.
template <typename Task>
void parallel(std::size_t count, std::size_t threads, const Task& task) {
  threads = std::min(threads, count);
  if (threads <= 1) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  std::atomic<std::size_t> next = 0;
  std::size_t failed = count;
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < count;) {
      try {
        task(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) failed = i, error = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < threads; ++t) others.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

// Calls run(first, last) for as many parts of [0, pieces) as there are threads.
template <typename Run>
void share(std::uint64_t pieces, std::size_t threads, const Run& run) {
  if (pieces == 0) return;
  threads = std::clamp<std::uint64_t>(threads, 1, pieces);
  const auto start = [=](std::size_t t) { return pieces / threads * t + std::min<std::uint64_t>(t, pieces % threads); };
  parallel(threads, threads, [&](std::size_t t) { run(start(t), start(t + 1)); });
}

}  // namespace bh
