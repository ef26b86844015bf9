#include "streams/lines.h"

#include <memory>
#include <string_view>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/keys.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace streams = bh::streams;

namespace {

TextKeys text_keys(streams::Cuttings cuttings, nb::object block) {
  struct Kept {
    streams::Cuttings cuttings;
    nb::object block;
  };
  auto kept = std::make_shared<const Kept>(std::move(cuttings), std::move(block));
  const auto& keys = kept->cuttings.keys;
  streams::Column column{streams::KeyKind::str, keys.size(), streams::Pieces{keys.data()}};
  column.owner = std::move(kept);
  return {std::move(column)};
}

TextKeys split(streams::Splitter& self, const nb::bytes& block) {
  const std::string_view text(block.c_str(), block.size());
  streams::Cuttings cuttings;
  {
    const Unlocked unlocked(text.size());
    cuttings = self.split(text);
  }
  return text_keys(std::move(cuttings), block);
}

}  // namespace

void bind_lines(nb::module_& m) {
  nb::class_<TextKeys>(m, "TextKeys").def("__len__", [](const TextKeys& self) { return self.column.rows; });
  nb::class_<streams::Splitter>(m, "TextSplitter")
      .def(
          "__init__",
          [](streams::Splitter* self, bool words) {
            new (self) streams::Splitter(words ? streams::Cut::words : streams::Cut::lines);
          },
          "words"_a)
      .def("split", &split, "block"_a)
      .def("finish", [](streams::Splitter& self) { return text_keys(self.finish(), nb::none()); });
}
