#include "streams/exact.h"

#include <algorithm>
#include <limits>

#include "streams/weights.h"
#include "support/errors.h"
#include "support/hash.h"

namespace bh::streams {
namespace {

constexpr std::size_t kAhead = 16;  // ids whose places are on their way from memory at a time
constexpr Mix kHash(0, 1);

}  // namespace

std::size_t ExactCounts::place(std::uint64_t id) const {
  std::size_t at = range(kHash(id), index_.size());
  while (index_[at] != 0 && entries_[index_[at] - 1].id != id) at = at + 1 == index_.size() ? 0 : at + 1;
  return at;
}

ExactCounts::Entry& ExactCounts::entry(std::uint64_t id) {
  std::size_t at = place(id);
  if (index_[at] == 0) {
    if (entries_.size() == std::numeric_limits<std::uint32_t>::max())
      throw CapacityExceeded("there are more than 2**32 - 1 distinct keys; count a part of them");
    if (2 * (entries_.size() + 1) > index_.size()) {
      grow();
      at = place(id);
    }
    entries_.push_back({id, 0, arrivals_});
    index_[at] = static_cast<std::uint32_t>(entries_.size());
  }
  return entries_[index_[at] - 1];
}

void ExactCounts::grow() {
  index_.assign(2 * index_.size(), 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) index_[place(entries_[i].id)] = static_cast<std::uint32_t>(i + 1);
}

void ExactCounts::update(std::span<const std::uint64_t> ids, std::span<const std::uint64_t> weights) {
  const std::uint64_t total = total_after(total_, ids.size(), weights);
  for (std::size_t first = 0; first < ids.size(); first += kAhead) {
    const std::size_t last = std::min(first + kAhead, ids.size());
    for (std::size_t i = first; i < last; ++i) __builtin_prefetch(&index_[range(kHash(ids[i]), index_.size())]);
    for (std::size_t i = first; i < last; ++i, ++arrivals_) entry(ids[i]).count += weights.empty() ? 1 : weights[i];
  }
  total_ = total;
}

std::uint64_t ExactCounts::count(std::uint64_t id) const {
  const std::uint32_t found = index_[place(id)];
  return found == 0 ? 0 : entries_[found - 1].count;
}

std::vector<std::uint64_t> ExactCounts::running(std::span<const std::uint64_t> ids, std::uint64_t window) {
  ExactCounts counts;
  std::vector<std::uint64_t> after(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i >= window) --counts.entry(ids[i - window]).count;
    after[i] = ++counts.entry(ids[i]).count;
  }
  return after;
}

}  // namespace bh::streams
