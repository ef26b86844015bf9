// Where a closed range of prefixes meets an exact set of them.
#pragma once

namespace bh::ranges {

struct Ends {                // not set to zeros, as arrays of them are made for every question
  bool inside, first, last;  // one strictly between the bounds; the lower bound, the upper one

  bool any() const { return inside || first || last; }
};

}  // namespace bh::ranges
