// How kernels see an array: floats, integers, or keys into a table of floats, cut into groups that share a table of
// levels.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "support/storage.h"

namespace bh::quantization {

// What levels are for, and how they are found; in the order in which the bytes of codes number them.
enum class Objective : std::uint8_t { unbiased, mse };
enum class Method : std::uint8_t { uniform, histogram, exact, given, rotation, scaled };

// The values of an array of any accepted type, in C order.
struct Values {
  enum class Kind { float32, float64, key8, key16, int32, int64 };
  Kind kind;
  const void* data;
  const float* lookup;  // what each key stands for: 256 or 65,536 values; null for all others
  std::size_t size;

  bool wide() const { return kind != Kind::float32 && !lookup; }  // needs float64 levels

  // Copies elements [from, from + n) to `to`.
  void read(std::size_t from, std::size_t n, float* to) const;
  void read(std::size_t from, std::size_t n, double* to) const;
};

// Which elements share a table. With an axis the array is seen as outer x groups x inner; with blocks, as rows of
// `inner` elements, each cut into runs of `block`, the last of which may be short.
struct Grouping {
  std::size_t outer, groups, inner, block = 0;

  std::size_t blocks_per_row() const { return (inner + block - 1) / block; }
  std::size_t count() const { return block ? outer * blocks_per_row() : groups; }
  std::size_t largest() const { return block ? std::min(block, inner) : outer * inner; }
  std::size_t size(std::size_t group) const { return block ? length(group) : outer * inner; }
  // Where a group begins once they are laid out one after the other.
  std::size_t start(std::size_t group) const {
    return block ? group / blocks_per_row() * inner + group % blocks_per_row() * block : group * outer * inner;
  }
  // Where element i of a group lies.
  std::size_t offset(std::size_t group, std::size_t i) const {
    return block ? start(group) + i : (i / inner * groups + group) * inner + i % inner;
  }
  std::size_t group_of(std::size_t i) const {
    return block ? i / inner * blocks_per_row() + i % inner / block : i / inner % groups;
  }

  // Cuts [from, from + n) where groups change, and calls part(group, offset, length) for each piece.
  template <typename Part>
  void each_part(std::size_t from, std::size_t n, const Part& part) const {
    const std::size_t last = from + n;
    std::size_t group = group_of(from);
    std::size_t end =
        from + (block ? std::min(block - from % inner % block, inner - from % inner) : inner - from % inner);
    for (;;) {
      part(group, from, std::min(end, last) - from);
      if (end >= last) return;
      from = end;
      group = block || group + 1 < groups ? group + 1 : 0;
      end += block ? length(group) : inner;
    }
  }

  // Calls run(offset, length) for each run of consecutive elements of a group, in C order.
  template <typename Run>
  void each_run(std::size_t group, const Run& run) const {
    if (block) {
      run(group / blocks_per_row() * inner + group % blocks_per_row() * block, length(group));
    } else {
      for (std::size_t i = 0; i < outer; ++i) run((i * groups + group) * inner, inner);
    }
  }

 private:
  std::size_t length(std::size_t group) const { return std::min(block, inner - group % blocks_per_row() * block); }
};

// How rotation cuts a group of `size` values: into chunks of `block`, a power of two of at least 64, the rest into the
// largest powers of two down to 64, and what is left then into one more of 64, filled up with zeros.
struct Chunks {
  std::uint64_t size, block;

  struct Chunk {
    std::uint64_t at, length, used;
  };
  static constexpr std::uint64_t kLeast = 64;

  std::uint64_t padded() const { return size + (kLeast - size % kLeast) % kLeast; }
  std::uint64_t count() const { return size / block + std::popcount(size % block / kLeast) + (size % kLeast != 0); }
  Chunk operator[](std::uint64_t i) const {
    const std::uint64_t whole = size / block;
    if (i < whole) return {i * block, block, block};
    std::uint64_t at = whole * block;
    for (i -= whole; i > 0 && size - at >= kLeast; --i) at += std::bit_floor(size - at);
    const std::uint64_t length = std::max(kLeast, std::bit_floor(size - at));
    return {at, length, std::min(length, size - at)};
  }
};

// The values of one group, side by side in `scratch`.
template <typename T>
std::span<const T> gather(const Values& values, const Grouping& grouping, std::size_t group, Storage<T>& scratch);
// Those of one with a double for each element: where they are, if they lie side by side there.
std::span<const double> gather(std::span<const double> x, const Grouping& grouping, std::size_t group,
                               Storage<double>& scratch);

// The values of one group, for kernels that need but a stretch of them at a time: where they are, if they lie side by
// side as T there, else as copies. What is where it was may change while it is read (see support/shared.h).
template <typename T>
class Stretches {
 public:
  Stretches() = default;
  Stretches(const Values& values, const Grouping& grouping, std::size_t group);
  Stretches(std::span<const T> whole) : size_(whole.size()), whole_(whole) {}

  std::size_t size() const { return size_; }
  T operator[](std::size_t i) const;

  // Calls take(first, stretch) for one stretch after the other; `first` counts the values before it.
  template <typename Take>
  void each(const Take& take) const {
    if (size_ == 0) return;
    if (!whole_.empty()) return take(std::size_t{0}, whole_);
    Storage<T> copy(std::min(size_, kMost));
    for (std::size_t first = 0; first < size_; first += kMost) {
      const std::size_t n = std::min(kMost, size_ - first);
      read(first, n, copy.data());
      take(first, std::span<const T>(copy.data(), n));
    }
  }

 private:
  static constexpr std::size_t kMost = 1 << 16;

  void read(std::size_t first, std::size_t n, T* to) const;

  std::size_t size_ = 0;
  std::span<const T> whole_;  // empty where each stretch is copied
  Values values_{};
  Grouping grouping_{};
  std::size_t group_ = 0;
};

template <typename T>
struct Range {
  T low, high;
  bool finite;
};
Range<float> range(std::span<const float> x);
Range<double> range(std::span<const double> x);
template <typename T>
Range<T> range(const Stretches<T>& x);

// Throws InvalidInput that counts the values that are NaN or infinite, and names the first.
[[noreturn]] void refuse_non_finite(const Values& values);
// Throws InvalidInput where what was to be refused is there no more.
[[noreturn]] void refuse_changing();

}  // namespace bh::quantization
