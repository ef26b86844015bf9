// A policy as data: the stages of a job's life, each with its place in the queue. The lowest band runs first; within it
// the order of the stage decides, then the order of arrival.
#pragma once
#include <limits>
#include <vector>

namespace bh::scheduling {

// What ranks a job in its stage: nothing, so that arrival decides; its key less the service received (SRPT, given exact
// keys); its key (SJF or PSJF); a place before all others, which is never preempted; completed quanta of service (LAS).
enum class Order { fcfs, remaining, size, pinned, attained };

struct Stage {
  static constexpr int kMostBand = 1'000;  // either way from 0

  int band = 0;
  Order order = Order::fcfs;
  double fixed = std::numeric_limits<double>::infinity(), per_key = 0;  // its length: fixed + per_key * key
  bool prediction = false;  // work on a prediction, on top of the job's size; otherwise service

  bool ranks_by_job() const { return order != Order::fcfs && order != Order::pinned; }
  bool keyed() const { return order == Order::remaining || order == Order::size || per_key != 0; }
};

struct Stages {
  std::vector<Stage> long_jobs = {}, short_jobs = {};
  double threshold = std::numeric_limits<double>::quiet_NaN();  // short: cheap < threshold; nan: all jobs are long
  bool by_cheap = false;    // the cheap prediction is the key, not the expensive one
  bool start_pins = false;  // non-preemptive: a job that has started keeps the server

  bool by_threshold() const { return threshold == threshold; }
  // Without a threshold, jobs that end in a first stage in arrival order are the short ones.
  bool limited() const {
    return !by_threshold() && long_jobs.size() > 1 && long_jobs[0].order == Order::fcfs && !long_jobs[0].prediction;
  }

  // The one band whose stages rank job by job, so that a single queue can hold all jobs; 0 if there is none.
  int keyed_band() const;
  void check() const;  // throws InvalidInput unless every job comes to an end in these stages, and one queue serves all
};

}  // namespace bh::scheduling
