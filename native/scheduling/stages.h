// A policy as data: the stages of a job, each with its place in line. Short jobs pass through one list of rows, long
// ones through the other. Lowest rank first; ties go to the earlier arrival.
#pragma once
#include <cstdint>
#include <vector>

namespace bh::scheduling {

// How a row ranks: all alike, by the key less the service received, by the key, before all others, by quanta received.
enum class Order : int { fcfs, remaining, constant, pinned, attained };

struct Row {
  int band;
  Order order;
  double fixed, per_key;  // the row's length: fixed + per_key * key; job service, or work on a prediction
  bool prediction;
};

struct Stages {
  double threshold;  // short: cheap < threshold; nan: all jobs are long
  bool by_cheap;     // the cheap prediction is the key, not the expensive one
  bool start_pins;   // whoever has been served stays first
  std::vector<Row> shorts, longs;
};

}  // namespace bh::scheduling
