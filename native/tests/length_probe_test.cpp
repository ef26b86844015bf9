// Instruction sets: length_probe
#include "scheduling/length_probe.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"

namespace scheduling = bh::scheduling;

namespace {

using Floats = std::vector<float>;

// Numbers around 0, each of 16 bits, from a counter.
Floats drawn(std::size_t count, std::uint32_t seed) {
  Floats numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t word = static_cast<std::uint32_t>(i) * 2654435761U + seed * 40503U;
    word = (word ^ word >> 15) * 2246822519U;
    numbers[i] =
        std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(word >> 8) * 0x1p-23F - 1) & 0xFFFF0000U);
  }
  return numbers;
}

void layers_equal_their_sums(std::size_t inputs, std::size_t outputs, std::size_t rows) {
  const Floats weights = drawn(inputs * outputs, 1), bias = drawn(outputs, 2), given = drawn(rows * inputs, 3);
  const scheduling::Layer layer(weights, bias);
  Floats found(rows * layer.stride());
  layer.apply(given.data(), rows, inputs, found.data());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < outputs; ++column) {
      double sum = bias[column];
      for (std::size_t i = 0; i < inputs; ++i)
        sum += double{given[row * inputs + i]} * double{weights[i * outputs + column]};
      CHECK(std::abs(sum - double{found[row * layer.stride() + column]}) < 1e-4);
    }
}

void halves_and_floats_are_read_alike() {
  const scheduling::Perceptron made({drawn(20 * 40, 4), drawn(40, 5)}, {drawn(40 * 7, 6), drawn(7, 7)});
  Floats states = drawn(100 * 20, 8);
  states[3 * 20] = std::numeric_limits<float>::infinity();
  std::vector<std::uint16_t> halves;
  for (const float state : states) halves.push_back(std::bit_cast<std::uint32_t>(state) >> 16);
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < 200; ++i) rows.push_back(i * 37 % 100);
  Floats found(rows.size() * 7), other(found.size());
  made.probabilities(states.data(), rows, -1.0F, found.data());
  made.probabilities(halves.data(), rows, -1.0F, other.data());
  CHECK(found == other);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float sum = 0;
    for (std::size_t bin = 0; bin < 7; ++bin) sum += found[i * 7 + bin];
    CHECK(rows[i] == 3 ? sum == -7 : std::abs(sum - 1) < 1e-5F);
  }
}

void no_rows_are_no_work() {
  const scheduling::Perceptron made({drawn(6, 1), drawn(2, 2)}, {drawn(4, 3), drawn(2, 4)});
  made.probabilities(static_cast<const float*>(nullptr), {}, 0, nullptr);
  const std::vector<double> powers = {1, 0, 0, 1, 1, 0, 0.5, 0.5}, ones = {1, 1};
  const scheduling::BinSmoothing smoothing(powers, ones, ones, 0);
  smoothing.smooth({}, {}, {}, {}, {});
}

void beliefs_move_and_combine() {
  const std::vector<double> powers = {1, 0, 0, 1, 1, 0, 0.5, 0.5}, ones = {1, 1}, tokens = {2, 10};
  const scheduling::BinSmoothing smoothing(powers, ones, tokens, 0);
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> before = {0, 1, nothing, nothing, 0, 1, 1, 0, 0, 1};
  const std::vector<double> given = {1, 1, 1, 3, -1, 1, 0, 2, 1, 1};
  const std::vector<std::int64_t> steps = {3, 0, 1, 5, std::int64_t{1} << 62};
  std::vector<double> beliefs(10), left(5);
  smoothing.smooth(before, given, steps, beliefs, left);
  CHECK(beliefs[0] == 0.875 && beliefs[1] == 0.125 && left[0] == 3);
  CHECK(beliefs[2] == 0.25 && left[1] == 8);
  CHECK(std::isnan(beliefs[4]) && std::isnan(left[2]));
  CHECK(beliefs[6] == 0 && beliefs[7] == 1);  // they exclude each other
  CHECK(beliefs[8] == 1 && left[4] == 2);
}

}  // namespace

int main() {
  layers_equal_their_sums(1, 1, 1);
  layers_equal_their_sums(6, 31, 3);
  layers_equal_their_sums(33, 64, 8);
  layers_equal_their_sums(257, 130, 21);
  halves_and_floats_are_read_alike();
  no_rows_are_no_work();
  beliefs_move_and_combine();
}
