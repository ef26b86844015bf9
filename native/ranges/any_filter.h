// A filter of any kind as its bytes make it, for hosts that find one in a file, or a row group, or a table.
#pragma once
#include <cstddef>
#include <cstdint>
#include <variant>

#include "ranges/composed.h"
#include "ranges/format.h"
#include "ranges/keys.h"
#include "ranges/rosetta.h"
#include "ranges/stored.h"
#include "ranges/surf.h"
#include "ranges/two_prefix_bloom.h"

namespace bh::ranges {

class AnyFilter {
 public:
  // Borrows the bytes, and makes what helps to search them. Throws CorruptData, also for the bytes of a policy.
  static AnyFilter read(Bytes bytes);

  const Header& header() const;
  bool textual() const { return is_textual(header().keys); }
  std::size_t width() const { return width_; }  // bytes of a code
  std::uint64_t directory_bytes() const;        // of what was made

  // Closed ranges of codes of the filter's kind, a <= b; strings of at most width() bytes.
  bool may_intersect(std::uint64_t a, std::uint64_t b) const;
  bool may_intersect(ByteCode a, ByteCode b) const;

 private:
  using Any =
      std::variant<Stored<Composed<FilterKind::proteus>>, Stored<Composed<FilterKind::prefix_bloom>>,
                   Stored<Composed<FilterKind::locality_hash>>, Stored<Surf>, Stored<Rosetta>, Stored<TwoPrefixBloom>>;

  AnyFilter(Any filter, std::size_t width) : filter_(std::move(filter)), width_(width) {}
  static Any read_any(Bytes bytes);

  Any filter_;
  std::size_t width_;
};

}  // namespace bh::ranges
