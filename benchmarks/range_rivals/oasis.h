// Woooooow-Pro/Oasis-RangeFilter (MIT), its Oasis+, with the block size of its own benchmark.
#include <bit>
#include <memory>

#include "oasis_plus.h"
#include "plain.h"

struct Rival {
  explicit Rival(const Task& task) {
    const auto longest = static_cast<std::size_t>(std::bit_width(task.longest) - 1);
    filter = std::make_unique<oasis_plus::OasisPlus>(task.bits_per_key, 150, task.keys, longest);
  }
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) {
    if (asked.lo[i] == asked.hi[i]) return filter->query(asked.lo[i]);
    return filter->query(asked.lo[i], asked.hi[i]);
  }
  std::size_t bits() const { return 8 * filter->size(); }
  std::string design() const { return ""; }
  std::unique_ptr<oasis_plus::OasisPlus> filter;
};
