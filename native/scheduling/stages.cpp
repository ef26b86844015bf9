#include "scheduling/stages.h"

#include <optional>
#include <string>

#include "support/errors.h"

namespace bh::scheduling {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

// Lengths are numbers, prediction work is finite, and the last stage lasts until the job is served.
void check_class(const std::vector<Stage>& stages, const char* which) {
  const auto refuse = [which](const std::string& rule) {
    throw InvalidInput(std::string("stages of ") + which + " jobs " + rule);
  };
  if (stages.empty()) refuse("are missing; give at least one");
  for (const Stage& stage : stages) {
    if (stage.band < -Stage::kMostBand || stage.band > Stage::kMostBand)
      refuse("have band " + std::to_string(stage.band) + ", but bands go from -1000 to 1000; number them from 0");
    if (!(stage.fixed >= 0) || !(stage.per_key >= 0) || stage.per_key == kForever)
      refuse("have a length that is negative or nan; give `fixed` and a finite `per_key` of at least 0");
    if (stage.prediction && (stage.fixed == kForever || stage.per_key != 0))
      refuse("have prediction work without a fixed length; give it a finite `fixed` and no `per_key`");
    if (stage.order == Order::attained && (stages.size() > 1 || !(stage.fixed > 0) || stage.prediction))
      refuse("rank by attained service, which must be the only stage, with a quantum of service above 0");
  }
  if (stages.back().order != Order::attained && stages.back().fixed < kForever)
    refuse("end before the job may; give the last stage the length inf");
}

}  // namespace

int Stages::keyed_band() const {
  std::optional<int> band;
  for (const auto* stages : {&short_jobs, &long_jobs})
    for (const Stage& stage : *stages) {
      if (!stage.ranks_by_job()) continue;
      if (band && stage.band != *band)
        throw InvalidInput("stages rank by keys in bands " + std::to_string(*band) + " and " +
                           std::to_string(stage.band) +
                           ", but all such stages must share one band; let stages() return None");
      band = stage.band;
    }
  return band.value_or(0);
}

void Stages::check() const {
  check_class(long_jobs, "long");
  if (by_threshold()) check_class(short_jobs, "short");
  static_cast<void>(keyed_band());
}

}  // namespace bh::scheduling
