#include "quantization/hadamard.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "check.h"
#include "numbers.h"

namespace quantization = bh::quantization;

namespace {

template <typename Real>
void stage_by_stage(std::vector<Real>& x, quantization::Stages stages) {
  for (int stage = stages.lo; stage < stages.hi; ++stage)
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const std::size_t h = std::size_t{1} << stage; !(i & h)) {
        const Real a = x[i], b = x[i + h];
        x[i] = a + b;
        x[i + h] = a - b;
      }
}

template <typename Real>
bool same_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](Real p, Real q) { return p == q && std::signbit(p) == std::signbit(q); });
}

void check_all_ways(std::size_t n, quantization::Stages stages) {
  const std::vector<float> x = numbers<float>(n);
  std::vector<float> wanted = x;
  stage_by_stage(wanted, stages);
  for (const bh::Isa width : {bh::Isa::v1, bh::Isa::v3, bh::Isa::v4}) {
    if (width > bh::isa()) continue;
    for (const std::size_t threads : {1, 3}) {
      std::vector<float> found = x;
      quantization::hadamard(found, stages, threads, width);
      CHECK(same_bits(found, wanted));
    }
  }
}

void every_length_width_and_number_of_threads_gives_the_bits_of_the_plain_loop() {
  for (int k = 0; k <= 21; ++k) check_all_ways(std::size_t{1} << k, {0, k});
}

void some_stages_alone() {
  for (int k : {0, 1, 3, 5, 8, 13, 14, 16})
    for (int lo = 0; lo <= k; ++lo)
      for (int hi = lo; hi <= k; ++hi) check_all_ways(std::size_t{1} << k, {lo, hi});
  for (int lo = 1; lo <= 18; lo += 3) check_all_ways(std::size_t{1} << 18, {lo, 18});
  for (int hi = 1; hi <= 18; hi += 3) check_all_ways(std::size_t{1} << 18, {0, hi});
  for (int lo : {1, 20}) check_all_ways(std::size_t{1} << 21, {lo, 21});  // long enough for threads
}

void many_rows_at_once() {
  for (int k : {0, 1, 2, 3, 4, 6, 7, 11, 13, 14})
    for (std::size_t rows : {1, 3, 7, 100}) check_all_ways(rows << k, {0, k});
  check_all_ways(0, {0, 5});
}

void stages_in_two_calls_are_stages_in_one() {
  std::vector<float> once = numbers<float>(1 << 15), twice = once;
  quantization::hadamard(once, {0, 15}, 1);
  quantization::hadamard(twice, {0, 6}, 1);
  quantization::hadamard(twice, {6, 15}, 1);
  CHECK(same_bits(once, twice));
}

void doubles_too() {
  for (int k : {0, 1, 2, 5, 12, 18})
    for (int lo : {0, k / 2})
      for (std::size_t threads : {1, 3}) {
        std::vector<double> found = numbers<double>(std::size_t{3} << k), wanted = found;
        stage_by_stage(wanted, {lo, k});
        quantization::hadamard(found, {lo, k}, threads);
        CHECK(same_bits(found, wanted));
      }
}

// Also on machines that have no wider registers to compare with.
void checksum() {
  std::vector<float> x = numbers<float>(1 << 14);
  quantization::hadamard(x, {0, 14}, 1);
  std::uint32_t sum = 0;
  for (const float value : x) sum = sum * 31 + std::bit_cast<std::uint32_t>(value);
  CHECK(sum == 0x31797f8d);
}

}  // namespace

int main() {
  every_length_width_and_number_of_threads_gives_the_bits_of_the_plain_loop();
  some_stages_alone();
  many_rows_at_once();
  stages_in_two_calls_are_stages_in_one();
  doubles_too();
  checksum();
}
