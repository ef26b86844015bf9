#include "scheduling/engine.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "support/errors.h"
#include "support/simd.h"

namespace bh::scheduling {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr double kBand = 1e300;       // between two bands; keys are far below
constexpr int kBucketShift = 52 - 7;  // 128 buckets for each power of two
constexpr std::size_t kBuckets = std::size_t{1} << 18;

}  // namespace

Engine::Engine(const Stages& stages, const Setup& setup)
    : threshold_(stages.threshold),
      classes_(stages.by_threshold()),
      by_cheap_(stages.by_cheap),
      start_pins_(stages.start_pins),
      setup_(setup),
      servers_(setup.servers),
      boundary_(setup.warmup),
      tallies_(setup.batches + 2),
      tally_(tallies_.data()),
      histogram_(kBuckets) {
  stages.check();
  if (classes_) prepare(stages.short_jobs, stages.keyed_band());
  first_long_ = static_cast<std::uint32_t>(stages_.size());
  ends_short_ = stages.limited() ? 1 : first_long_;
  prepare(stages.long_jobs, stages.keyed_band());
  waiting_ = WaitingJobs(stages_.front().rank);
}

// The key is asked for once the stages that do without it are over.
void Engine::prepare(const std::vector<Stage>& stages, int keyed_band) {
  const auto early = [](const Stage& stage) { return !stage.keyed() && !stage.prediction; };
  auto asks = stages.end();
  if (std::any_of(stages.begin(), stages.end(), [](const Stage& stage) { return stage.keyed(); }))
    asks = std::find_if_not(stages.begin(), stages.end(), early);
  for (auto stage = stages.begin(); stage != stages.end(); ++stage) {
    const bool last = stage + 1 == stages.end();
    works_ = works_ || stage->prediction;
    stages_.push_back({.fixed = stage->fixed,
                       .per_key = stage->per_key,
                       .rank = stage->order == Order::pinned ? -kForever : (stage->band - keyed_band) * kBand,
                       .falls = stage->order == Order::remaining ? 1.0 : 0.0,
                       .grows = stage->prediction ? 0.0 : 1.0,
                       .order = stage->order,
                       .prediction = stage->prediction,
                       .asks = stage == asks,
                       .last = last,
                       .waits = !last && stage[1].order == Order::pinned});
  }
}

// The size, and the work on predictions that the job lives to see.
double Engine::total_work(const Job& job) const {
  double served = 0, works = 0;
  for (const Prepared* stage = &stages_[job.stage];; ++stage) {
    if (stage->prediction) {
      works += stage->fixed;
    } else {
      served += stage->per_key == 0 ? stage->fixed : stage->fixed + stage->per_key * job.key;
      if (served >= job.size) break;
    }
    if (stage->last) break;
  }
  return job.size + works;
}

// Rank and end in the stage that the job has come to. Stages of length 0 are passed over, but one that waits lasts
// until the job is served.
BH_INLINE void Engine::enter(Job& job) {
  for (;; ++job.stage) {
    const Prepared& stage = stages_[job.stage];
    if (stage.asks) ++(by_cheap_ ? job.tally->cheap_calls : job.tally->expensive_calls);
    const double total = job.size + job.works;
    const double length =
        stage.per_key == 0 ? stage.fixed : std::max(0.0, stage.fixed + stage.per_key * job.key);  // no nan
    switch (stage.order) {
      case Order::fcfs:
      case Order::pinned: job.rank = stage.rank; break;
      case Order::remaining: job.rank = job.key - (job.age - job.works); break;
      case Order::size: job.rank = job.key; break;
      case Order::attained: job.rank = job.quanta; break;
    }
    if (stage.prediction) {
      job.end = job.age + length;
    } else if (stage.order == Order::attained) {
      job.end = std::min((job.quanta + 1) * length, total);
    } else {
      job.end = std::min(job.age + length, total);
    }
    if (job.end > job.age || stage.last || (stage.waits && !job.started)) break;
  }
}

BH_INLINE void Engine::begin(Server& server, const Job& job) {
  const Prepared& stage = stages_[job.stage];
  server.since = now_;
  server.rank = job.rank;
  server.switching = job.owed > 0;
  if (server.switching) {
    server.falls = server.grows = 0;
    server.event = now_ + job.owed;
  } else {
    server.falls = stage.falls, server.grows = stage.grows;
    server.event = now_ + std::max(job.end - job.age, 0.0);
  }
  growing_ += server.grows;
}

BH_INLINE void Engine::serve(Server& server, std::uint32_t index, const Times& times) {
  Job& job = records_[index];
  if (!job.started) {
    job.started = true;
    if (!times.start.empty()) times.start[job.sequence] = now_;
    if (job.end <= job.age) ++job.stage, enter(job);
    if (start_pins_) job.rank = -kForever;
  }
  server.job = index;
  server.sequence = job.sequence;
  server.own = false;
  begin(server, job);
}

// Where a running job would stand in the queue now.
BH_INLINE Place Engine::place(const Server& server) const {
  return {server.rank - server.falls * (now_ - server.since), server.sequence, server.job};
}

BH_INLINE Place Engine::preempt(Server& server) {
  const Place where = place(server);
  Job& job = records_[server.job];
  job.tally->busy += now_ - server.since;
  growing_ -= server.grows;
  ++(server.own ? job.tally->demotions : job.tally->interruptions);
  if (!server.switching) job.age = std::min(job.age + (now_ - server.since), job.end);
  job.rank = where.rank;
  job.owed = setup_.switch_fixed + setup_.switch_per_age * job.age;
  return where;
}

BH_INLINE void Engine::elapse(double time) {
  const double passed = time - now_;
  tally_->memory += passed * (memory_ + 0.5 * growing_ * passed);
  memory_ += growing_ * passed;
  now_ = time;
}

BH_INLINE void Engine::complete(const Server& server, const Times& times) {
  const Job& job = records_[server.job];
  const double response = now_ - job.arrival;
  Tally& tally = *job.tally;
  tally.response += response;
  tally.slowdown += response / job.size;
  if (job.stage < ends_short_) {
    ++tally.short_jobs;
    tally.short_response += response;
  }
  if (&tally != tallies_.data()) {
    slowest_ = std::max(slowest_, response);
    ++histogram_[std::bit_cast<std::uint64_t>(response) >> kBucketShift & (kBuckets - 1)];
  }
  if (batch_ > 0) peak_ = std::max(peak_, memory_);
  memory_ -= job.size;
  if (!times.completion.empty()) times.completion[job.sequence] = now_;
  free_.push_back(server.job);
}

// What happens to the jobs in service at this instant by themselves: completions, and ends of stages and switches.
BH_INLINE void Engine::own_events(const Times& times) {
  settled_ = false;
  for (std::size_t s = 0; s < busy_;) {
    Server& server = servers_[s];
    if (server.event > now_) {
      ++s;
      continue;
    }
    Job& job = records_[server.job];
    job.tally->busy += now_ - server.since;
    growing_ -= server.grows;
    if (server.switching) {
      job.owed = 0;
      begin(server, job), ++s;
      continue;
    }
    const Prepared& stage = stages_[job.stage];
    job.age = job.end;
    if (!stage.prediction && job.end >= job.size + job.works) {
      complete(server, times);
      server = servers_[--busy_];
      continue;
    }
    if (stage.prediction) job.works += stage.fixed;
    if (stage.order == Order::attained) {
      ++job.quanta;
    } else {
      ++job.stage;
    }
    enter(job);
    if (start_pins_) job.rank = -kForever;
    server.own = true;
    begin(server, job), ++s;
  }
  if (busy_ == 0 && waiting_.empty()) memory_ = 0;  // forget what rounding has left
}

// Runs the jobs of lowest rank among those in service and waiting.
BH_INLINE void Engine::dispatch(const Times& times) {
  settled_ = true;
  while (busy_ < servers_.size() && !waiting_.empty()) serve(servers_[busy_++], waiting_.pop().job, times);
  while (!waiting_.empty()) {
    Server* last = servers_.data();
    Place lowest = place(*last);
    for (std::size_t s = 1; s < busy_; ++s) {
      const Place other = place(servers_[s]);
      if (lowest < other) lowest = other, last = &servers_[s];
    }
    if (!(waiting_.top() < lowest)) break;
    serve(*last, waiting_.replace(preempt(*last)).job, times);
  }
  next_ = kForever;
  for (std::size_t s = 0; s < busy_; ++s) {
    servers_[s].own = false;
    next_ = std::min(next_, servers_[s].event);
  }
}

// Everything before this time, and the own events at this instant; its dispatch waits for all arrivals of the instant.
void Engine::advance(double time, const Times& times) {
  for (;;) {
    if (!settled_) dispatch(times);
    if (next_ >= time) break;
    elapse(next_);
    own_events(times);
  }
  if (time == kForever) return;
  elapse(time);
  if (next_ == time) own_events(times);
}

void Engine::arrive(const Jobs& jobs, const Times& times) {
  const std::span<const double> arrival = jobs.arrival, size = jobs.size;
  const std::span<const double> expensive = jobs.expensive, cheap = jobs.cheap;
  const std::span<const double> keys = by_cheap_ ? cheap : expensive;
  const auto fits = [count = arrival.size()](std::span<const double> column, bool wanted) {
    return column.size() == count || (column.empty() && !wanted);
  };
  const auto holds_all = [&](std::span<double> column) { return column.empty() || column.size() == setup_.jobs; };
  if (!fits(size, true) || !fits(expensive, false) || !fits(cheap, classes_))
    throw InvalidInput("columns of jobs differ in length; pass one value for each job");
  if (!holds_all(times.start) || !holds_all(times.completion) || arrival.size() > setup_.jobs - sequence_)
    throw InvalidInput("jobs and times do not match the " + std::to_string(setup_.jobs) +
                       " jobs announced; pass that many in all");
  for (std::size_t i = 0; i < arrival.size(); ++i, ++sequence_) {
    if (!(size[i] > 0) || !(size[i] < kForever))
      throw InvalidInput("size of job " + std::to_string(sequence_) + " is " + shown(size[i]) +
                         ", but must be above 0 and finite");
    if (sequence_ == 0) now_ = arrival[0];
    if (sequence_ == boundary_) {  // batch b ends before warmup + ceil(b * measured / batches)
      tally_ = &tallies_[++batch_];
      boundary_ = setup_.warmup + (batch_ * (setup_.jobs - setup_.warmup) + setup_.batches - 1) / setup_.batches;
    }
    if (arrival[i] > now_) advance(arrival[i], times);

    std::uint32_t index;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(records_.size());
      records_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Job& job = records_[index];
    job = {.sequence = sequence_,
           .arrival = arrival[i],
           .size = size[i],
           .key = keys.empty() ? 0.0 : keys[i],
           .age = 0,
           .end = 0,
           .works = 0,
           .quanta = 0,
           .owed = 0,
           .rank = 0,
           .tally = tally_,
           .stage = classes_ && cheap[i] < threshold_ ? 0 : first_long_,
           .started = false};

    const double gap = arrival[i] - previous_;
    workload_ = std::max(workload_ - gap, 0.0);
    const double work = works_ ? total_work(job) : job.size;
    ++tally_->jobs;
    tally_->cheap_calls += classes_;
    tally_->found += workload_;
    tally_->work += work;
    tally_->gaps += gap;
    workload_ += work;
    previous_ = arrival[i];

    enter(job);
    waiting_.push({job.rank, job.sequence, index});
    settled_ = false;
  }
}

void Engine::finish(const Times& times) {
  batch_ = setup_.batches + 1;
  tally_ = &tallies_[batch_];
  advance(kForever, times);
}

double Engine::quantile(double share) const {
  const double count = static_cast<double>(std::accumulate(histogram_.begin(), histogram_.end(), std::uint64_t{0}));
  const double wanted = share * count;
  double below = 0;
  for (std::size_t b = 0; b < histogram_.size(); ++b) {
    if (histogram_[b] == 0) continue;  // most are
    const auto held = static_cast<double>(histogram_[b]);
    if (below + held >= wanted) {
      const double low = std::bit_cast<double>(std::uint64_t{b} << kBucketShift);
      const double high = std::bit_cast<double>(std::uint64_t{b + 1} << kBucketShift);
      return std::min(low + (high - low) * std::max(wanted - below, 0.0) / held, slowest_);
    }
    below += held;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace bh::scheduling
