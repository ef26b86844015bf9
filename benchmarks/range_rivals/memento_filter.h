// n3slami/Memento_Filter (GPL-3), called through its public header: prefixes of keys with 2^mementos codes each, for
// ranges of at most so many, in slots of which 95 % are filled, or fewer where that is too many, with the widest
// fingerprint that fits.
#include "include/memento.h"
#include "include/memento_int.h"
#include "plain.h"

struct Rival {
  explicit Rival(const Task& task) {
    while (mementos < 63 && (std::uint64_t{1} << mementos) < task.longest) ++mementos;
    for (const double load : {0.95, 0.92, 0.9, 0.85, 0.8})
      if (build(task, load)) return;
  }
  // With the widest fingerprint that fits; false if the slots do not suffice.
  bool build(const Task& task, double load) {
    const auto count = static_cast<double>(task.keys.size());
    const auto slots = static_cast<std::uint64_t>(count / load);
    bool made = false;
    for (std::uint64_t more = 1; more < 40; ++more) {
      const auto wide = static_cast<std::uint64_t>(std::ceil(std::log2(slots))) + more;
      QF tried;
      if (!qf_malloc(&tried, slots, wide, mementos, QF_HASH_DEFAULT, 1)) break;
      const double bits = 8.0 * static_cast<double>(qf_get_total_size_in_bytes(&tried));
      if (made && bits > 1.02 * task.bits_per_key * count) {
        qf_free(&tried);
        break;
      }
      if (made) qf_free(&filter);
      filter = tried, made = true;
    }
    for (const std::uint64_t key : task.keys)
      if (qf_insert_single(&filter, key >> mementos, low(key), QF_NO_LOCK) == -1) return false;
    return true;
  }
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) {
    const std::uint64_t lo = asked.lo[i], hi = asked.hi[i];
    if (lo == hi) return qf_point_query(&filter, lo >> mementos, low(lo), QF_NO_LOCK) != 0;
    return qf_range_query(&filter, lo >> mementos, low(lo), hi >> mementos, low(hi), QF_NO_LOCK) != 0;
  }
  std::uint64_t low(std::uint64_t code) const { return code & ((std::uint64_t{1} << mementos) - 1); }
  std::size_t bits() const { return 8 * qf_get_total_size_in_bytes(&filter); }
  std::string design() const { return std::to_string(mementos) + " memento bits"; }
  QF filter;
  std::uint64_t mementos = 0;
};
