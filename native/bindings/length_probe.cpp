#include "scheduling/length_probe.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "support/errors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using bh::scheduling::BinSmoothing, bh::scheduling::Perceptron;

template <typename T>
using Table = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <typename Items>
auto all(const Items& array) {
  return std::span(array.data(), array.size());
}

void check(bool fits, const char* message) {
  if (!fits) throw bh::InvalidInput(message);
}

void make_perceptron(Perceptron* self, const Table<float>& first, const Array<float>& bias, const Table<float>& second,
                     const Array<float>& last) {
  check(bias.size() > 0 && last.size() > 0 && first.shape(1) == bias.size() && second.shape(0) == bias.size() &&
            second.shape(1) == last.size(),
        "weights must be (hidden, width), (width,), (width, bins) and (bins,)");
  new (self) Perceptron({all(first), span(bias)}, {all(second), span(last)});
}

template <typename State>
nb::ndarray<nb::numpy, float> probabilities(const Perceptron& self, const Table<State>& states,
                                            const Array<std::int64_t>& rows, float unknown) {
  check(states.shape(1) == self.hidden(), "states must have a column for each row of the first layer");
  for (const std::int64_t row : span(rows))
    check(row >= 0 && static_cast<std::size_t>(row) < states.shape(0), "a row lies outside the states");
  std::vector<float> found(rows.size() * self.bins());
  {
    const Unlocked unlocked(rows.size() * self.hidden());
    self.probabilities(states.data(), span(rows), unknown, found.data());
  }
  return as_numpy(std::move(found), {rows.size(), self.bins()});
}

void make_smoothing(BinSmoothing* self, const Table<double>& powers, const Array<double>& evidence,
                    const Array<double>& representatives, double floor) {
  const std::size_t bins = representatives.size();
  check(bins > 0 && powers.shape(0) > bins && powers.shape(0) % bins == 0 && powers.shape(1) == bins &&
            evidence.size() == bins,
        "powers must be two or more of (bins, bins) below each other, and all others (bins,)");
  new (self) BinSmoothing(all(powers), span(evidence), span(representatives), floor);
}

using Numbers = nb::ndarray<nb::numpy, double>;

std::pair<Numbers, Numbers> smooth(const BinSmoothing& self, const std::optional<Table<double>>& previous,
                                   const Table<double>& probabilities, const Array<std::int64_t>& steps) {
  const std::size_t rows = steps.size();
  const auto fits = [&](const Table<double>& table) { return table.shape(0) == rows && table.shape(1) == self.bins(); };
  check(fits(probabilities) && (!previous || fits(*previous)), "tables must be (rows, bins), and steps (rows,)");
  for (const std::int64_t step : span(steps)) check(step >= 0, "steps must be at least 0");
  std::vector<double> beliefs(rows * self.bins()), left(rows);
  self.smooth(previous ? all(*previous) : std::span<const double>{}, all(probabilities), span(steps), beliefs, left);
  return {as_numpy(std::move(beliefs), {rows, self.bins()}), as_numpy(std::move(left), {rows})};
}

}  // namespace

void bind_length_probe(nb::module_& m) {
  nb::class_<Perceptron>(m, "Perceptron")
      .def("__init__", &make_perceptron, "first"_a, "bias"_a, "second"_a, "last"_a)
      .def("probabilities", &probabilities<float>, "states"_a.noconvert(), "rows"_a.noconvert(), "unknown"_a)
      .def("probabilities", &probabilities<std::uint16_t>, "states"_a.noconvert(), "rows"_a.noconvert(), "unknown"_a);
  nb::class_<BinSmoothing>(m, "BinSmoothing")
      .def("__init__", &make_smoothing, "powers"_a, "evidence"_a, "representatives"_a, "floor"_a)
      .def("smooth", &smooth, "previous"_a.none(), "probabilities"_a.noconvert(), "steps"_a.noconvert());
}
