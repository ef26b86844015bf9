// Ranges of every length, with what is not finite at every place; stretches of any kind of data and cut.
#include "quantization/values.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "check.h"
#include "numbers.h"

namespace quantization = bh::quantization;

namespace {

template <typename Real>
void a_range_is_that_of_the_plain_loop() {
  for (std::size_t n = 1; n <= 200; ++n) {
    const std::vector<Real> x = numbers<Real>(n);
    const quantization::Range<Real> found = quantization::range(std::span<const Real>(x));
    CHECK(found.finite);
    CHECK(found.low == *std::min_element(x.begin(), x.end()) && found.high == *std::max_element(x.begin(), x.end()));
  }
}

template <typename Real>
void nothing_that_is_not_finite_goes_unseen() {
  using Limits = std::numeric_limits<Real>;
  for (const Real bad : {Limits::quiet_NaN(), -Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
    for (std::size_t n = 1; n <= 70; ++n)
      for (std::size_t at = 0; at < n; ++at) {
        std::vector<Real> x = numbers<Real>(n);
        x[at] = bad;
        CHECK(!quantization::range(std::span<const Real>(x)).finite);
      }
  const Real most[] = {Limits::max(), Limits::lowest(), Limits::denorm_min()};
  CHECK(quantization::range(std::span<const Real>(most)).finite);
}

void keys_stand_for_the_values_of_their_table() {
  const std::uint8_t keys[] = {3, 0, 255};
  const std::vector<float> table = numbers<float>(256);
  const quantization::Values values{quantization::Values::Kind::key8, keys, table.data(), 3};
  double read[2];
  values.read(1, 2, read);
  CHECK(read[0] == static_cast<double>(table[0]) && read[1] == static_cast<double>(table[255]));
}

// Integers are copied in stretches, floats read in place: both must give what the plain loop over the group gives.
void stretches_hold_each_value_of_a_group_in_order() {
  for (const std::size_t inner : {1, 7, 70'000, 300'000}) {
    const std::size_t outer = 2, groups = inner > 7 ? 1 : 3, size = outer * groups * inner;
    std::vector<std::int32_t> integers(size);
    std::vector<double> doubles(size);
    for (std::size_t i = 0; i < size; ++i) doubles[i] = integers[i] = static_cast<std::int32_t>(i * 2654435761u);
    using Kind = quantization::Values::Kind;
    for (const std::size_t block : {std::size_t{0}, std::size_t{5}, std::size_t{66'000}}) {
      const quantization::Grouping cut{block ? size / inner : outer, block ? 1 : groups, inner, block};
      for (std::size_t group = 0; group < cut.count(); group += 1 + cut.count() / 50) {
        std::vector<double> wanted;
        cut.each_run(group, [&](std::size_t offset, std::size_t length) {
          for (std::size_t i = offset; i < offset + length; ++i) wanted.push_back(doubles[i]);
        });
        for (const quantization::Values& values :
             {quantization::Values{Kind::int32, integers.data(), nullptr, size},
              quantization::Values{Kind::float64, doubles.data(), nullptr, size}}) {
          const quantization::Stretches<double> x(values, cut, group);
          std::vector<double> found;
          x.each([&](std::size_t first, std::span<const double> stretch) {
            CHECK(first == found.size());
            found.insert(found.end(), stretch.begin(), stretch.end());
          });
          CHECK(found == wanted && x.size() == wanted.size());
          CHECK(x[wanted.size() / 2] == wanted[wanted.size() / 2]);
          const quantization::Range<double> all = quantization::range(x);
          CHECK(all.low == *std::min_element(wanted.begin(), wanted.end()));
          CHECK(all.high == *std::max_element(wanted.begin(), wanted.end()));
        }
      }
    }
  }
}

}  // namespace

int main() {
  a_range_is_that_of_the_plain_loop<float>();
  a_range_is_that_of_the_plain_loop<double>();
  nothing_that_is_not_finite_goes_unseen<float>();
  nothing_that_is_not_finite_goes_unseen<double>();
  keys_stand_for_the_values_of_their_table();
  stretches_hold_each_value_of_a_group_in_order();
}
