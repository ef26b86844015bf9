// The filters that are composed of parts, as cores of stored.h: Proteus, and two of its designs as filters of their
// own.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ranges/codes.h"
#include "ranges/format.h"
#include "ranges/proteus.h"
#include "ranges/stored.h"

namespace bh::ranges {

// Throws CorruptData.
Proteus read_proteus(FilterReader& reader);
std::vector<Section> sections_of(const Proteus& filter);
std::uint64_t directory_bits(const Parts& parts);
// What the false-positive rate of no empty range of so many codes exceeds, over the choice of the seed.
double bound_of(const Parts& parts, std::uint64_t count, std::uint64_t code_bits, std::uint64_t length);

template <FilterKind kind>
class Composed {
 public:
  static constexpr FilterKind kKind = kind;

  explicit Composed(Proteus filter) : filter_(std::move(filter)) {}
  static Composed read(FilterReader& reader) { return Composed(read_proteus(reader)); }
  std::vector<Section> sections() const { return sections_of(filter_); }
  std::uint64_t directory_bits() const { return ranges::directory_bits(filter_.parts()); }

  bool may_intersect(std::uint64_t a, std::uint64_t b) const { return filter_.may_intersect(a, b); }
  void may_intersect(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b,
                     std::span<bool> answers) const {
    filter_.may_intersect(a, b, answers);
  }
  double bound(std::uint64_t length) const { return bound_of(filter_.parts(), filter_.count(), kCodeBits, length); }
  const Parts& parts() const { return filter_.parts(); }

 private:
  Proteus filter_;
};

}  // namespace bh::ranges
