// The self-designing range filter over codes of 64 bits (Knorr et al.: Proteus, SIGMOD 2022): an exact set of prefixes
// says at once where nothing near is stored, and an approximate set of longer ones is asked for the rest of the range.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "ranges/parts.h"

namespace bh::ranges {

class Proteus {
 public:
  // Sorted distinct codes. Only with `bounded` does it keep the least and the greatest one, which sets of Elias-Fano
  // need, and by which alone most ranges far from the keys are told. The budget covers the overhead of design.h. Throws
  // InvalidInput for a design that is none, or does not fit.
  static Proteus build(std::span<const std::uint64_t> codes, const Design& design, std::uint64_t budget_bits,
                       std::uint64_t seed, bool bounded = true);
  struct Bounds {
    std::uint64_t least, greatest;
  };
  // What a build has made, and bytes have brought back; count 0: it holds nothing, whatever the parts.
  Proteus(Parts parts, std::uint64_t count, std::optional<Bounds> bounds);

  // Whether a code may lie from a to b >= a. Never false if one does.
  bool may_intersect(std::uint64_t a, std::uint64_t b) const;
  void may_intersect(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b, std::span<bool> answers) const;

  std::uint64_t count() const { return count_; }
  const std::optional<Bounds>& bounds() const { return bounds_; }
  const Parts& parts() const { return parts_; }

 private:
  BH_INLINE bool by_bounds(std::uint64_t a, std::uint64_t b, bool& answer) const;

  Parts parts_;
  std::uint64_t count_;
  std::optional<Bounds> bounds_;
  bool bounded_;
  Bounds between_;  // all codes where there are no bounds, and none where there are no keys
};

}  // namespace bh::ranges
