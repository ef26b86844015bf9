// What every binding shares: the lock that kernels let go.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>
#include <optional>

// Releases the interpreter lock while a kernel runs over more elements than the switch costs.
class Unlocked {
 public:
  explicit Unlocked(std::size_t elements) {
    if (elements > 10'000) release_.emplace();
  }

 private:
  std::optional<nanobind::gil_scoped_release> release_;
};
