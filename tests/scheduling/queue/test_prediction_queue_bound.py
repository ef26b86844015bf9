"""How long a job waits at most, and in what order, where workers serve a `PredictionQueue` in virtual time."""

import numpy as np
import pytest

from beforehand.scheduling import FCFS, SPJF, Boosted, Log, OneBit, PredictionQueue, SkipPredict, replay
from tests.scheduling.queue_steps import Clock, ResponseRatio, drain, put, sizes

GAPS = ["random", "bursts", "flood"]


def trace(seed, gaps, workers=1, count=300):
    """Arrivals, sizes and predictions as binary fractions, so that sums of times are exact."""
    rng = np.random.default_rng(seed)
    size = np.round(rng.weibull(0.5, count) * 64 + 1) / 64
    if gaps == "random":
        gap = rng.exponential(size.mean() / 0.9, count)
    elif gaps == "bursts":
        gap = np.where(rng.random(count) < 0.8, 0.0, rng.exponential(5 * size.mean(), count))
    else:  # a few long jobs, then short ones without end, all of which would overtake them
        size = np.where(np.arange(count) < 5, 8.0, 1 / 64)
        gap = np.where(np.arange(count) < 5, 0.0, 0.9 / 64)
    predicted = size * np.exp(rng.normal(0, 1, count))
    return Log(size, cheap=predicted, expensive=predicted, arrival=np.floor(64 * np.cumsum(gap / workers)) / 64)


def waits(policy, log, workers=1, **options):
    """Every job's wait where `workers` run jobs to their end; all that comes at one instant is there for the choice."""
    clock = Clock()
    queue = PredictionQueue(
        policy, cheap=log.cheap.__getitem__, expensive=log.expensive.__getitem__, clock=clock, **options
    )
    waited, running, coming = np.empty(len(log)), [], 0
    while coming < len(log) or running:
        clock.now = min([*log.arrival[coming : coming + 1], *running])
        running = [end for end in running if end != clock.now]
        while coming < len(log) and log.arrival[coming] == clock.now:
            queue.put_nowait(coming, coming)
            coming += 1
        while len(running) < workers and len(queue):
            ticket = queue.get_nowait()
            waited[ticket.job] = ticket.waited
            running.append(clock.now + log.size[ticket.job])
            queue.done(ticket, size=log.size[ticket.job])
    return waited


def found(log, starts):
    """The unfinished work that each job finds when it arrives, of the jobs before it."""
    left = np.minimum(log.size, np.maximum(0.0, starts + log.size - log.arrival[:, None]))
    return np.tril(left, -1).sum(axis=1)


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("max_wait", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("ageing", [0.0, 1.0])
@pytest.mark.parametrize("policy", [SPJF(), ResponseRatio()], ids=repr)
def test_one_worker_lets_no_job_wait_longer_than_max_wait_the_work_it_found_and_one_residual(
    gaps, max_wait, ageing, policy
):
    for seed in range(4):
        log = trace(seed, gaps)
        waited = waits(policy, log, max_wait=max_wait, ageing=ageing)
        starts = log.arrival + waited
        up = log.arrival + max_wait
        later = np.triu(np.ones((len(log), len(log)), bool), 1)
        served = later & (starts < up[:, None]) & (starts + log.size > up[:, None])
        residual = np.where(served, starts + log.size - up[:, None], 0.0).max(axis=1)
        first_come = replay(FCFS(), log).start - log.arrival
        np.testing.assert_array_equal(found(log, starts), first_come)
        assert (waited <= max_wait + first_come + residual).all()


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("max_wait", [0.0, 2.0])
@pytest.mark.parametrize("policy", [SPJF(), ResponseRatio()], ids=repr)
def test_several_workers_let_no_job_wait_longer_than_max_wait_its_share_and_the_longest_job(gaps, max_wait, policy):
    for seed in range(4):
        log = trace(seed, gaps, workers=3)
        waited = waits(policy, log, workers=3, max_wait=max_wait)
        assert (waited <= max_wait + found(log, log.arrival + waited) / 3 + log.size.max() + 1e-9).all()


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("ageing", [0.5, 4.0])
def test_ageing_lets_only_jobs_pass_that_come_within_the_rank_by_ageing(gaps, ageing):
    passed = 0
    for seed in range(4):
        log = trace(seed, gaps)
        starts = log.arrival + waits(SPJF(), log, ageing=ageing)
        for job, rank in enumerate(log.expensive):
            passing = log.arrival[job + 1 :][starts[job + 1 :] < starts[job]]
            assert (passing - log.arrival[job] <= rank / ageing).all()
            passed += len(passing)
    assert passed > 100


def test_without_max_wait_a_flood_of_short_jobs_starves_the_long_ones():
    log = trace(0, "flood")
    exact = Log(log.size, cheap=log.size, expensive=log.size, arrival=log.arrival)
    assert waits(SPJF(), exact)[:5].max() > waits(SPJF(), exact, max_wait=1.0)[:5].max()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize(
    "policy",
    [FCFS(), SPJF(), OneBit(1.0, preemptive=False), SkipPredict(1.0, preemptive=False), ResponseRatio()],
    ids=repr,
)
def test_workers_run_jobs_in_the_order_of_a_replay(policy, gaps, workers):
    for seed in range(4):
        log = trace(seed, gaps, workers)
        np.testing.assert_array_equal(
            log.arrival + waits(policy, log, workers), replay(policy, log, servers=workers).start
        )


def test_who_has_waited_for_max_wait_is_next_whatever_its_rank():
    clock = Clock()
    queue = sizes(max_wait=10.0, clock=clock)
    put(queue, 99)
    clock.now = 9.0
    put(queue, 1, 2)
    assert queue.get_nowait().job == 1
    clock.now = 10.0
    ticket = queue.get_nowait()
    assert (ticket.job, ticket.waited, queue.stats.guarded) == (99, 10.0, 1)
    assert queue.get_nowait().job == 2
    assert queue.stats.guarded == 1


def test_max_wait_zero_is_first_come_first_served():
    queue = sizes(max_wait=0.0)
    put(queue, 3, 1, 2)
    assert drain(queue) == [3, 1, 2]


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("workers", [1, 3])
def test_boosted_arrivals_serve_jobs_as_the_engine_does_and_bound_who_overtakes(gaps, workers):
    log = trace(7, gaps, workers)
    policy = Boosted(SPJF(), boost=4.0, knee=2.0)
    start = log.arrival + waits(policy, log, workers)
    np.testing.assert_array_equal(start, replay(policy, log, servers=workers).start)
    bound = policy.bound(log.expensive.min())
    for i, begun in enumerate(start):
        overtook = log.arrival[i + 1 :][start[i + 1 :] < begun]
        assert not overtook.size or overtook.max() - log.arrival[i] < bound
