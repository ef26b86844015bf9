// Rank and select over bits that lie in somebody else's bytes, by a directory of 3 to 15 percent (Jacobson: Space-
// efficient Static Trees and Graphs, FOCS 1989; the two levels of counts as in Vigna: Broadword Implementation of
// Rank/Select Queries, WEA 2008).
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ranges/words.h"
#include "support/simd.h"

namespace bh::ranges {

// Low bit first. Bits from `size` on are zero.
class RankSelect {
 public:
  RankSelect() = default;
  RankSelect(const std::uint8_t* bits, std::uint64_t size) : bits_(bits), size_(size) {
    const std::uint64_t blocks = size / kBlock + 1;
    large_.reserve(blocks / kLarge + 1), small_.reserve(blocks);
    for (std::uint64_t block = 0; block < blocks; ++block) {
      if (block % kLarge == 0) large_.push_back(ones_);
      small_.push_back(static_cast<std::uint16_t>(ones_ - large_.back()));
      const std::uint64_t words = (size + 63) / 64, from = block * kWords;
      for (std::uint64_t w = from; w < std::min(from + kWords, words); ++w)
        ones_ += static_cast<unsigned>(std::popcount(masked_word(w)));
    }
    hints_.reserve(ones_ / kHint + 2);
    for (std::uint64_t block = 0; block < blocks; ++block) {
      const std::uint64_t until = block + 1 < blocks ? before(block + 1) : ones_;
      while (hints_.size() * kHint < until) hints_.push_back(static_cast<std::uint32_t>(block));
    }
    hints_.push_back(static_cast<std::uint32_t>(blocks - 1));
  }

  std::uint64_t size() const { return size_; }
  std::uint64_t ones() const { return ones_; }
  std::size_t directory_bytes() const { return 8 * large_.size() + 2 * small_.size() + 4 * hints_.size(); }
  bool operator[](std::uint64_t i) const { return (bits_[i / 8] >> i % 8 & 1) != 0; }
  std::uint64_t word(std::uint64_t w) const { return load_word(bits_ + 8 * w); }

  // Ones in [0, i], i < size.
  BH_INLINE std::uint64_t rank(std::uint64_t i) const {
    const std::uint64_t block = i / kBlock, last = i / 64;
    std::uint64_t ones = before(block);
    for (std::uint64_t w = block * kWords; w < last; ++w) ones += static_cast<unsigned>(std::popcount(word(w)));
    return ones + static_cast<unsigned>(std::popcount(word(last) << (63 - i % 64)));
  }
  // The place of the k-th one, k from 0, k < ones().
  BH_INLINE std::uint64_t select(std::uint64_t k) const {
    std::uint64_t block = hints_[k / kHint], end = hints_[k / kHint + 1];  // in [block, end]
    while (block < end) {
      const std::uint64_t middle = block + (end - block + 1) / 2;
      if (before(middle) <= k) {
        block = middle;
      } else {
        end = middle - 1;
      }
    }
    std::uint64_t left = k - before(block);
    for (std::uint64_t w = block * kWords;; ++w) {
      const std::uint64_t bits = word(w);
      const auto ones = static_cast<unsigned>(std::popcount(bits));
      if (left < ones) return 64 * w + select_one(bits, static_cast<std::uint32_t>(left));
      left -= ones;
    }
  }
  // The first one at or after i, or size() if there is none.
  BH_INLINE std::uint64_t next_one(std::uint64_t i) const {
    if (i >= size_) return size_;
    std::uint64_t w = i / 64, bits = word(w) >> i % 64 << i % 64;
    for (; bits == 0; bits = word(w))
      if (64 * ++w >= size_) return size_;
    return std::min(size_, 64 * w + static_cast<unsigned>(std::countr_zero(bits)));
  }

 private:
  static constexpr std::uint64_t kBlock = 512, kWords = kBlock / 64, kLarge = 8, kHint = 256;

  // What follows the array is not ours to count.
  std::uint64_t masked_word(std::uint64_t w) const {
    const std::uint64_t left = size_ - 64 * w;
    return left >= 64 ? word(w) : word(w) & ((std::uint64_t{1} << left) - 1);
  }
  std::uint64_t before(std::uint64_t block) const { return large_[block / kLarge] + small_[block]; }

  const std::uint8_t* bits_ = nullptr;
  std::uint64_t size_ = 0, ones_ = 0;
  std::vector<std::uint64_t> large_;  // ones before every 4096th bit
  std::vector<std::uint16_t> small_;  // since then, before every 512th
  std::vector<std::uint32_t> hints_;  // in which block of 512 every 256th one lies
};

}  // namespace bh::ranges
