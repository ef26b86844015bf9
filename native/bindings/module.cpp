// beforehand._native. Each <stem>.cpp beside this file defines bind_<stem>; CMake lists them in bindings.inc, one
// BIND(<stem>) a line. Where one is missing, the module does not load.
#include <nanobind/nanobind.h>

#define BIND(stem) void bind_##stem(nanobind::module_& m);
#include "bindings.inc"
#undef BIND

NB_MODULE(_native, m) {
#define BIND(stem) bind_##stem(m);
#include "bindings.inc"
}
