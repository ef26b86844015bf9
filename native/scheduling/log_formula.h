// Exact means of a single server with Poisson arrivals, whose jobs are the rows of a log: the SOAP theorem (Scully,
// Harchol-Balter, Scheller-Wolf, 2018) as one sweep over keys in ascending order. Equal keys are served in arrival
// order: an old job counts if its key is at most the tagged job's, a new one only if it is less.
//
// Invariants: sums only grow or hold rows that are active, and are zero exactly when none is, so that nothing cancels.
// Sums of work carry their rounding, which 1 / (1 - load) would magnify.
#pragma once
#include <cstdint>
#include <span>

namespace bh::scheduling {

// Columns of the same rows of a log in one order, and where in the log each row is.
struct Rows {
  std::span<const double> key, size, weight, gate;
  std::span<const std::int64_t> position;
};

// Which rows compete by key, and what comes before that competition.
struct Phase {
  double rate;      // arrivals per unit of time, over the sum of all weights
  double base;      // load of everything that outranks every key
  double others;    // second moment of work per unit of time at those ranks, as far as no key is involved
  double before;    // each row's own work at those ranks
  double least;     // rows with a smaller gate do not take part
  double attained;  // service that a row has had when it enters; its size counts less that
};

// Sums over the rows that take part, each times its weight.
struct Sums {
  double time = 0;           // expected response times
  double memory = 0;         // time times age, while a row is under its key
  double interruptions = 0;  // arrivals of smaller key while a row runs, per unit of `rate`
};

// Each sweep writes the expected response time of every row that takes part to its position in `times`, unless empty.

// Order::remaining (SRPT with predictions; TRAIL): rank is the key less the service received, until the share
// `fraction` of the key is served: from then on a row is not preempted. `starts` holds the rows by the level from which
// their remaining size rises to their key: key less size, or less `fraction` of the key if that is less than the size.
// That is their order for whatever is attained.
Sums sweep_remaining(const Rows& keys, const Rows& starts, const Phase& phase, double fraction,
                     std::span<double> times);

// Order::size (SJF, or PSJF if preemptive): rank is the key. Not preemptive: until the row first runs, and `others` is
// the second moment of all work.
Sums sweep_size(const Rows& keys, const Phase& phase, bool preemptive, std::span<double> times);

// Order::attained (LAS, as foreground-background in the limit of small quanta): rank is the service received; sizes are
// the keys. Returns the sum of weighted times.
double sweep_attained(const Rows& sizes, double rate, std::span<double> times);

// Moments of the rows with gate < least, and of all other rows.
struct Moments {
  double weight = 0, work = 0, squares = 0;
};
struct Classes {
  Moments below, others;
};
Classes split_at(std::span<const double> size, std::span<const double> weight, std::span<const double> gate,
                 double least);

}  // namespace bh::scheduling
