// A queue run event by event: jobs come in order of arrival, a policy in stages says who is served.
// One dispatch for each distinct instant: own events of the jobs in service first, then arrivals, then the choice.
// A running job is brought up to date at its own events only; its age there is assigned, never added up.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "scheduling/heap.h"
#include "scheduling/stages.h"

namespace bh {

// Sums over the jobs of a batch; memory, the integral of the ages of unfinished jobs, over the time between its arrivals.
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
  struct Job {
    std::uint64_t sequence;
    double arrival, size, key;
    double age, end;    // service so far, and at the end of the row
    double works;       // prediction work of the rows so far
    double quanta;      // completed ones, in an attained row
    double owed;        // work that a switch costs
    double rank, falls;  // falls: 1 if service lowers the rank
    std::uint32_t batch, row;
    bool is_long, started;
  };
  struct Server {
    double since, event;
    double rank, falls;  // of its job, at `since`
    std::uint64_t sequence;
    std::uint32_t job;
    bool switching, grows, own;  // grows: adds to the memory; own: an event of its own falls on this instant
  };
  struct Class {
    std::vector<Row> rows;
    std::uint32_t asks;  // the row that asks for the key
  };

  Class prepare(const std::vector<Row>& rows);
  double total_work(const Job& job) const;
  void enter(Job& job);
  void begin(Server& server);
  void serve(Server& server, std::uint32_t job, std::span<double> start);
  Place set_aside(Server& server);
  Place place(const Server& server) const;
  void elapse(double time);
  void own_events(std::span<double> completion);
  void complete(const Server& server, std::span<double> completion);
  void dispatch(std::span<double> start);
  void advance(double time, std::span<double> start, std::span<double> completion);

  Class classes_[2];  // shorts, longs
  double threshold_;
  bool by_cheap_, start_pins_, works_, limited_;  // limited: those that end in the first row are the shorts
  int keyed_band_ = 0;
  std::uint32_t servers_;
  double switch_fixed_, switch_per_age_;
  std::uint64_t jobs_, warmup_, batches_;

  std::vector<Job> records_;
  std::vector<std::uint32_t> free_;
  std::vector<Server> running_;
  Heap waiting_;
  double now_ = 0, next_ = std::numeric_limits<double>::infinity();
  bool settled_ = true;

  std::uint64_t sequence_ = 0, boundary_ = 0;
  std::uint32_t batch_ = 0;
  double previous_ = 0, workload_ = 0;
  double memory_ = 0, growing_ = 0, peak_ = 0, slowest_ = 0;
  std::vector<Tally> tallies_;
  std::vector<std::uint64_t> histogram_;
};

}  // namespace bh
