#include "ranges/any_filter.h"

#include <cstring>
#include <utility>

namespace bh::ranges {

AnyFilter::Any AnyFilter::read_any(Bytes bytes) {
  constexpr std::size_t kKindAt = 10;
  const auto kind = bytes.size() < kHeaderBytes ? FilterKind::proteus : static_cast<FilterKind>(bytes[kKindAt]);
  switch (kind) {
    case FilterKind::policy: break;
    case FilterKind::surf: return Stored<Surf>::read(bytes);
    case FilterKind::rosetta: return Stored<Rosetta>::read(bytes);
    case FilterKind::two_prefix_bloom: return Stored<TwoPrefixBloom>::read(bytes);
    case FilterKind::prefix_bloom: return Stored<Composed<FilterKind::prefix_bloom>>::read(bytes);
    case FilterKind::locality_hash: return Stored<Composed<FilterKind::locality_hash>>::read(bytes);
    case FilterKind::proteus: return Stored<Composed<FilterKind::proteus>>::read(bytes);
  }
  corrupt_section("they are the policy of a plan, or a filter of a kind that there is not");
}

AnyFilter AnyFilter::read(Bytes bytes) {
  Any filter = read_any(bytes);
  // They have been checked: the first section is the bounds, and begins with the bits of a code.
  std::uint64_t offset, bits;
  std::memcpy(&offset, bytes.data() + kHeaderBytes + 8, 8);
  std::memcpy(&bits, bytes.data() + offset, 8);
  return {std::move(filter), bits / 8};
}

const Header& AnyFilter::header() const {
  return std::visit([](const auto& each) -> const Header& { return each.header; }, filter_);
}

std::uint64_t AnyFilter::directory_bytes() const {
  return std::visit([](const auto& each) { return (each.core.directory_bits() + 7) / 8; }, filter_);
}

bool AnyFilter::may_intersect(std::uint64_t a, std::uint64_t b) const {
  return std::visit([&](const auto& each) { return each.core.may_intersect(a, b); }, filter_);
}

bool AnyFilter::may_intersect(ByteCode a, ByteCode b) const {
  return std::visit(
      [&](const auto& each) {
        if constexpr (requires { each.core.may_intersect(a, b); }) return each.core.may_intersect(a, b);
        return true;  // Rosetta, which has no such keys
      },
      filter_);
}

}  // namespace bh::ranges
