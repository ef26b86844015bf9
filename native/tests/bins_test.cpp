#include "streams/bins.h"

#include <cmath>

#include "check.h"
#include "support/errors.h"

namespace {

using bh::streams::Bins;

void counts_distinct_keys_within_four_standard_errors() {
  for (const std::uint32_t registers : {16u, 32u, 64u, 128u, 256u})
    for (std::uint64_t keys = 1; keys <= 200000; keys *= 7)
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        Bins bins(2, registers, seed);
        for (int again = 0; again < 2; ++again)
          for (std::uint64_t id = 0; id < keys; ++id) bins.see(1, id * 3);
        const double n = static_cast<double>(keys);
        CHECK(std::abs(bins.distinct(1) - n) <= std::max(2.0, 4 * 1.04 / std::sqrt(registers) * n));
        CHECK(bins.distinct(0) == 0);
      }
}

void a_mean_is_weight_for_each_key() {
  Bins bins(3, 64, 0);
  CHECK(bins.mean(2) == 0);
  bins.see(2, 7);
  bins.absorb(2, 10), bins.absorb(2, 32);
  CHECK(std::abs(bins.mean(2) - 42) < 1);
  CHECK(bins.mean(0) == 0 && bins.mean(1) == 0);
  CHECK(bins.bytes() == 3 * 8 + 3 * 64);
}

void merging_is_seeing_both() {
  Bins first(2, 32, 5), second(2, 32, 5), both(2, 32, 5);
  for (std::uint64_t id = 0; id < 1000; ++id) {
    (id % 3 == 0 ? first : second).see(id % 2, id);
    (id % 3 == 0 ? first : second).absorb(id % 2, id);
    both.see(id % 2, id);
    both.absorb(id % 2, id);
  }
  first.merge(second);
  for (const std::uint32_t bin : {0u, 1u}) CHECK(first.mean(bin) == both.mean(bin));
}

// The bytes of one bin of 16 registers, with one of them and the weight replaced.
Bins read_with(std::uint8_t rank, double weight, std::uint32_t registers = 16) {
  bh::streams::SectionWriter writer({.width = 4});
  writer.begin("TAIL");
  writer.put(std::uint32_t{1}), writer.put(registers), writer.put(weight), writer.put(rank);
  for (int i = 1; i < 16; ++i) writer.put(std::uint8_t{0});
  const auto bytes = writer.finish();
  bh::streams::SectionReader reader(bytes);
  Bins read = Bins::read(reader, 0);
  reader.finish();
  return read;
}
bool refused(std::uint8_t rank, double weight, std::uint32_t registers = 16) {
  try {
    read_with(rank, weight, registers);
  } catch (const bh::CorruptData&) {
    return true;
  }
  return false;
}

void bytes_that_no_stream_leaves_are_refused() {
  CHECK(read_with(61, 5).mean(0) > 0);  // 60 bits may all be zero
  CHECK(refused(62, 5));
  CHECK(refused(1, NAN) && refused(1, -1) && refused(1, HUGE_VAL));
  CHECK(refused(1, 5, 15) && refused(1, 5, 8) && refused(1, 5, 32) && refused(1, 5, 512));
}

void bytes_hold_all() {
  Bins bins(2, 32, 5);
  for (std::uint64_t id = 0; id < 1000; ++id) bins.see(id % 2, id), bins.absorb(id % 2, id);
  bh::streams::SectionWriter writer({.width = 4});
  bins.write(writer);
  const auto bytes = writer.finish();
  bh::streams::SectionReader reader(bytes);
  const Bins read = Bins::read(reader, 5);
  for (const std::uint32_t bin : {0u, 1u}) CHECK(read.mean(bin) == bins.mean(bin) && read.mean(bin) > 0);
}

}  // namespace

int main() {
  counts_distinct_keys_within_four_standard_errors();
  a_mean_is_weight_for_each_key();
  merging_is_seeing_both();
  bytes_that_no_stream_leaves_are_refused();
  bytes_hold_all();
}
