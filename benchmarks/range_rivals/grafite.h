// marcocosta97/grafite (GPL-3), called through its public header.
#include <memory>

#include "grafite/grafite.hpp"
#include "plain.h"

struct Rival {
  explicit Rival(const Task& task) : filter(task.keys.begin(), task.keys.end(), task.bits_per_key) {}
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) { return filter.query(asked.lo[i], asked.hi[i]); }
  std::size_t bits() const { return 8 * filter.size(); }
  std::string design() const { return ""; }
  decltype(grafite::filter(Codes::const_iterator(), Codes::const_iterator(), 12.0)) filter;
};
