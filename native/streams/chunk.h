// Part of a batch, short enough to be looked through before it is counted: a predictor is asked at once about all keys
// in it that nothing is known of yet, and once about each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/hash.h"

namespace bh::streams {

class Chunk {
 public:
  static constexpr std::size_t kMost = 65536;

  // known(id, place) returns what is known of the key at a place in the chunk, 0..255, or -1. The ids must stay until
  // marks() was read.
  template <typename Known>
  Chunk(std::span<const std::uint64_t> ids, std::uint64_t seed, const Known& known)
      : hash_(seed, 1), marks_(ids.size()) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const int mark = known(ids[i], i);
      if (mark >= 0)
        marks_[i] = static_cast<std::uint8_t>(mark);
      else
        pending_.push_back({static_cast<std::uint32_t>(i), question(ids, i)});
    }
  }

  // The places in the chunk where keys stand that nothing is known of: the first of each, in order.
  std::span<const std::uint32_t> asked() const { return asked_; }

  // What is known of each arrival once answer(question, place) says it of each key that was asked about.
  template <typename Answer>
  std::span<const std::uint8_t> marks(const Answer& answer) {
    for (const auto& [place, question] : pending_) marks_[place] = answer(question, place);
    return marks_;
  }

 private:
  struct Pending {
    std::uint32_t place, question;
  };

  // The number of the question about ids[i], a new one if there is none yet.
  std::uint32_t question(std::span<const std::uint64_t> ids, std::size_t i) {
    if (table_.empty()) table_.resize(2 * ids.size());
    for (std::uint64_t at = range(hash_(ids[i]), table_.size());; at = at + 1 == table_.size() ? 0 : at + 1) {
      if (table_[at] == 0) {
        asked_.push_back(static_cast<std::uint32_t>(i));
        table_[at] = static_cast<std::uint32_t>(asked_.size());
      }
      const std::uint32_t found = table_[at] - 1;
      if (ids[asked_[found]] == ids[i]) return found;
    }
  }

  Mix hash_;
  std::vector<std::uint8_t> marks_;
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> asked_, table_;  // the table: a question + 1, or 0
};

}  // namespace bh::streams
