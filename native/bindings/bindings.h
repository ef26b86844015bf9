// What every binding shares: the areas' entry points, and the lock that kernels let go.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>
#include <optional>

void bind_errors(nanobind::module_& m);
void bind_dlpack(nanobind::module_& m);
void bind_levels(nanobind::module_& m);
void bind_histogram(nanobind::module_& m);
void bind_codes(nanobind::module_& m);
void bind_hadamard(nanobind::module_& m);
void bind_rotation(nanobind::module_& m);
void bind_special(nanobind::module_& m);
void bind_log_formula(nanobind::module_& m);
void bind_draws(nanobind::module_& m);
void bind_mg1(nanobind::module_& m);

// Releases the interpreter lock while a kernel runs over more elements than the switch costs.
class Unlocked {
 public:
  explicit Unlocked(std::size_t elements) {
    if (elements > 10'000) release_.emplace();
  }

 private:
  std::optional<nanobind::gil_scoped_release> release_;
};
