// The filters that are composed of parts, as cores of stored.h: Proteus, and two of its designs as filters of their
// own.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "ranges/byte_proteus.h"
#include "ranges/format.h"
#include "ranges/proteus.h"
#include "ranges/stored.h"

namespace bh::ranges {

using AnyProteus = std::variant<Proteus, ByteProteus>;

// Throws CorruptData.
AnyProteus read_proteus(FilterReader& reader);
std::vector<Section> sections_of(const AnyProteus& filter);
std::uint64_t directory_bits(const Parts& parts);
// What the false-positive rate of no empty range of so many codes exceeds, over the choice of the seed.
double bound_of(const AnyProteus& filter, std::uint64_t length);

template <FilterKind kind>
class Composed {
 public:
  static constexpr FilterKind kKind = kind;

  explicit Composed(AnyProteus filter) : filter_(std::move(filter)) {}
  static Composed read(FilterReader& reader) { return Composed(read_proteus(reader)); }
  std::vector<Section> sections() const { return sections_of(filter_); }
  std::uint64_t directory_bits() const { return ranges::directory_bits(parts()); }
  const Parts& parts() const {
    return std::visit([](const auto& filter) -> const Parts& { return filter.parts(); }, filter_);
  }

  // Bounds must be of the kind of the keys.
  bool may_intersect(std::uint64_t a, std::uint64_t b) const { return std::get<Proteus>(filter_).may_intersect(a, b); }
  bool may_intersect(ByteCode a, ByteCode b) const { return std::get<ByteProteus>(filter_).may_intersect(a, b); }
  void may_intersect(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b,
                     std::span<bool> answers) const {
    std::get<Proteus>(filter_).may_intersect(a, b, answers);
  }
  double bound(std::uint64_t length) const { return bound_of(filter_, length); }

 private:
  AnyProteus filter_;
};

}  // namespace bh::ranges
