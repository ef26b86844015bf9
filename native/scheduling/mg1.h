// A queue run event by event: jobs come in order of arrival, a policy in stages says who is served.
// One dispatch for each distinct instant: own events of the jobs in service first, then arrivals, then the choice.
// A running job is brought up to date at its own events only; its age there is assigned, never added up.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "scheduling/line.h"
#include "scheduling/stages.h"

namespace bh::scheduling {

// Sums over the jobs of a batch; memory, the integral of the ages of unfinished jobs, over the time between its
// arrivals.
struct Tally {
  double jobs = 0, response = 0, slowdown = 0, short_jobs = 0, short_response = 0, interruptions = 0, demotions = 0;
  double cheap_calls = 0, expensive_calls = 0, busy = 0, found = 0, work = 0, gaps = 0, memory = 0;
};

class Mg1 {
 public:
  // The first `warmup` of `jobs` jobs are tally 0, the others `batches` of nearly equal length; what happens after the
  // last arrival counts as memory of one tally more.
  Mg1(Stages stages, std::uint32_t servers, double switch_fixed, double switch_per_age, std::uint64_t jobs,
      std::uint64_t warmup, std::uint64_t batches);

  // The next jobs. start and completion, unless empty, hold all jobs and are written as these happen.
  void arrive(std::span<const double> arrival, std::span<const double> size, std::span<const double> expensive,
              std::span<const double> cheap, std::span<double> start, std::span<double> completion);
  void finish(std::span<double> start, std::span<double> completion);

  const std::vector<Tally>& tallies() const { return tallies_; }
  double quantile(double share) const;  // of the response times after the warm-up, to 0.6 %
  double slowest() const { return slowest_; }
  double peak_memory() const { return peak_; }

 private:
  // A row as the event loop reads it.
  struct Stage {
    double fixed, per_key;
    double rank, falls;  // the rank if it is the same for all; falls: 1 if service lowers the rank
    double grows;        // 1 if service adds to the memory
    Order order;
    bool prediction, asks, last, waits;  // asks: for the key; waits: of no length, it lasts until the job is served
  };
  struct Job {
    std::uint64_t sequence;
    double arrival, size, key;
    double age, end;  // service so far, and at the end of the row
    double works;     // prediction work of the rows so far
    double quanta;    // completed ones, in an attained row
    double owed;      // work that a switch costs
    double rank;
    Tally* tally;
    std::uint32_t row;
    bool started;
  };
  struct Server {
    double since, event;
    double rank, falls, grows;  // of its job, at `since`
    std::uint64_t sequence;
    std::uint32_t job;
    bool switching, own;  // own: an event of its own falls on this instant
  };
  struct Times {
    std::span<double> start, completion;
  };

  void prepare(const std::vector<Row>& rows);
  double total_work(const Job& job) const;
  void enter(Job& job);
  void begin(Server& server, const Job& job);
  void serve(Server& server, std::uint32_t job, const Times& times);
  Place set_aside(Server& server);
  Place place(const Server& server) const;
  void elapse(double time);
  void own_events(const Times& times);
  void complete(const Server& server, const Times& times);
  void dispatch(const Times& times);
  void advance(double time, const Times& times);

  std::vector<Stage> stages_;                      // those of the shorts, then those of the longs
  std::uint32_t first_long_ = 0, ends_short_ = 0;  // a job that ends in a stage before the latter counts as short
  double threshold_;
  bool classes_, by_cheap_, start_pins_, works_;
  int keyed_band_ = 0;
  double switch_fixed_, switch_per_age_;
  std::uint64_t jobs_, warmup_, batches_;

  std::vector<Job> records_;
  std::vector<std::uint32_t> free_;
  std::vector<Server> servers_;
  std::size_t busy_ = 0;  // the first ones
  Line waiting_{0};
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
