import math

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    SPRPT,
    Exponential,
    ExponentialError,
    JobDistribution,
    Log,
    SkipPredict,
    expect,
    processor_sharing,
)
from beforehand.scheduling.load import arrival_rate

LAW = JobDistribution(Exponential(), ExponentialError(), ExponentialError())
LOG = Log([1, 2, 0.5, 4, 1, 1.5], expensive=[1, 1, 1, 3, 2, 0], cheap=[1, 2, 0.5, 3, 3, 0.5])


def test_the_load_is_that_of_each_server():
    assert arrival_rate(2.0, load=0.5, rate=None) == 0.25
    assert arrival_rate(2.0, load=0.5, rate=None, servers=4) == 1.0
    assert arrival_rate(2.0, load=None, rate=1.5, servers=4) == 1.5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"load": None, "rate": None}, "exactly one of them"),
        ({"load": 0.5, "rate": 0.5}, "exactly one of them"),
        ({"load": 0.0, "rate": None}, "load is 0.0"),
        ({"load": 1.0, "rate": None}, "load is 1.0, but must be below 1"),
        ({"load": math.nan, "rate": None}, "load is nan"),
        ({"load": None, "rate": 0.0}, "rate is 0.0"),
        (
            {"load": None, "rate": 0.5},
            "rate is 0.5, but must be below 0.5: jobs of mean size 2 take 1 server that long",
        ),
    ],
)
def test_what_would_overload_the_servers_is_refused(asked, message):
    with pytest.raises(InvalidInput, match=message):
        arrival_rate(2.0, **asked)


@pytest.mark.parametrize("distribution", [LAW, LOG], ids=["distributions", "log"])
def test_prices_are_paid_for_each_prediction_and_change_nothing_else(distribution):
    policy = SkipPredict(1.5)
    free = expect(policy, distribution, load=0.8)
    paid = expect(policy, distribution, load=0.8, cheap_cost=0.5, expensive_cost=2.0)
    assert free.cost == free.response_time == paid.response_time
    assert free.stable is True
    assert paid.cost == pytest.approx(free.cost + 0.5 + 2.0 * free.expensive_calls)
    assert 0 < free.expensive_calls < 1


def test_predictions_on_the_server_delay_all_and_are_no_price():
    held = expect(SPRPT(work=0.05), LAW, load=0.8)
    assert held.cost == held.response_time > expect(SPRPT(), LAW, load=0.8).response_time
    assert held.utilization == pytest.approx(0.84)


def test_a_server_that_predicts_itself_into_overload_is_a_result():
    found = expect(SPRPT(work=0.3), LAW, load=0.8)
    assert (found.response_time, found.stable) == (math.inf, False)
    assert found.utilization == pytest.approx(1.04)


@pytest.mark.parametrize("distribution", [LAW, LOG], ids=["distributions", "log"])
@pytest.mark.parametrize("policy", ["fcfs", SPRPT, None], ids=["name", "class", "nothing"])
def test_what_is_no_policy_is_not_sent_to_the_simulator(policy, distribution):
    with pytest.raises(InvalidInput, match=r"must be an object such as SPJF\(\)"):
        expect(policy, distribution, load=0.5)


def test_only_a_log_has_rows():
    times = expect(FCFS(), LOG, load=0.8, per_job=True).per_job
    assert times.shape == LOG.size.shape
    assert times.mean() == pytest.approx(expect(FCFS(), LOG, load=0.8).response_time)
    with pytest.raises(InvalidInput, match="only a Log has rows"):
        expect(FCFS(), LAW, load=0.8, per_job=True)


@pytest.mark.parametrize("distribution", [LAW, LOG], ids=["distributions", "log"])
def test_a_shared_server_slows_everybody_alike(distribution):
    shared = processor_sharing(distribution, load=0.75)
    assert shared.response_time == pytest.approx(4 * distribution.mean)
    assert shared.memory == pytest.approx(0.75 / distribution.mean * distribution.moment(2) / 2 * 4)
