#include "streams/chunk.h"

#include <map>
#include <vector>

#include "check.h"
#include "support/hash.h"

namespace {

using bh::streams::Chunk;

void each_unknown_key_is_asked_about_once() {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 0; i < 20000; ++i) ids.push_back(bh::mix64(i) % 997 * 0x0123456789ABCDEF);
  ids.insert(ids.end(), {0, ~std::uint64_t{0}, 0});
  const auto known = [](std::uint64_t id) { return id % 3 == 0 && id != 0 ? static_cast<int>(id % 251) : -1; };
  Chunk chunk(ids, 7, [&](std::uint64_t id, std::size_t place) {
    CHECK(ids[place] == id);
    return known(id);
  });
  std::map<std::uint64_t, std::uint8_t> answers;
  std::uint32_t before = 0;
  for (const std::uint32_t place : chunk.asked()) {
    CHECK(known(ids[place]) < 0);
    CHECK(answers.emplace(ids[place], answers.size() % 256).second);
    CHECK(place >= before);
    before = place;
  }
  const auto marks = chunk.marks([&](std::uint32_t question, std::uint32_t place) {
    CHECK(ids[chunk.asked()[question]] == ids[place]);
    return static_cast<std::uint8_t>(question % 256);
  });
  CHECK(marks.size() == ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    CHECK(marks[i] == (known(ids[i]) >= 0 ? known(ids[i]) : answers.at(ids[i])));
}

void a_chunk_may_be_empty_or_all_known() {
  CHECK(Chunk({}, 0, [](std::uint64_t, std::size_t) { return -1; }).asked().empty());
  const std::vector<std::uint64_t> ids{5, 6};
  Chunk chunk(ids, 0, [](std::uint64_t id, std::size_t) { return static_cast<int>(id); });
  CHECK(chunk.asked().empty());
  const auto marks = chunk.marks([](std::uint32_t, std::uint32_t) { return std::uint8_t{0}; });
  CHECK(marks[0] == 5 && marks[1] == 6);
}

}  // namespace

int main() {
  each_unknown_key_is_asked_about_once();
  a_chunk_may_be_empty_or_all_known();
}
