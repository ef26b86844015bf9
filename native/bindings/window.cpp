#include "streams/window.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/asking.h"
#include "bindings/bindings.h"
#include "bindings/summaries.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace streams = bh::streams;
using streams::SlidingWindow;

namespace {

using Self = summaries::Summary<SlidingWindow>;
using Filter = SlidingWindow::Filter;

void update(Self& self, nb::handle keys) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  const streams::KeyKind kind = held.joined(self.kind);
  streams::added(self.kernel.arrivals(), held.size());
  summaries::count_by_blocks(self, held, kind, [&](auto ids, std::size_t, auto, streams::Labels* labels) {
    self.kernel.update(ids, {}, labels);
  });
}

// Asks gaps(keys) how many arrivals later each key comes again that has no counter or may lose it before it comes. It
// may pass uncounted if the frame is over by then.
void update_asking(Self& self, nb::handle keys, const nb::callable& gaps) {
  const streams::Using held_here(self.busy);
  const HeldKeys held(keys, self.kernel.seed());
  const streams::KeyKind kind = held.joined(self.kind);
  streams::added(self.kernel.arrivals(), held.size());
  summaries::ask_by_chunks(
      self, held, kind, gaps,
      [&](std::uint64_t id, std::size_t place) { return self.kernel.stays_counted(id, place) ? 0 : -1; },
      [&](streams::Chunk& chunk, const std::vector<float>& said, auto ids, std::size_t, auto, streams::Labels* labels) {
        const auto candidates = chunk.marks([&](std::uint32_t question, std::uint32_t place) -> std::uint8_t {
          const double gap = said[question];
          return std::isfinite(gap) && gap > static_cast<double>(self.kernel.rest_of_frame(place)) ? 1 : 0;
        });
        self.kernel.update(ids, candidates, labels);
      });
}

constexpr std::array kFilterNames{"none", "doorkeeper", "learned"};

Filter filter_named(const std::string& name) {
  return static_cast<Filter>(std::find(kFilterNames.begin(), kFilterNames.end(), name) - kFilterNames.begin());
}

// A property: what tell(kernel) says while nobody else uses the window.
template <typename Tell>
auto told(Tell tell) {
  return [tell](Self& self) {
    const streams::Using held_here(self.busy);
    return tell(self.kernel);
  };
}

}  // namespace

void bind_window(nb::module_& m) {
  using Estimator = SlidingWindow::Estimator;
  nb::enum_<Estimator>(m, "WindowEstimator")
      .value("balanced", Estimator::balanced)
      .value("upper", Estimator::upper)
      .value("lower", Estimator::lower)
      .value("paper", Estimator::paper);
  auto bound = summaries::bind_summary<SlidingWindow>(m, "SlidingWindow");
  bound
      .def(
          "__init__",
          [](Self* self, std::uint64_t window, std::uint64_t blocks, std::uint32_t counters, std::uint64_t filter_bytes,
             const std::string& filter, double sample, double confidence, std::uint64_t seed, const std::string& key,
             bool labels) {
            const SlidingWindow::Options options{.window = window,
                                                 .blocks = blocks,
                                                 .counters = counters,
                                                 .filter = filter_named(filter),
                                                 .filter_bytes = filter_bytes,
                                                 .sample = sample,
                                                 .confidence = confidence,
                                                 .seed = seed};
            new (self) Self(SlidingWindow(options), summaries::kind_named(key), labels);
          },
          "window"_a, "blocks"_a, "counters"_a, "filter_bytes"_a, "filter"_a, "sample"_a, "confidence"_a, "seed"_a,
          "key"_a, "labels"_a)
      .def("update", &update, "keys"_a.none())
      .def("update_asking", &update_asking, "keys"_a.none(), "gaps"_a)
      .def(
          "advance",
          [](Self& self, std::uint64_t count) {
            const streams::Using held_here(self.busy);
            self.kernel.advance(count);
          },
          "count"_a)
      .def("to_bytes_with", &summaries::to_bytes_with<SlidingWindow>, "predictor"_a.none())
      .def_static("from_bytes_with", &summaries::from_bytes_with<SlidingWindow>, "data"_a)
      .def_prop_ro("arrivals", told([](const SlidingWindow& kernel) { return kernel.arrivals(); }))
      .def_prop_ro("filtered", told([](const SlidingWindow& kernel) {
                     return nb::make_tuple(kernel.candidates(), kernel.passed());
                   }))
      .def_prop_ro("window", [](const Self& self) { return self.kernel.frame().window; })
      .def_prop_ro("block", [](const Self& self) { return self.kernel.frame().block; })
      .def_prop_ro("frame", [](const Self& self) { return self.kernel.frame().length(); })
      .def_prop_ro(
          "filter",
          [](const Self& self) { return kFilterNames[static_cast<std::size_t>(self.kernel.options().filter)]; })
      .def_prop_ro("sample", [](const Self& self) { return self.kernel.options().sample; })
      .def_prop_ro("confidence", [](const Self& self) { return self.kernel.options().confidence; });
  summaries::bind_estimate(bound);
  summaries::bind_slots(bound);
}
