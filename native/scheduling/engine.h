// A discrete-event simulation of one queue: jobs come in order of arrival, a policy in stages says who is served.
// One dispatch for each distinct instant: own events of the jobs in service first, then arrivals, then the choice.
// A running job is brought up to date at its own events only; its age there is assigned, never added up.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "scheduling/stages.h"
#include "scheduling/waiting_jobs.h"

namespace bh::scheduling {

// Sums over the jobs of a batch (for intervals by batch means); memory, the integral of the ages of unfinished jobs,
// over the time between its arrivals. found: the workload that arrivals meet (Lindley's recursion); gaps: interarrival
// times.
struct Tally {
  double jobs = 0, response = 0, slowdown = 0, short_jobs = 0, short_response = 0, interruptions = 0, demotions = 0;
  double cheap_calls = 0, expensive_calls = 0, busy = 0, found = 0, work = 0, gaps = 0, memory = 0;
};

struct Setup {
  std::uint32_t servers = 1;
  double switch_fixed = 0, switch_per_age = 0;  // what preempting a job costs: fixed + per_age * its age
  // The first `warmup` of `jobs` jobs are tally 0, the others `batches` of nearly equal length; what happens after the
  // last arrival counts as memory of one tally more.
  std::uint64_t jobs = 0, warmup = 0, batches = 1;
};

// Columns of the same jobs in order of arrival; predictions that no stage needs may be empty.
struct Jobs {
  std::span<const double> arrival, size, expensive = {}, cheap = {};
};

// Of all jobs of a run, written as these happen; or empty.
struct Times {
  std::span<double> start = {}, completion = {};
};

class Engine {
 public:
  Engine(const Stages& stages, const Setup& setup);

  void arrive(const Jobs& jobs, const Times& times);  // the next ones
  void finish(const Times& times);

  const std::vector<Tally>& tallies() const { return tallies_; }
  double quantile(double share) const;  // of the response times after the warm-up, to 0.6 %
  double slowest() const { return slowest_; }
  double peak_memory() const { return peak_; }

 private:
  // A stage as the event loop reads it.
  struct Prepared {
    double fixed, per_key;
    double rank, falls;  // the rank if it is the same for all; falls: 1 if service lowers the rank
    double grows;        // 1 if service adds to the memory
    Order order;
    bool prediction, asks, last, waits;  // asks: for the key; waits: of length 0, it lasts until the job is served
  };
  struct Job {
    std::uint64_t sequence;
    double arrival, size, key;
    double age, end;  // service so far, and at the end of the stage
    double works;     // prediction work of the stages so far
    double quanta;    // completed ones, where attained service ranks
    double owed;      // work that a switch costs
    double rank;
    Tally* tally;
    std::uint32_t stage;
    bool started;
  };
  struct Server {
    double since, event;
    double rank, falls, grows;  // of its job, at `since`
    std::uint64_t sequence;
    std::uint32_t job;
    bool switching, own;  // own: an event of its own falls on this instant
  };
  void prepare(const std::vector<Stage>& stages, int keyed_band);
  double total_work(const Job& job) const;
  void enter(Job& job);
  void begin(Server& server, const Job& job);
  void serve(Server& server, std::uint32_t job, const Times& times);
  Place preempt(Server& server);
  Place place(const Server& server) const;
  void elapse(double time);
  void own_events(const Times& times);
  void complete(const Server& server, const Times& times);
  void dispatch(const Times& times);
  void advance(double time, const Times& times);

  std::vector<Prepared> stages_;                   // those of short jobs, then those of long ones
  std::uint32_t first_long_ = 0, ends_short_ = 0;  // a job that ends in a stage before the latter counts as short
  double threshold_;
  bool classes_, by_cheap_, start_pins_, works_ = false;
  Setup setup_;

  std::vector<Job> records_;
  std::vector<std::uint32_t> free_;
  std::vector<Server> servers_;
  std::size_t busy_ = 0;  // the first ones
  WaitingJobs waiting_{0};
  double now_ = 0, next_ = std::numeric_limits<double>::infinity();
  bool settled_ = true;

  std::uint64_t sequence_ = 0, boundary_ = 0;
  std::uint64_t batch_ = 0;
  double previous_ = 0, workload_ = 0;
  double memory_ = 0, growing_ = 0, peak_ = 0, slowest_ = 0;
  std::vector<Tally> tallies_;
  Tally* tally_;  // of this batch
  std::vector<std::uint64_t> histogram_;
};

}  // namespace bh::scheduling
