// The contents of beforehand._native: one line for each area.
#include <nanobind/nanobind.h>

#include "bindings/bindings.h"

NB_MODULE(_native, m) {
  bind_errors(m);
  bind_dlpack(m);
  bind_levels(m);
  bind_histogram(m);
  bind_codes(m);
  bind_hadamard(m);
  bind_rotation(m);
  bind_special(m);
  bind_log_formula(m);
  bind_draws(m);
  bind_mg1(m);
}
