#include "streams/model.h"

#include <cmath>

namespace bh::streams {
namespace {

Header header_of(Kind kind, std::uint8_t key_kind) {
  Header header;
  header.kind = kind;
  header.key_kind = key_kind;
  return header;
}

}  // namespace

std::vector<std::byte> Model::to_bytes() const {
  SectionWriter writer(header_of(kind, key_kind));
  writer.begin("MODL");
  writer.put(horizon);
  writer.put(seconds);
  writer.put(Bytes(content));
  return writer.finish();
}

Model Model::from_bytes(Bytes bytes) {
  SectionReader reader(bytes);
  const Header& header = reader.header();
  if (header.kind < Kind::lookup_table || header.kind > Kind::constant) reader.fail("its kind is that of no predictor");
  if (header.width != 0 || header.flags != 0 || header.seed != 0 || header.capacity != 0 ||
      header.least_capacity != 0 || header.total != 0 || header.floor != 0 || header.deleted != 0 ||
      header.skipped != 0)
    reader.fail("the header counts what a predictor does not have");
  Model model;
  model.kind = header.kind;
  model.key_kind = header.key_kind;
  reader.expect("MODL");
  model.horizon = reader.take<std::uint64_t>();
  model.seconds = reader.take<double>();
  if (!(model.seconds >= 0 && std::isfinite(model.seconds))) reader.fail("the price is no time");
  const Bytes content = reader.take_bytes(reader.left());
  model.content.assign(content.begin(), content.end());
  reader.finish();
  return model;
}

}  // namespace bh::streams
