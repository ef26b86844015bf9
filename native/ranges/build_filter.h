// Filters by a policy, for hosts that build them where nobody calls Python.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ranges/keys.h"
#include "ranges/policy.h"
#include "ranges/prefix_model.h"

namespace bh::ranges {

// The bytes of a filter of these keys, sorted and distinct as codes, that suits these queries; the policy's own are for
// hosts that have seen none. Throws InvalidInput where nothing fits the budget, or Rosetta is to filter bytes.
std::vector<std::uint8_t> build_filter(const Policy& policy, std::span<const std::uint64_t> keys,
                                       const PolicySample& queries, Space space = Space::extended);
std::vector<std::uint8_t> build_filter(const Policy& policy, const ByteKeys& keys, const PolicySample& queries,
                                       Space space = Space::extended);

}  // namespace bh::ranges
