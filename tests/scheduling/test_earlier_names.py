"""What earlier releases called things still works for one release, and what they wrote is read for ever."""

import pytest

import beforehand.scheduling
from beforehand.scheduling import (
    FCFS,
    Exponential,
    IndependentError,
    JobDistribution,
    Log,
    QueuePlan,
    expect,
    processor_sharing,
    simulate,
)
from beforehand.scheduling.formulas.newest_first import one_bit_newest_first
from beforehand.scheduling.policies import BANDS, FIRST, UNKNOWN, Stage, Stages
from tests.scheduling.designs import planned

LOG = Log([1.0, 3.0], cheap=[1.0, 3.0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Joint", JobDistribution),
        ("Row", Stage),
        ("StageTable", Stages),
        ("BANDS", BANDS),
        ("FIRST", FIRST),
        ("UNKNOWN", UNKNOWN),
    ],
)
def test_names_of_the_package(old, new):
    with pytest.warns(FutureWarning, match=rf"beforehand\.scheduling\.{old} is now called") as caught:
        assert getattr(beforehand.scheduling, old) is new
    assert caught[0].filename == __file__


def test_the_order_by_size():
    with pytest.warns(FutureWarning, match="the order 'constant' is now called 'size'") as caught:
        assert Stage(0, "constant") == Stage(0, "size")
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "ask",
    [
        lambda **jobs: expect(FCFS(), load=0.5, **jobs),
        lambda **jobs: processor_sharing(load=0.5, **jobs),
        lambda **jobs: simulate(FCFS(), load=0.5, jobs=100, **jobs),
        lambda **jobs: one_bit_newest_first(2.0, load=0.5, **jobs),
    ],
    ids=["expect", "processor_sharing", "simulate", "one_bit_newest_first"],
)
def test_the_argument_law(ask):
    with pytest.warns(FutureWarning, match="law= is now called distribution="):
        found = ask(law=LOG)
    assert found.response_time == ask(distribution=LOG).response_time


def test_the_law_of_an_independent_prediction():
    with pytest.warns(FutureWarning, match=r"IndependentError\.law is now called distribution"):
        assert IndependentError(Exponential(2.0)).law == Exponential(2.0)
    with pytest.warns(FutureWarning, match="law= is now called distribution="):
        assert IndependentError(law=Exponential(2.0)) == IndependentError(distribution=Exponential(2.0))


def test_the_cumulative_hazard():
    with pytest.warns(FutureWarning, match=r"Exponential\.hazard is now called cumulative_hazard"):
        assert Exponential(2.0).hazard(4.0) == Exponential(2.0).cumulative_hazard(4.0) == 2.0
    with pytest.warns(FutureWarning, match=r"Exponential\.inverse_hazard is now called inverse_cumulative_hazard"):
        assert Exponential(2.0).inverse_hazard(2.0) == 4.0


@pytest.mark.parametrize(
    "holder",
    [
        expect(FCFS(), LOG, load=0.5),
        simulate(FCFS(), LOG, load=0.5, jobs=100),
        planned().chosen,
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_utilization(holder):
    with pytest.warns(FutureWarning, match=r"\.utilisation is now called utilization"):
        assert holder.utilisation == holder.utilization


def test_plans_of_earlier_releases_are_read():
    plan = planned()
    assert QueuePlan.from_json(plan.to_json().replace('"utilization"', '"utilisation"')) == plan
