// Eric-R-Knorr/Proteus (MIT). Its right bounds are exclusive.
#include <memory>
#include <tuple>

#include "include/modeling.hpp"
#include "include/proteus.hpp"
#include "plain.h"

struct Rival {
  explicit Rival(const Task& task) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sample;
    for (std::size_t i = 0; i < task.sample.lo.size(); ++i)
      sample.emplace_back(task.sample.lo[i], task.sample.hi[i] + 1);
    std::sort(sample.begin(), sample.end());  // their model takes it so, without a word
    const auto found = proteus::modeling(task.keys, sample, task.bits_per_key, 64);
    trie = std::get<0>(found), cut = std::get<1>(found), bloom = std::get<2>(found);
    filter = std::make_unique<proteus::Proteus>(task.keys, trie, cut, bloom, task.bits_per_key);
  }
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) {
    if (asked.lo[i] == asked.hi[i]) return filter->Query(asked.lo[i]);
    return filter->Query(asked.lo[i], asked.hi[i] + 1);
  }
  std::size_t bits() const {
    const auto bytes = filter->serialize();
    delete[] bytes.first;
    return 8 * bytes.second;
  }
  std::string design() const {
    return std::to_string(trie) + " (" + std::to_string(cut) + ") / " + std::to_string(bloom);
  }
  std::unique_ptr<proteus::Proteus> filter;
  std::size_t trie, cut, bloom;
};
