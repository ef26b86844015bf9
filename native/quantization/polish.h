// Local search on a path, by dynamic programming over small moves of all its nodes: it lowers the upper bound of branch
// and bound.
#pragma once
#include "quantization/nodes.h"

namespace bh::quantization {

// Moves all interior nodes at once, each by up to two steps of h, then of h / 2 and so on down to 1, while that helps.
void polish(const UnbiasedCost& cost, Path& path, Index h);

}  // namespace bh::quantization
