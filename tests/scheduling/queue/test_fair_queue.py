"""How `FairQueue` shares workers among tenants."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, LAS, SPJF, FairQueue, PredictionQueue
from beforehand.scheduling.queue.waiting_jobs import SPARE
from tests.scheduling.queue_steps import Clock, ResponseRatio, drain, put


def by_tenant(policy=None, **options):
    """A queue of pairs of a tenant and a size, which is its own prediction."""
    return FairQueue(policy or SPJF(), tenant=lambda job: job[0], expensive=lambda job: float(job[1]), **options)


def test_the_next_job_is_of_the_tenant_that_got_least_and_its_shortest():
    queue = by_tenant()
    for job in (("a", 4), ("a", 1), ("a", 2), ("b", 3), ("b", 1)):
        queue.put_nowait(job)
    assert drain(queue) == [("a", 1), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]


def test_a_flood_of_one_tenant_does_not_hold_up_another():
    queue, plain = by_tenant(), PredictionQueue(SPJF(), expensive=lambda job: float(job[1]))
    for each in (queue, plain):
        for number in range(100):
            each.put_nowait(("flood", 1 + number / 1000))
        each.put_nowait(("quiet", 2))
    assert drain(queue).index(("quiet", 2)) == 1
    assert drain(plain).index(("quiet", 2)) == 100


def test_a_tenant_of_twice_the_weight_gets_twice_the_work():
    queue = by_tenant(FCFS(), weights={"gold": 2.0})
    for _ in range(60):
        for tenant in ("gold", "plain"):
            queue.put_nowait((tenant, 1))
    first = [tenant for tenant, _ in (queue.get_nowait().job for _ in range(60))]
    assert (first.count("gold"), first.count("plain")) == (40, 20)


def shares(queue, jobs, workers, random):
    """Serve the jobs of tenants that always have some waiting: the work handed out to each after every `get`."""
    for job in jobs:
        queue.put_nowait(job)
    left = {tenant: sum(name == tenant for name, _ in jobs) for tenant in "abc"}
    running, given, after = [], dict.fromkeys("abc", Fraction(0)), []
    while all(left.values()):
        if len(running) == workers:
            ticket = running.pop(random.integers(workers))
            queue.done(ticket, size=ticket.job[1])
        running.append(queue.get_nowait())
        tenant, size = running[-1].job
        given[tenant] += Fraction(size)
        left[tenant] -= 1
        after.append(dict(given))
    return after


@pytest.mark.parametrize(("workers", "exact"), [(1, False), (1, True), (4, True)])
@pytest.mark.parametrize("seed", range(5))
def test_work_by_weight_differs_by_two_jobs_at_most_over_any_time(seed, workers, exact):
    random = np.random.default_rng(seed)
    weights = {"a": 1.0, "b": 2.0, "c": 0.5}
    sizes = random.integers(1, 65, 300) / 8
    jobs = [("abc"[random.choice(3, p=[0.3, 0.5, 0.2])], float(size)) for size in sizes]
    guess = (lambda job: job[1]) if exact else (lambda job: float("nan"))
    queue = FairQueue(SPJF(), tenant=lambda job: job[0], weights=weights, expensive=guess)
    after = shares(queue, jobs, workers, random)
    assert len(after) > 50
    for one, other in ("ab", "bc", "ac"):
        apart = [float(given[one]) / weights[one] - float(given[other]) / weights[other] for given in after]
        assert max(apart) - min(apart) <= max(sizes) * (1 / weights[one] + 1 / weights[other]) + 1e-9


@pytest.mark.parametrize(("workers", "exact"), [(1, False), (1, True), (3, True)])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_holds_for_tenants_that_come_and_go(seed, workers, exact):
    random = np.random.default_rng(seed)
    weights = {0: 1.0, 1: 2.0, 2: 0.5, 3: 1.5}
    queue = FairQueue(
        SPJF(),
        tenant=lambda job: job[0],
        weights=weights,
        expensive=lambda job: job[1] if exact else math.nan,
    )
    waiting, running, given = Counter(), [], Counter()
    apart = {pair: [] for pair in itertools.combinations(weights, 2)}  # since both have jobs waiting
    compared = 0
    for _ in range(3000):
        if random.random() < 0.5 + 0.02 * (len(queue) < 3):
            tenant = int(random.integers(4))
            waiting[tenant] += 1
            queue.put_nowait((tenant, int(random.integers(1, 65)) / 8))
        elif len(queue):
            if len(running) == workers:
                ticket = running.pop(random.integers(workers))
                queue.done(ticket, size=ticket.job[1])
            running.append(queue.get_nowait())
            tenant, size = running[-1].job
            waiting[tenant] -= 1
            given[tenant] += size / weights[tenant]
        for (one, other), since in apart.items():
            if since or (waiting[one] and waiting[other]):
                since.append(given[one] - given[other])
                assert max(since) - min(since) <= 8 / weights[one] + 8 / weights[other] + 1e-9
                compared += 1
            if not (waiting[one] and waiting[other]):
                since.clear()
    assert compared > 2000


def test_what_a_job_without_prediction_took_counts_once_it_is_reported():
    queue = FairQueue(FCFS(), tenant=lambda job: job[0])
    for job in ("a1", "a2", "a3", "b1", "b2", "b3"):
        queue.put_nowait(job)
    first = queue.get_nowait()
    queue.done(first, size=5.0)
    assert first.job == "a1"
    for job in ("b1", "b2", "b3"):
        ticket = queue.get_nowait()
        assert ticket.job == job
        queue.done(ticket, size=1.0)
    assert drain(queue) == ["a2", "a3"]


def test_where_nothing_is_known_every_job_counts_alike():
    queue = FairQueue(FCFS(), tenant=lambda job: job[0])
    for job in ("a1", "a2", "a3", "b1", "b2", "c1"):
        queue.put_nowait(job)
    assert drain(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_tenant_that_was_away_saves_nothing_up():
    queue = by_tenant(FCFS())
    for _ in range(20):
        queue.put_nowait(("busy", 1))
    for _ in range(10):
        queue.done(queue.get_nowait(), size=1)
    for _ in range(5):
        queue.put_nowait(("back", 1))
    order = [tenant for tenant, _ in drain(queue)]
    assert order[:10].count("back") == 5
    assert "busy" in order[:2]


def test_who_comes_back_right_after_a_long_job_still_owes_it():
    queue = by_tenant()
    for number in range(30):
        queue.put_nowait(("busy", 1 + number / 1000))
    queue.put_nowait(("greedy", 20))
    assert [queue.get_nowait().job[0] for _ in range(2)] == ["busy", "greedy"]
    queue.put_nowait(("greedy", 1))
    assert drain(queue).index(("greedy", 1)) >= 18


def test_whose_time_is_up_is_next_whoever_the_tenant_is():
    clock = Clock()
    queue = by_tenant(max_wait=5.0, clock=clock)
    queue.put_nowait(("a", 9))
    queue.put_nowait(("a", 1))
    assert queue.get_nowait().job == ("a", 1)
    clock.now = 4.0
    queue.put_nowait(("b", 1))
    clock.now = 5.0
    assert drain(queue) == [("a", 9), ("b", 1)]
    assert queue.stats.guarded == 1


def test_a_running_job_yields_to_a_tenant_that_has_had_less():
    queue = FairQueue(LAS(quantum=100.0), tenant=lambda job: job[0])
    a, b = put(queue, "a", "b")
    assert queue.get_nowait() is a
    assert not queue.should_yield(a, 0.0)  # equal, and a came first
    assert queue.should_yield(a, 1.0)
    queue.requeue(a, 1.0)
    assert queue.get_nowait() is b
    assert not queue.should_yield(b, 0.5)
    assert queue.should_yield(b, 1.5)
    queue.requeue(b, 1.5)
    assert queue.get_nowait() is a
    queue.put_nowait("a2")
    assert not queue.should_yield(a, 1.25)  # of one tenant, in its order
    queue.done(a, size=2.0)
    assert drain(queue) == ["b", "a2"]


def test_whether_to_yield_is_what_would_come_next_after_handing_back():
    random = np.random.default_rng(0)
    for _ in range(300):
        queue = FairQueue(LAS(quantum=1.0), tenant=lambda job: job % 3, clock=Clock())
        put(queue, *random.integers(0, 9, 6).tolist())
        running = queue.get_nowait()
        other = queue.get_nowait()
        queue.requeue(other, float(random.integers(0, 3)))
        served = float(random.integers(0, 3))
        yields = queue.should_yield(running, served)
        queue.requeue(running, served)
        assert (queue.get_nowait() is not running) is yields


def test_policies_that_go_by_the_time_rank_the_jobs_of_a_tenant():
    clock = Clock()
    queue = by_tenant(ResponseRatio(), clock=clock)
    queue.put_nowait(("a", 8))
    clock.now = 4.0
    queue.put_nowait(("a", 1))
    clock.now = 5.0
    queue.put_nowait(("b", 1))
    assert drain(queue) == [("a", 1), ("b", 1), ("a", 8)]


def test_a_cancelled_job_is_not_charged():
    queue = by_tenant(FCFS())
    a, *_ = (queue.put_nowait(job) for job in (("a", 9), ("a", 1), ("b", 2)))
    queue.cancel(a)
    assert drain(queue) == [("a", 1), ("b", 2)]
    queue.put_nowait(("c", 1))
    assert drain(queue) == [("c", 1)]


def test_tenants_that_are_gone_are_forgotten_and_their_running_jobs_still_charged():
    queue = by_tenant(FCFS())
    slow = queue.put_nowait(("slow", 1))
    assert queue.get_nowait() is slow
    for number in range(5000):
        for tenant in (number, number + 1):
            queue.put_nowait((tenant, 1))
        for _ in range(2 - number % 2):
            queue.done(queue.get_nowait(), size=1)
        if len(queue) > 3:
            drain(queue)
        assert len(queue._waiting._known) <= 2 * SPARE
    drain(queue)
    for number in range(20):
        queue.put_nowait(("new", 1 + number / 100))
    queue.done(slow, size=1e6)
    queue.put_nowait(("slow", 1))
    assert drain(queue).index(("slow", 1)) == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tenant": "user"}, "tenant is 'user', but must be a function"),
        ({"tenant": len, "weights": [2.0]}, r"weights is \[2.0\], but must map tenants to numbers"),
        ({"tenant": len, "weights": {"gold": 0.0}}, r"weights\['gold'\] is 0.0"),
        ({"tenant": len, "weights": {"gold": math.inf}}, r"weights\['gold'\] is inf"),
        ({"tenant": len, "max_wait": -1.0}, "max_wait is -1.0"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        FairQueue(FCFS(), **options)


def test_a_tenant_that_no_table_can_hold_is_refused_and_its_job_not_taken():
    queue = FairQueue(FCFS(), tenant=lambda job: [job])
    with pytest.raises(InvalidInput, match=r"tenant is \['job'\], but must be hashable"):
        queue.put_nowait("job")
    assert (len(queue), queue.stats.put) == (0, 0)
