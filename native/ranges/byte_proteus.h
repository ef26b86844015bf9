// The filter of proteus.h over keys of bytes. All that a bounded range and the keys begin with in common is passed
// over: then the parts are those of the 64 bits behind it, if the design's prefixes end there. Longer exact prefixes
// are kept in a trie, and longer approximate ones as hashes, blocks of them side by side.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ranges/keys.h"
#include "ranges/parts.h"

namespace bh::ranges {

class ByteProteus {
 public:
  struct Bounds {
    std::vector<std::uint8_t> least, greatest;
  };

  // Keys are distinct. As Proteus::build.
  static ByteProteus build(const ByteKeys& keys, const Design& design, std::uint64_t budget_bits, std::uint64_t seed,
                           bool bounded = true);
  ByteProteus(Parts parts, std::uint64_t count, std::size_t width, std::uint64_t seed, std::optional<Bounds> bounds);

  // Whether a code may lie from a to b >= a, both at most as long as the width.
  bool may_intersect(ByteCode a, ByteCode b) const;
  void may_intersect(const ByteKeys& a, const ByteKeys& b, std::span<bool> answers) const;

  std::uint64_t count() const { return count_; }
  std::size_t width() const { return width_; }
  const std::optional<Bounds>& bounds() const { return bounds_; }
  const Parts& parts() const { return parts_; }
  std::uint32_t skipped() const { return skipped_; }  // bits in common, which Parts counts prefixes from

  static std::uint32_t skipped(const std::optional<Bounds>& bounds, std::size_t width);

 private:
  std::optional<bool> by_bounds(ByteCode a, ByteCode b) const;
  bool in_window() const;  // whether the parts are those of build_parts
  bool ask_parts(ByteCode a, ByteCode b) const;
  Ends meet_exact(ByteCode a, ByteCode b) const;
  bool any(ByteCode a, ByteCode b, std::uint64_t prefixes) const;

  Parts parts_;
  std::uint64_t count_;
  std::size_t width_;
  std::uint64_t seed_;
  std::optional<Bounds> bounds_;
  std::uint32_t skipped_;
  std::uint64_t least_;  // the window of the least key
};

}  // namespace bh::ranges
