import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    DelayPredict,
    Log,
    OneBit,
    PredictionQueue,
    SkipPredict,
    expect,
)
from tests.scheduling.queue_steps import Clock

SIZE = [1.0, 2.0, 0.5, 4.0, 1.0, 1.5]
EXPENSIVE = [1.0, 1.0, 1.0, 3.0, 2.0, 0.0]
CHEAP = [1.0, 2.0, 0.5, 3.0, 3.0, 0.5]


def served(policy, *, gap=2.0, cheap=CHEAP, expensive=EXPENSIVE, size=SIZE, hand_back=False):
    """A queue that has served these jobs one by one, a gap between their arrivals."""
    clock = Clock()
    queue = PredictionQueue(policy, cheap=cheap.__getitem__, expensive=expensive.__getitem__, clock=clock)
    for job, length in enumerate(size):
        clock.now = job * gap
        queue.put_nowait(job, job)
        ticket = queue.get_nowait()
        if hand_back:
            queue.requeue(ticket, 0.25)
            queue.get_nowait()
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


def test_an_order_without_a_formula_has_no_expectation_but_its_rivals_have():
    health = served(LAS(quantum=1.0)).health()
    assert math.isnan(health.expected)
    assert health.clairvoyant < health.fcfs < math.inf


def test_a_job_that_ran_without_its_prediction_stood_behind_the_largest():
    failing = [1.0, math.nan, 1.0, 3.0, 2.0, 0.0]
    health = served(SPJF(), expensive=failing).health()
    assert health.predictor_errors == 1
    filled = Log(SIZE, expensive=[1.0, 3.0, 1.0, 3.0, 2.0, 0.0])
    assert health.expected == pytest.approx(expect(SPJF(), filled, rate=0.5).response_time)


def test_a_prediction_that_no_job_got_is_the_same_for_all():
    health = served(DelayPredict(1.0)).health()
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


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidInput, match="rate is"):
        served(FCFS()).health(rate=rate)
