// Where a closed range of prefixes meets an exact set of them.
#pragma once

namespace bh::ranges {

struct Ends {
  bool inside = false, first = false, last = false;  // one strictly between the bounds; the lower bound, the upper one

  bool any() const { return inside || first || last; }
};

}  // namespace bh::ranges
