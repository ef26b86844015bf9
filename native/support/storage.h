// Vectors for large plain data: memory is not touched before it is written, and large vectors use huge pages, as page
// faults would take longer than the writes.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bh {

template <typename T>
struct StorageAllocator {
  static_assert(std::is_trivially_copyable_v<T>);
  using value_type = T;
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;

  StorageAllocator() = default;
  template <typename U>
  StorageAllocator(const StorageAllocator<U>&) {}

  T* allocate(std::size_t n) {
    if (n > (static_cast<std::size_t>(-1) / 2 - kHugePage) / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = n * sizeof(T);
    const bool huge = bytes >= 2 * kHugePage;
    const std::size_t page = huge ? kHugePage : 64;
    void* memory = std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!memory) throw std::bad_alloc();
#if defined(__linux__)
    if (huge) madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; it may be refused
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { std::free(memory); }

  // Nothing is written where no value is given.
  template <typename U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <typename U, typename... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U{std::forward<Args>(args)...};
  }
  template <typename U>
  bool operator==(const StorageAllocator<U>&) const {
    return true;
  }
};

template <typename T>
using Storage = std::vector<T, StorageAllocator<T>>;

}  // namespace bh
