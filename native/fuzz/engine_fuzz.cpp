// Any bytes are stages and jobs: either the engine refuses the stages, or every job completes, work is conserved and
// nothing completes before it can.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "scheduling/engine.h"
#include "support/errors.h"

namespace scheduling = bh::scheduling;

namespace {

// Small numbers, so that ties and events at one instant are common.
class Reader {
 public:
  Reader(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ == size_; }
  unsigned below(unsigned limit) { return at_ < size_ ? data_[at_++] % limit : 0; }
  double number() { return below(16) / 4.0; }
  std::vector<scheduling::Stage> stages() {
    std::vector<scheduling::Stage> stages(below(5));
    for (scheduling::Stage& stage : stages) {
      stage.band = static_cast<int>(below(4)) - 1;
      stage.order = static_cast<scheduling::Order>(below(5));
      const unsigned length = below(16);
      stage.fixed = length == 15 ? std::numeric_limits<double>::infinity() : length / 4.0;
      stage.per_key = below(4) == 0 ? number() / 4 : 0;
      stage.prediction = below(4) == 0;
    }
    return stages;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

void check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 400) return 0;
  Reader reader(data, size);
  scheduling::Stages stages;
  stages.threshold = reader.below(2) ? reader.number() : std::numeric_limits<double>::quiet_NaN();
  stages.by_cheap = reader.below(2);
  stages.start_pins = reader.below(2);
  stages.short_jobs = reader.stages();
  stages.long_jobs = reader.stages();
  const unsigned servers = 1 + reader.below(3);
  const double switch_fixed = reader.below(4) ? 0 : reader.number();
  std::vector<double> arrival, sizes, expensive, cheap;
  double now = 0, total = 0;
  while (!reader.empty()) {
    arrival.push_back(now += reader.number());
    sizes.push_back(0.25 + reader.number());
    expensive.push_back(reader.number());
    cheap.push_back(reader.number());
    total += sizes.back();
  }
  try {
    scheduling::Engine engine(stages, {.servers = servers, .switch_fixed = switch_fixed, .jobs = arrival.size()});
    std::vector<double> start(arrival.size(), NAN), completion(arrival.size(), NAN);
    engine.arrive({arrival, sizes, expensive, cheap}, {start, completion});
    engine.finish({start, completion});
    double busy = 0;
    for (const scheduling::Tally& tally : engine.tallies()) busy += tally.busy;
    check(busy >= total - 1e-9);
    for (std::size_t i = 0; i < arrival.size(); ++i) {
      check(start[i] >= arrival[i]);
      check(completion[i] >= start[i] + sizes[i] - 1e-9);
      check(completion[i] <= arrival.back() + busy + 1e-9);
    }
  } catch (const bh::InvalidInput&) {
  }
  return 0;
}
