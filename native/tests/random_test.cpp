#include "support/random.h"

#include <vector>

#include "check.h"

namespace {

constexpr std::uint32_t kOnes = 0xFFFFFFFF;

void known_answers() {
  CHECK((bh::philox({0, 0, 0, 0}, 0, 0) == bh::Quad{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK((bh::philox({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes) ==
         bh::Quad{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((bh::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
         bh::Quad{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

void rounding_words() {
  std::vector<std::uint32_t> words(bh::kWords);
  const std::span<std::uint32_t, bh::kWords> all(words);
  bh::random_words(0, 1, 0, bh::Domain::rounding, all);
  CHECK(words[0] == 0x9f3f38ef);
  CHECK(words[255] == 0x935eddd2);
  CHECK(words[256] == 0x8c470732);
  bh::random_words(1, 1, 0, bh::Domain::rounding, all);
  CHECK(words[0] == 0x246d65d5);
}

void every_part_of_the_counter_arrives_in_its_place() {
  const std::uint64_t block = 0x0123456789abcd, seed = 0xfedcba9876543210, stream = 0x0fedcba9876543;
  std::vector<std::uint32_t> words(bh::kWords);
  bh::random_words(block, seed, stream, bh::Domain::rounding, std::span<std::uint32_t, bh::kWords>(words));
  for (const std::uint32_t lane : {0u, 1u, 200u, 255u}) {
    const bh::Quad drawn =
        bh::philox({0x6789abcdu << 8 | lane, 0x01234567, 0xa9876543, 0x010fedcb}, 0x76543210, 0xfedcba98);
    for (std::size_t w = 0; w < 4; ++w) CHECK(words[bh::kLanes * w + lane] == drawn[w]);
  }
}

void uniforms_are_a_function_of_their_counter_alone() {
  const std::uint64_t seed = 0x1122334455667788, stream = 0x0fedcba9876543;
  const std::vector<std::uint64_t> counters{7, 0x500000001, 0xffffffffffffffff, 7};
  std::vector<double> u(counters.size());
  bh::uniforms_at(counters, seed, stream, bh::Domain::workloads, u);
  for (std::size_t i = 0; i < u.size(); ++i) {
    const auto lo = static_cast<std::uint32_t>(counters[i]), hi = static_cast<std::uint32_t>(counters[i] >> 32);
    const bh::Quad words = bh::philox({lo, hi, 0xa9876543, 10u << 24 | 0x0fedcb}, 0x55667788, 0x11223344);
    const std::uint64_t k = std::uint64_t{words[0] >> 5} << 26 | words[1] >> 6;
    CHECK(u[i] == static_cast<double>(k + 1) * 0x1p-53);
  }
  CHECK(u[0] == u[3]);
}

}  // namespace

int main() {
  known_answers();
  rounding_words();
  every_part_of_the_counter_arrives_in_its_place();
  uniforms_are_a_function_of_their_counter_alone();
}
