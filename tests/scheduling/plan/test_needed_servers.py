"""How many servers: beside Erlang's formula, and beside replays done by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, Log, needed_servers, replay
from tests.scheduling.designs import skewed


def exponential(rows=20_000):
    return Log(-np.log((np.arange(rows) + 0.5) / rows))


def erlang_mean(work, servers):
    """The mean response time of M/M/k, first come, first served, with sizes of mean 1."""
    sums = sum(work**k / math.factorial(k) for k in range(servers))
    last = work**servers / math.factorial(servers) * servers / (servers - work)
    return 1 + last / (sums + last) / (servers - work)


@pytest.mark.parametrize(("work", "within"), [(0.6, 1.3), (3.5, 1.2), (8.0, 1.5), (8.0, 1.02)])
def test_in_order_of_arrival_the_number_is_that_of_erlang(work, within):
    found = needed_servers(exponential(), rate=work, within=within).random.without
    enough = next(k for k in range(math.floor(work) + 1, 100) if erlang_mean(work, k) <= within)
    assert found.servers == enough
    assert found.design == "FCFS"
    assert found.reached == pytest.approx(erlang_mean(work, enough), rel=0.03)
    if enough > math.floor(work) + 1:
        assert found.one_fewer == pytest.approx(erlang_mean(work, enough - 1), rel=0.1)
    else:
        assert found.one_fewer == math.inf


def test_predictions_save_servers_where_sizes_differ_much():
    found = needed_servers(skewed(4000), rate=4.0, within=2.5)
    assert found.random.saved >= 1
    counts = [found.random.clairvoyant.servers, found.random.predicted.servers, found.random.without.servers]
    assert counts == sorted(counts)
    assert f"predictions save {found.random.saved}" in found.explain()
    for nothing, predictions, _ in found.random.figures.values():
        assert predictions <= nothing


@pytest.mark.parametrize(("goal", "limit"), [("mean", 3.0), ("p50", 1.0), ("p99", 30.0)])
@pytest.mark.parametrize("preemptive", [False, True])
def test_more_knowledge_never_takes_more_servers(goal, limit, preemptive):
    found = needed_servers(skewed(1000), rate=3.0, within=limit, goal=goal, preemptive=preemptive, jobs=20_000)
    counted = found.random
    assert counted.predicted.servers <= counted.without.servers
    assert counted.clairvoyant.servers <= counted.without.servers
    for enough in (counted.predicted, counted.without, counted.clairvoyant):
        assert enough.reached <= limit < enough.one_fewer


def test_the_logs_own_arrivals_are_replayed():
    random = np.random.default_rng(0)
    size = random.exponential(size=2000)
    hours = np.sort(np.concatenate([random.uniform(0, 1000, 500), random.uniform(400, 450, 1500)]))  # a busy hour
    found = needed_servers(Log(size, arrival=hours), within=4.0, goal="p95", jobs=20_000)
    enough = found.replayed.without
    assert enough.servers > found.random.without.servers

    def quantile(servers):
        times = replay(FCFS(), Log(size, arrival=hours), servers=servers).completion - hours
        return np.quantile(times, 0.95, method="inverted_cdf")

    assert enough.reached == pytest.approx(quantile(enough.servers))
    assert enough.reached <= 4.0 < quantile(enough.servers - 1)
    assert enough.one_fewer == pytest.approx(quantile(enough.servers - 1))


def erlang_waits(work, servers):
    """The share of jobs that wait in M/M/k."""
    last = work**servers / math.factorial(servers) * servers / (servers - work)
    return last / (sum(work**k / math.factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize("size", [0.1, 0.7, 1.0, 3.7])
def test_a_limit_that_is_a_size_is_reached_by_jobs_that_do_not_wait(size):
    found = needed_servers(Log([size] * 5), rate=1.5 / size, within=size, goal="p50", jobs=20_000)
    assert found.random.without.servers == 3  # where some 24 % wait, and on 2 servers some 64 %
    assert erlang_waits(1.5, 3) < 0.4 < 0.6 < erlang_waits(1.5, 2)
    rare = needed_servers(Log([size] * 5), rate=0.001 / size, within=size, goal="p99", jobs=20_000)
    assert rare.random.without.servers == 1
    assert "it takes 1 server without" in rare.explain()


def test_where_predictions_beat_the_shortest_job_first_it_says_that_this_is_not_best_for_quantiles():
    found = needed_servers(skewed(500), rate=1.0, within=5.0, jobs=5000)
    beaten = replace(found.random, figures={1: (4.0, 2.0, 3.0)})
    for goal, random, told in (("p99", beaten, True), ("mean", beaten, False), ("p99", found.random, False)):
        words = replace(found, goal=goal, random=random).explain()
        assert ("best for a mean, not for every quantile" in words) == told


def test_with_a_rate_nothing_is_replayed():
    assert needed_servers(skewed(200, arrivals=True), rate=0.5, within=20.0, jobs=5000).replayed is None


def test_a_burst_that_256_servers_cannot_serve_in_time_is_said():
    arrival = np.append(np.zeros(1999), 1e6)
    found = needed_servers(Log(np.ones(2000), arrival=arrival), within=2.0, goal="p99", jobs=5000)
    assert found.replayed.without.servers is None
    assert found.replayed.saved is None
    assert "more than 256" in found.explain()


def test_arrivals_in_another_unit_are_converted():
    seconds = skewed(1000, arrivals=True)
    tokens = Log(
        50 * seconds.size, expensive=50 * seconds.expensive, arrival=seconds.arrival, unit="tokens",
        time_unit="seconds", service_rate=50,
    )  # fmt: skip
    plain = needed_servers(Log(seconds.size, expensive=seconds.expensive, arrival=seconds.arrival), within=4.0)
    found = needed_servers(tokens, within=200.0)
    assert found.work == pytest.approx(plain.work)
    assert found.random.without.servers == plain.random.without.servers
    assert found.replayed.predicted.servers == plain.replayed.predicted.servers
    assert found.replayed.without.reached == pytest.approx(50 * plain.replayed.without.reached)
    assert "within 200 tokens" in found.explain()
    with pytest.raises(InvalidInput, match=r"within is 4, but the mean of the sizes alone is [\d.]+ tokens, and no"):
        needed_servers(tokens, within=4.0)


def test_without_predictions_only_the_others_are_counted():
    found = needed_servers(Log(skewed(500).size), rate=1.0, within=5.0, jobs=5000)
    assert found.random.predicted is None
    assert found.random.saved is None
    assert all(math.isnan(each) for _, each, _ in found.random.figures.values())
    assert "no predictions" in found.explain()


def test_jobs_without_a_prediction_count_as_the_longest():
    log = skewed(500)
    some = Log(log.size, expensive=np.where(np.arange(500) % 5, log.expensive, np.nan))
    found = needed_servers(some, rate=1.0, within=5.0, jobs=5000)
    assert found == needed_servers(some.missing_last(), rate=1.0, within=5.0, jobs=5000)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"within": 0.5}, "within is 0.5, but the mean of the sizes alone is 2"),
        ({"within": 2.5, "goal": "p99"}, "the p99 of the sizes alone is 3"),
        ({"goal": "p99", "jobs": 10**8}, "jobs is 100000000, but must be a whole number from 1000 to 10000000"),
        ({"goal": "median"}, "goal is 'median', but must be 'mean', or a quantile"),
        ({"goal": "p100"}, "goal is 'p100'"),
        ({"goal": "p0.5"}, "goal is 'p0.5'"),
        ({"rate": 128.0}, "at most 256 can share a queue"),
        ({"rate": None}, "the log has no arrivals to measure it by; pass rate"),
        ({"rate": 0.0}, "rate"),
        ({"within": math.inf}, "within"),
        ({"jobs": 10}, "jobs is 10"),
        ({"preemptive": "yes"}, "preemptive"),
    ],
)
def test_what_cannot_be_answered_is_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        needed_servers(Log([1.0, 2.0, 3.0]), **{"within": 10.0, "rate": 1.0} | options)


@pytest.mark.parametrize(("log", "rough"), [(exponential(), False), (Log([1.0] * 999 + [3000.0]), True)])
def test_figures_of_too_short_a_simulation_are_called_rough(log, rough):
    found = needed_servers(log, rate=0.5 / log.mean, within=40.0)
    assert (found.drawn < found.jobs_needed) == rough
    assert ("take the figures for random arrivals as rough" in found.explain()) == rough
