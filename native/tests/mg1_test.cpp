#include "scheduling/mg1.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace scheduling = bh::scheduling;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
using Column = std::vector<double>;

scheduling::Stages one_class(std::vector<scheduling::Row> rows) { return {kNan, false, false, {}, std::move(rows)}; }

Column completions(const scheduling::Stages& stages, const Column& arrival, const Column& size, const Column& key,
                   std::uint32_t servers = 1) {
  Column start(size.size()), completion(size.size());
  scheduling::Mg1 queue(stages, servers, 0, 0, size.size(), 0, 1);
  queue.arrive(arrival, size, key, {}, start, completion);
  queue.finish(start, completion);
  CHECK(queue.tallies()[1].jobs == static_cast<double>(size.size()));
  return completion;
}

void shortest_remaining_comes_first() {
  const scheduling::Stages srpt = one_class({{0, scheduling::Order::remaining, kInf, 0, false}});
  CHECK((completions(srpt, {0, 1, 1.5}, {4, 1, 2}, {4, 1, 2}) == Column{7, 2, 4}));
}

void one_dispatch_serves_all_that_come_at_an_instant() {
  const scheduling::Stages spjf = {kNan, false, true, {}, {{0, scheduling::Order::constant, kInf, 0, false}}};
  CHECK((completions(spjf, {0, 0, 0}, {3, 2, 1}, {3, 2, 1}) == Column{6, 3, 1}));
}

void quanta_take_turns() {
  const scheduling::Stages las = one_class({{0, scheduling::Order::attained, 1, 0, false}});
  CHECK((completions(las, {0, 0}, {2, 2}, {}) == Column{3, 4}));
}

// Against the plainest queue there is, and with all that several servers add to the loop.
void any_number_of_servers_serves_all_work() {
  std::mt19937 random(1);
  const std::size_t jobs = 2000;
  Column arrival(jobs), size(jobs), key(jobs);
  double now = 0;
  for (std::size_t i = 0; i < jobs; ++i) {
    arrival[i] = now += static_cast<double>(random() % 5) / 4;
    size[i] = static_cast<double>(1 + random() % 8) / 8;
    key[i] = static_cast<double>(random() % 8) / 8;
  }
  for (const std::uint32_t servers : {1u, 3u, 256u})
    for (const scheduling::Order order : {scheduling::Order::fcfs, scheduling::Order::remaining,
                                          scheduling::Order::constant, scheduling::Order::attained}) {
      const scheduling::Stages stages =
          one_class({{0, order, order == scheduling::Order::attained ? 0.25 : kInf, 0, false}});
      const Column done = completions(stages, arrival, size, key, servers);
      for (std::size_t i = 0; i < jobs; ++i) CHECK(done[i] >= arrival[i] + size[i] - 1e-9);
      if (servers == 256)
        for (std::size_t i = 0; i < jobs; ++i) CHECK(std::abs(done[i] - arrival[i] - size[i]) < 1e-9);
    }
}

void bad_input_is_refused() {
  try {
    scheduling::Mg1(
        one_class({{0, scheduling::Order::remaining, 1, 0, false}, {1, scheduling::Order::constant, kInf, 0, false}}),
        1, 0, 0, 1, 0, 1);
    CHECK(false);
  } catch (const bh::InvalidInput&) {
  }
  scheduling::Mg1 queue(one_class({{0, scheduling::Order::fcfs, kInf, 0, false}}), 1, 0, 0, 1, 0, 1);
  const Column two = {1, 2};
  try {
    queue.arrive(two, two, {}, {}, {}, {});
    CHECK(false);
  } catch (const bh::InvalidInput&) {
  }
}

void a_queue_without_jobs_ends() {
  scheduling::Mg1 queue(one_class({{0, scheduling::Order::fcfs, kInf, 0, false}}), 1, 0, 0, 5, 0, 2);
  queue.arrive({}, {}, {}, {}, {}, {});
  queue.finish({}, {});
  CHECK(std::isnan(queue.quantile(0.5)));
}

}  // namespace

int main() {
  shortest_remaining_comes_first();
  one_dispatch_serves_all_that_come_at_an_instant();
  quanta_take_turns();
  any_number_of_servers_serves_all_work();
  bad_input_is_refused();
  a_queue_without_jobs_ends();
}
