#include "scheduling/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string_view>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace scheduling = bh::scheduling;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
using Column = std::vector<double>;

scheduling::Stages one_stage(scheduling::Order order, double length = kInf) {
  return {.long_jobs = {{.order = order, .fixed = length}}};
}

Column completions(const scheduling::Stages& stages, const Column& arrival, const Column& size, const Column& key,
                   std::uint32_t servers = 1) {
  Column start(size.size()), completion(size.size());
  scheduling::Engine queue(stages, {.servers = servers, .jobs = size.size()});
  queue.arrive({.arrival = arrival, .size = size, .expensive = key}, {start, completion});
  queue.finish({start, completion});
  CHECK(queue.tallies()[1].jobs == static_cast<double>(size.size()));
  return completion;
}

void shortest_remaining_comes_first() {
  const scheduling::Stages srpt = one_stage(scheduling::Order::remaining);
  CHECK((completions(srpt, {0, 1, 1.5}, {4, 1, 2}, {4, 1, 2}) == Column{7, 2, 4}));
}

void one_dispatch_serves_all_that_come_at_an_instant() {
  scheduling::Stages spjf = one_stage(scheduling::Order::size);
  spjf.start_pins = true;
  CHECK((completions(spjf, {0, 0, 0}, {3, 2, 1}, {3, 2, 1}) == Column{6, 3, 1}));
}

void quanta_take_turns() {
  const scheduling::Stages las = one_stage(scheduling::Order::attained, 1);
  CHECK((completions(las, {0, 0}, {2, 2}, {}) == Column{3, 4}));
}

// On several servers, every job is served in full; with more servers than jobs, at once.
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
                                          scheduling::Order::size, scheduling::Order::attained}) {
      const scheduling::Stages stages = one_stage(order, order == scheduling::Order::attained ? 0.25 : kInf);
      const Column done = completions(stages, arrival, size, key, servers);
      for (std::size_t i = 0; i < jobs; ++i) CHECK(done[i] >= arrival[i] + size[i] - 1e-9);
      if (servers == 256)
        for (std::size_t i = 0; i < jobs; ++i) CHECK(std::abs(done[i] - arrival[i] - size[i]) < 1e-9);
    }
}

template <typename Job>
void refuses(const Job& job, std::string_view words) {
  try {
    job();
  } catch (const bh::InvalidInput& error) {
    CHECK(std::string_view(error.what()).find(words) != std::string_view::npos);
    return;
  }
  CHECK(false);
}

void bad_input_is_refused() {
  scheduling::Stages two_bands = one_stage(scheduling::Order::remaining, 1);
  two_bands.long_jobs.push_back({.band = 1, .order = scheduling::Order::size});
  refuses([&] { scheduling::Engine(two_bands, {.jobs = 1}); }, "bands 0 and 1");
  scheduling::Engine queue(one_stage(scheduling::Order::fcfs), {.jobs = 1});
  const Column one = {1}, two = {1, 2}, none = {0};
  refuses([&] { queue.arrive({two, two}, {}); }, "the 1 jobs announced");
  refuses([&] { queue.arrive({one, two}, {}); }, "differ in length");
  refuses([&] { queue.arrive({one, none}, {}); }, "size of job 0 is 0");
}

void a_queue_without_jobs_ends() {
  scheduling::Engine queue(one_stage(scheduling::Order::fcfs), {.jobs = 5, .batches = 2});
  queue.arrive({}, {});
  queue.finish({});
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
