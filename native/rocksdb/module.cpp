// beforehand._rocksdb. It takes objects of beforehand._native, and raises its errors, so it binds neither again.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string_view>

#include "bindings/recorder.h"
#include "rocksdb/database.h"
#include "support/errors.h"

namespace nb = nanobind;
using namespace nb::literals;

using bh::rocksdb::Database;

namespace {

std::string_view view(const nb::bytes& text) { return {text.c_str(), text.size()}; }

}  // namespace

NB_MODULE(_rocksdb, m) {
  nb::module_::import_("beforehand._native");
  nb::class_<Database>(m, "Database")
      .def(
          "__init__",
          [](Database* self, const std::string& path, const HeldRecorder& recorder) {
            new (self) Database(path, recorder.ring);
          },
          "path"_a, "recorder"_a)
      .def("put",
           [](Database& self, const nb::bytes& key, const nb::bytes& value) { self.put(view(key), view(value)); })
      .def("count",
           [](Database& self, const nb::bytes& lo, const nb::bytes& hi) { return self.count(view(lo), view(hi)); })
      .def("close", &Database::close);
}
