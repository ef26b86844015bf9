// Questions that the bounds of a filter leave open, kept until there are enough of them to be asked together.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "ranges/parts.h"

namespace bh::ranges {

class Waiting {
 public:
  Waiting(const Parts& parts, std::uint64_t least, bool* answers) : parts_(parts), least_(least), answers_(answers) {}

  // A question, unless its answer is known.
  void add(std::uint64_t a, std::uint64_t b, std::size_t question, bool known) {
    first_[count_] = a, last_[count_] = b;
    question_[count_] = question;
    count_ += !known;
    if (count_ == kGroup) ask_all();
  }
  void ask_all() {
    std::array<bool, kGroup> answers;
    ask(parts_, least_, first_.data(), last_.data(), count_, answers.data());
    for (std::size_t i = 0; i < count_; ++i) answers_[question_[i]] = answers[i];
    count_ = 0;
  }

 private:
  const Parts& parts_;
  std::uint64_t least_;
  bool* answers_;
  std::array<std::uint64_t, kGroup> first_, last_;
  std::array<std::size_t, kGroup> question_;
  std::size_t count_ = 0;
};

}  // namespace bh::ranges
