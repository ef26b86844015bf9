#include "streams/counting_filter.h"

#include <map>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace {

using bh::streams::CountingFilter;

void a_key_never_has_more_than_its_cells_say() {
  for (const std::uint64_t cells : {2u, 10u, 400u})
    for (const std::uint32_t most : {4u, 15u}) {
      CountingFilter filter(cells, most, 3);
      std::map<std::uint64_t, std::uint64_t> held;
      for (std::uint64_t i = 0; i < 3000; ++i) {
        const std::uint64_t id = bh::mix64(i) % 100, units = bh::kth(i, 1) % 7;
        const std::uint32_t before = filter.value(id);
        const bool absorbed = filter.absorb(id, units);
        CHECK(absorbed == (before + units <= most));
        CHECK(filter.value(id) == before + (absorbed ? units : 0));
        if (absorbed) held[id] += units;
        for (const auto& [key, sum] : held) CHECK(sum <= filter.value(key));
      }
      CHECK(filter.nonzero() > 0 && filter.nonzero() <= cells && filter.nbytes() == cells / 2);
      for (std::uint64_t id = 0; id < 100; ++id) CHECK(filter.value(id) <= filter.highest());
      CHECK(filter.highest() <= most);
      filter.clear();
      CHECK(filter.nonzero() == 0);
      for (std::uint64_t id = 0; id < 100; ++id) CHECK(filter.value(id) == 0);
    }
}

void one_without_cells_absorbs_nothing() {
  CountingFilter filter(0, 15, 0);
  CHECK(!filter.absorb(7, 1) && filter.value(7) == 0);
}

void weights_beyond_32_bits_do_not_fit() {
  CountingFilter filter(8, 15, 0);
  CHECK(!filter.absorb(7, (std::uint64_t{1} << 32) + 1));
}

std::vector<std::byte> written(const CountingFilter& filter) {
  bh::streams::SectionWriter writer({.width = 4, .seed = 3});
  filter.write(writer, 2, 64, 0.5);
  return writer.finish();
}
// What was read from bytes of which one in the section was changed.
bool refused(const CountingFilter& filter, std::size_t at, std::uint8_t value, std::uint32_t most) {
  bh::streams::SectionWriter writer({.width = 4, .seed = 3});
  auto section = written(filter);
  section.erase(section.begin(), section.begin() + 80 + 16);
  section[at] = std::byte{value};
  writer.begin("GATE");
  writer.put(bh::Bytes(section));
  const auto bytes = writer.finish();
  try {
    bh::streams::SectionReader reader(bytes);
    CountingFilter::read(reader, most);
    reader.finish();
  } catch (const bh::CorruptData&) {
    return true;
  }
  return false;
}

void bytes_hold_all_and_nothing_else() {
  CountingFilter filter(16, 4, 3);
  for (std::uint64_t id = 0; id < 5; ++id) filter.absorb(id, id);
  const auto bytes = written(filter);
  bh::streams::SectionReader reader(bytes);
  const auto read = CountingFilter::read(reader, 4);
  reader.finish();
  CHECK(read.epochs == 2 && read.unit == 64 && read.slack == 0.5);
  CHECK(read.filter.nonzero() == filter.nonzero());
  for (std::uint64_t id = 0; id < 100; ++id) CHECK(read.filter.value(id) == filter.value(id));
  CHECK(written(read.filter) == bytes);
  CHECK(!refused(filter, 0, 4, 4));
  CHECK(refused(filter, 0, 4, 15));   // another maximum
  CHECK(refused(filter, 16, 99, 4));  // cells that are not 0
  CHECK(refused(filter, 32, 18, 4));  // cells that are not there
  CHECK(refused(filter, 32, 15, 4));  // an odd number of them
  CHECK(refused(filter, 40, 5, 4));   // a cell above the maximum
}

}  // namespace

int main() {
  a_key_never_has_more_than_its_cells_say();
  one_without_cells_absorbs_nothing();
  weights_beyond_32_bits_do_not_fit();
  bytes_hold_all_and_nothing_else();
}
