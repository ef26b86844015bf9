// Lets each key be skipped once a frame: a Bloom filter of two bits for each key (Bloom, CACM 1970), cleared with the
// frame. A false positive counts a key that could have been skipped.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/hash.h"

namespace bh::streams {

class OnceFilter {
 public:
  OnceFilter(std::uint64_t bytes, std::uint64_t seed) : bytes_(bytes), first_(seed, 7), second_(seed, 8) {}

  std::uint64_t bits() const { return 8 * bytes_.size(); }
  bool holds(std::uint64_t id) const { return get(range(first_(id), bits())) && get(range(second_(id), bits())); }
  // Whether the key was not held yet; now it is.
  bool take(std::uint64_t id) {
    const std::uint64_t a = range(first_(id), bits()), b = range(second_(id), bits());
    if (get(a) && get(b)) return false;
    set(a), set(b);
    return true;
  }
  void clear() { std::fill(bytes_.begin(), bytes_.end(), std::uint8_t{0}); }

  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  void assign(std::vector<std::uint8_t> bytes) { bytes_ = std::move(bytes); }

 private:
  bool get(std::uint64_t bit) const { return (bytes_[bit / 8] >> bit % 8 & 1) != 0; }
  void set(std::uint64_t bit) { bytes_[bit / 8] = static_cast<std::uint8_t>(bytes_[bit / 8] | 1u << bit % 8); }

  std::vector<std::uint8_t> bytes_;  // low bit first
  Mix first_, second_;
};

}  // namespace bh::streams
