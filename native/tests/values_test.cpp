// Ranges of every length, with what is not finite at every place.
#include "quantization/values.h"

#include <algorithm>
#include <limits>
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

}  // namespace

int main() {
  a_range_is_that_of_the_plain_loop<float>();
  a_range_is_that_of_the_plain_loop<double>();
  nothing_that_is_not_finite_goes_unseen<float>();
  nothing_that_is_not_finite_goes_unseen<double>();
  keys_stand_for_the_values_of_their_table();
}
