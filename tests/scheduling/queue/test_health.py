import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    Log,
    OneBit,
    PredictionQueue,
    SkipPredict,
    expect,
)
from beforehand.scheduling.formulas.quanta import in_quanta
from tests.scheduling.every_policy import EVERY, works
from tests.scheduling.queue_steps import Clock, drain, put

SIZE = [1.0, 2.0, 0.5, 4.0, 1.0, 1.5]
EXPENSIVE = [1.0, 1.0, 1.0, 3.0, 2.0, 0.0]
CHEAP = [1.0, 2.0, 0.5, 3.0, 3.0, 0.5]


def served(policy, *, gap=2.0, cheap=CHEAP, expensive=EXPENSIVE, size=SIZE, hand_back=False, pace=math.inf):
    """A queue that has served these jobs one by one, a gap between their arrivals, `pace` units of size in one of time.

    If `hand_back`, each is preempted once, and set aside for 9 units of time.
    """
    clock = Clock()
    queue = PredictionQueue(policy, cheap=cheap.__getitem__, expensive=expensive.__getitem__, clock=clock)
    for job, length in enumerate(size):
        clock.now = job * gap
        queue.put_nowait(job, job)
        ticket = queue.get_nowait()
        if hand_back:
            clock.now += 0.25 / pace
            queue.requeue(ticket, 0.25)
            clock.now += 9.0
            queue.get_nowait()
            clock.now -= 0.25 / pace
        clock.now += length / pace
        queue.done(ticket, size=length)
    return queue


def test_health_is_what_the_formulas_say_of_the_finished_jobs_at_the_measured_rate():
    policy = SkipPredict(1.5, preemptive=False)
    health = served(policy).health()
    log = Log(SIZE, cheap=CHEAP, expensive=EXPENSIVE)
    assert (health.jobs, health.rate) == (6, 0.5)
    assert health.load == pytest.approx(0.5 * np.mean(SIZE))
    assert health.expected == pytest.approx(expect(policy, log, rate=0.5).response_time)
    assert health.fcfs == pytest.approx(expect(FCFS(), log, rate=0.5).response_time)
    assert health.clairvoyant == pytest.approx(expect(SPJF(), Log(SIZE, expensive=SIZE), rate=0.5).response_time)
    assert health.clairvoyant < health.expected < health.fcfs


PREEMPTIVE = [
    (SPRPT(), SPJF()),
    (SPRPT(by="cheap"), SPJF(by="cheap")),
    (PSPJF(), SPJF()),
    (TRAIL(0.5), SPJF()),
    (OneBit(1.5), OneBit(1.5, preemptive=False)),
    (SkipPredict(1.5), SkipPredict(1.5, preemptive=False)),
    (DelayPredict(0.0), SPJF()),
    (DelayPredict(1.0), FCFS()),
    (LAS(quantum=1.0), FCFS()),
]


@pytest.mark.parametrize(("policy", "acts_as"), PREEMPTIVE, ids=str)
def test_a_router_that_never_hands_a_job_back_is_judged_by_what_it_does(policy, acts_as):
    health, same = served(policy).health(), served(acts_as).health()
    assert health.expected == same.expected
    assert health.clairvoyant <= health.expected < math.inf


@pytest.mark.parametrize(("policy", "acts_as"), PREEMPTIVE, ids=str)
def test_without_preemption_a_policy_serves_jobs_in_the_order_of_what_it_is_judged_by(policy, acts_as):
    random = np.random.default_rng(0)
    cheap, expensive = random.integers(0, 13, (2, 50)) / 4
    orders = []
    for each in (policy, acts_as):
        queue = PredictionQueue(each, cheap=cheap.__getitem__, expensive=expensive.__getitem__)
        put(queue, *range(50))
        orders.append(drain(queue))
    assert orders[0] == orders[1]


def test_a_job_that_nobody_had_begun_is_no_preemption_when_it_comes_back():
    queue = served(SPRPT())
    put(queue, 0)
    queue.requeue(queue.get_nowait(), 0.0)  # its worker died
    assert queue.health().expected == served(SPJF()).health().expected


def test_every_policy_that_a_queue_takes_has_an_expectation_no_better_than_the_clairvoyant():
    for policy in EVERY:
        if works(policy):
            continue
        for hand_back in (False, True):
            health = served(policy, hand_back=hand_back).health()
            assert health.clairvoyant * (1 - 1e-12) <= health.expected < math.inf, (policy, hand_back)


def test_least_attained_service_is_judged_in_its_quanta():
    health = served(LAS(quantum=1.0), hand_back=True).health(rate=0.3)
    assert health.expected == in_quanta(1.0, Log(SIZE), 0.3)
    assert health.expected != pytest.approx(expect(LAS(quantum=0), Log(SIZE), rate=0.3).response_time, rel=0.01)


def test_the_clairvoyant_may_interrupt_once_a_job_was_handed_back():
    health = served(SPRPT(), hand_back=True).health(rate=0.48)
    assert health.rate == 0.48
    assert health.expected == pytest.approx(10375 / 2288)
    assert health.clairvoyant == pytest.approx(1056733 / 254592)


def test_before_two_jobs_nothing_is_known():
    for size in ([], [1.0]):
        health = served(FCFS(), size=size).health()
        assert health.jobs == len(size)
        assert all(math.isnan(each) for each in (health.rate, health.load, health.expected, health.fcfs))
    assert math.isnan(served(FCFS(), size=[1.0]).health(rate=0.1).expected)


@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_an_overloaded_server_has_no_mean(gap):
    health = served(SPJF(), gap=gap).health()
    assert health.load >= 1
    assert health.expected == health.fcfs == health.clairvoyant == math.inf


class Youngest:
    """A policy that no formula knows."""

    asks = stages = staticmethod(lambda view=None: None)
    review_age = staticmethod(lambda view: math.inf)
    rank = staticmethod(lambda view: -view.arrival)


def test_an_order_without_a_formula_has_no_expectation_but_its_rivals_have():
    health = served(Youngest()).health()
    assert math.isnan(health.expected)
    assert health.clairvoyant < health.fcfs < math.inf


def test_a_job_that_ran_without_its_prediction_stood_behind_the_largest():
    failing = [1.0, math.nan, 1.0, 3.0, 2.0, 0.0]
    health = served(SPJF(), expensive=failing).health()
    assert health.predictor_errors == 1
    filled = Log(SIZE, expensive=[1.0, 3.0, 1.0, 3.0, 2.0, 0.0])
    assert health.expected == pytest.approx(expect(SPJF(), filled, rate=0.5).response_time)


def test_a_prediction_that_no_job_got_is_the_same_for_all():
    health = served(DelayPredict(1.0), hand_back=True).health(rate=0.5)
    filled = Log(SIZE, expensive=[0.0] * 6)
    assert health.expected == pytest.approx(expect(DelayPredict(1.0), filled, rate=0.5).response_time)


def test_misjudged_work_is_weighed_by_size():
    health = served(SkipPredict(1.5), cheap=[1.0, 1.0, 0.5, 3.0, 3.0, 0.5]).health()
    assert health.work_called_short == pytest.approx((2.0 + 1.5) / 10)
    assert health.work_called_long == pytest.approx(1.0 / 10)


def test_bits_and_policies_without_threshold_leave_misjudged_work_open():
    for queue in (served(OneBit(0.5), cheap=[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), served(SPJF())):
        health = queue.health()
        assert math.isnan(health.work_called_short)
        assert math.isnan(health.work_called_long)


def test_only_the_last_4096_jobs_count():
    size = [100.0] * 4 + [1.0] * 4096
    zeros = [0.0] * len(size)
    health = served(SPJF(), size=size, cheap=zeros, expensive=zeros).health()
    assert health.jobs == 4096
    assert health.load == pytest.approx(0.5)


TOKENS = [40 * size for size in SIZE]


@pytest.mark.parametrize("hand_back", [False, True])
def test_sizes_in_another_unit_than_the_clock_are_converted_by_what_the_workers_did(hand_back):
    in_seconds = served(SPJF(), pace=1.0, hand_back=hand_back).health(rate=0.48)
    expensive = [40 * prediction for prediction in EXPENSIVE]
    in_tokens = served(SPJF(), size=TOKENS, expensive=expensive, pace=40.0, hand_back=hand_back).health(rate=0.48)
    assert in_seconds.service_rate == pytest.approx(1.0)
    assert in_tokens.service_rate == pytest.approx(40.0)
    assert in_tokens.load == pytest.approx(in_seconds.load)
    for name in ("expected", "fcfs", "clairvoyant"):
        assert getattr(in_tokens, name) == pytest.approx(40 * getattr(in_seconds, name))


def test_a_service_rate_from_outside_counts_instead_of_the_measured_one():
    health = served(FCFS(), size=TOKENS, pace=20.0).health(service_rate=40.0)
    assert health.service_rate == 40.0
    assert health.load == pytest.approx(0.5 * np.mean(SIZE))


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidInput, match=r"^rate is"):
        served(FCFS()).health(rate=rate)
    with pytest.raises(InvalidInput, match=r"^service_rate is"):
        served(FCFS()).health(service_rate=rate)
