#include "scheduling/mg1.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "support/errors.h"
#include "support/simd.h"

namespace bh::scheduling {
namespace {

constexpr int kMostBand = 1'000;  // either way from 0, so that their ranks are finite
constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr double kBand = 1e300;       // between two bands; keys are far below
constexpr int kBucketShift = 52 - 7;  // 128 buckets for each power of two
constexpr std::size_t kBuckets = std::size_t{1} << 18;

bool keyed(const Row& row) { return row.order == Order::remaining || row.order == Order::constant || row.per_key != 0; }
// Every job comes to an end in these rows: the lengths are numbers, work on predictions is finite, and the last row is
// not.
void check(const std::vector<Row>& rows, const char* which) {
  const auto refuse = [which](const char* rule) {
    throw InvalidInput(std::string("stages of ") + which + " jobs " + rule);
  };
  if (rows.empty()) refuse("are missing; give at least one row");
  for (const Row& row : rows) {
    if (row.band < -kMostBand || row.band > kMostBand) refuse("have a band beyond 1000; number them from 0");
    if (!(row.fixed >= 0) || !(row.per_key >= 0) || row.per_key == kForever)
      refuse("have a row whose length is no length");
    if (row.prediction && (row.fixed == kForever || row.per_key != 0))
      refuse("have prediction work of no fixed length; give it a finite one");
    if (row.order == Order::attained && (rows.size() > 1 || !(row.fixed > 0) || row.prediction))
      refuse("rank by attained service, which must be the only row, with a quantum of service above 0");
  }
  if (rows.back().order != Order::attained && rows.back().fixed < kForever)
    refuse("end before the job may; give the last row the length inf");
}

bool has_own_ranks(const Row& row) { return row.order != Order::fcfs && row.order != Order::pinned; }

}  // namespace

Mg1::Mg1(Stages stages, std::uint32_t servers, double switch_fixed, double switch_per_age, std::uint64_t jobs,
         std::uint64_t warmup, std::uint64_t batches)
    : threshold_(stages.threshold),
      classes_(!std::isnan(stages.threshold)),
      by_cheap_(stages.by_cheap),
      start_pins_(stages.start_pins),
      switch_fixed_(switch_fixed),
      switch_per_age_(switch_per_age),
      jobs_(jobs),
      warmup_(warmup),
      batches_(batches),
      servers_(servers),
      boundary_(warmup),
      tallies_(batches + 2),
      tally_(tallies_.data()),
      histogram_(kBuckets) {
  check(stages.longs, "long");
  if (classes_) check(stages.shorts, "short");
  std::vector<Row> all = stages.shorts;
  all.insert(all.end(), stages.longs.begin(), stages.longs.end());
  works_ = std::any_of(all.begin(), all.end(), [](const Row& row) { return row.prediction; });
  const auto first = std::find_if(all.begin(), all.end(), has_own_ranks);
  if (first != all.end()) keyed_band_ = first->band;
  for (const Row& row : all)
    if (has_own_ranks(row) && row.band != keyed_band_)
      throw InvalidInput("stages rank by keys in bands " + std::to_string(keyed_band_) + " and " +
                         std::to_string(row.band) + ", but all such rows must share one; let stages() return None");
  if (classes_) prepare(stages.shorts);
  first_long_ = ends_short_ = static_cast<std::uint32_t>(stages_.size());
  prepare(stages.longs);
  waiting_ = Line(stages_.front().rank);
  const std::vector<Row>& rows = stages.longs;
  if (!classes_ && rows.size() > 1 && rows[0].order == Order::fcfs && !rows[0].prediction) ends_short_ = 1;
}

// The key is asked for when the rows that need none are over.
void Mg1::prepare(const std::vector<Row>& rows) {
  const auto early = [](const Row& row) { return !keyed(row) && !row.prediction; };
  auto asks = rows.end();
  if (std::any_of(rows.begin(), rows.end(), keyed)) asks = std::find_if_not(rows.begin(), rows.end(), early);
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    const bool last = row + 1 == rows.end();
    stages_.push_back({.fixed = row->fixed,
                       .per_key = row->per_key,
                       .rank = row->order == Order::pinned ? -kForever : (row->band - keyed_band_) * kBand,
                       .falls = row->order == Order::remaining ? 1.0 : 0.0,
                       .grows = row->prediction ? 0.0 : 1.0,
                       .order = row->order,
                       .prediction = row->prediction,
                       .asks = row == asks,
                       .last = last,
                       .waits = !last && row[1].order == Order::pinned});
  }
}

// The size, and the work on predictions that the job lives to see.
double Mg1::total_work(const Job& job) const {
  double served = 0, works = 0;
  for (const Stage* stage = &stages_[job.row];; ++stage) {
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

// Rank and end in the row that the job has come to. Rows of no length are passed over, but one that waits lasts until
// the job is served.
BH_INLINE void Mg1::enter(Job& job) {
  for (;; ++job.row) {
    const Stage& stage = stages_[job.row];
    if (stage.asks) ++(by_cheap_ ? job.tally->cheap_calls : job.tally->expensive_calls);
    const double total = job.size + job.works;
    const double length =
        stage.per_key == 0 ? stage.fixed : std::max(0.0, stage.fixed + stage.per_key * job.key);  // no nan
    switch (stage.order) {
      case Order::fcfs:
      case Order::pinned: job.rank = stage.rank; break;
      case Order::remaining: job.rank = job.key - (job.age - job.works); break;
      case Order::constant: job.rank = job.key; break;
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

BH_INLINE void Mg1::begin(Server& server, const Job& job) {
  const Stage& stage = stages_[job.row];
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

BH_INLINE void Mg1::serve(Server& server, std::uint32_t index, const Times& times) {
  Job& job = records_[index];
  if (!job.started) {
    job.started = true;
    if (!times.start.empty()) times.start[job.sequence] = now_;
    if (job.end <= job.age) ++job.row, enter(job);
    if (start_pins_) job.rank = -kForever;
  }
  server.job = index;
  server.sequence = job.sequence;
  server.own = false;
  begin(server, job);
}

// Where a running job would stand in line now.
BH_INLINE Place Mg1::place(const Server& server) const {
  return {server.rank - server.falls * (now_ - server.since), server.sequence, server.job};
}

BH_INLINE Place Mg1::set_aside(Server& server) {
  const Place where = place(server);
  Job& job = records_[server.job];
  job.tally->busy += now_ - server.since;
  growing_ -= server.grows;
  ++(server.own ? job.tally->demotions : job.tally->interruptions);
  if (!server.switching) job.age = std::min(job.age + (now_ - server.since), job.end);
  job.rank = where.rank;
  job.owed = switch_fixed_ + switch_per_age_ * job.age;
  return where;
}

BH_INLINE void Mg1::elapse(double time) {
  const double passed = time - now_;
  tally_->memory += passed * (memory_ + 0.5 * growing_ * passed);
  memory_ += growing_ * passed;
  now_ = time;
}

BH_INLINE void Mg1::complete(const Server& server, const Times& times) {
  const Job& job = records_[server.job];
  const double response = now_ - job.arrival;
  Tally& tally = *job.tally;
  tally.response += response;
  tally.slowdown += response / job.size;
  if (job.row < ends_short_) {
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

// What happens to the jobs in service at this instant by themselves: completions, and ends of rows and switches.
BH_INLINE void Mg1::own_events(const Times& times) {
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
    const Stage& stage = stages_[job.row];
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
      ++job.row;
    }
    enter(job);
    if (start_pins_) job.rank = -kForever;
    server.own = true;
    begin(server, job), ++s;
  }
  if (busy_ == 0 && waiting_.empty()) memory_ = 0;  // forget what rounding has left
}

// Runs the jobs of lowest rank among those in service and in line.
BH_INLINE void Mg1::dispatch(const Times& times) {
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
    serve(*last, waiting_.replace(set_aside(*last)).job, times);
  }
  next_ = kForever;
  for (std::size_t s = 0; s < busy_; ++s) {
    servers_[s].own = false;
    next_ = std::min(next_, servers_[s].event);
  }
}

// Everything before this time, and the own events of this very instant; its choice waits for all that arrive in it.
void Mg1::advance(double time, const Times& times) {
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

void Mg1::arrive(std::span<const double> arrival, std::span<const double> size, std::span<const double> expensive,
                 std::span<const double> cheap, std::span<double> start, std::span<double> completion) {
  const std::span<const double> keys = by_cheap_ ? cheap : expensive;
  const auto fits = [&](std::span<const double> column, bool wanted) {
    return column.size() == arrival.size() || (column.empty() && !wanted);
  };
  const auto holds_all = [&](std::span<double> column) { return column.empty() || column.size() == jobs_; };
  if (!fits(size, true) || !fits(expensive, false) || !fits(cheap, classes_) || !holds_all(start) ||
      !holds_all(completion) || arrival.size() > jobs_ - sequence_)
    throw InvalidInput("columns do not fit together, or hold more jobs than were announced");
  const Times times{start, completion};
  for (std::size_t i = 0; i < arrival.size(); ++i, ++sequence_) {
    if (!(size[i] > 0) || !(size[i] < kForever))
      throw InvalidInput("a job has no size; all must be above 0 and finite");
    if (sequence_ == 0) now_ = arrival[0];
    if (sequence_ == boundary_) {  // batch b ends before warmup + ceil(b * measured / batches)
      tally_ = &tallies_[++batch_];
      boundary_ = warmup_ + (batch_ * (jobs_ - warmup_) + batches_ - 1) / batches_;
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
           .row = classes_ && cheap[i] < threshold_ ? 0 : first_long_,
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

void Mg1::finish(std::span<double> start, std::span<double> completion) {
  batch_ = batches_ + 1;
  tally_ = &tallies_[batch_];
  advance(kForever, {start, completion});
}

double Mg1::quantile(double share) const {
  std::uint64_t count = 0;
  for (const std::uint64_t held : histogram_) count += held;
  const double wanted = share * static_cast<double>(count);
  double below = 0;
  for (std::size_t b = 0; b < histogram_.size(); ++b) {
    const auto held = static_cast<double>(histogram_[b]);
    if (held > 0 && below + held >= wanted) {
      const double low = std::bit_cast<double>(std::uint64_t{b} << kBucketShift);
      const double high = std::bit_cast<double>(std::uint64_t{b + 1} << kBucketShift);
      return std::min(low + (high - low) * std::max(wanted - below, 0.0) / held, slowest_);
    }
    below += held;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace bh::scheduling
