// n3slami/Diva (MIT), its variant for integers.
#include <memory>

#include "include/diva.hpp"
#include "plain.h"

struct Rival {
  explicit Rival(const Task& task) {
    const double load = 0.95;
    const auto infix = static_cast<std::uint32_t>(std::round(load * (task.bits_per_key - 1)));
    filter = std::make_unique<Diva<true>>(infix, task.keys.begin(), task.keys.end(), 8u, 1024u, load);
  }
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) { return filter->RangeQuery(asked.lo[i], asked.hi[i]); }
  std::size_t bits() const { return 8ull * filter->Size(); }
  std::string design() const { return ""; }
  std::unique_ptr<Diva<true>> filter;
};
