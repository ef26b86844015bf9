"""From what error on a prediction pays, beside the formulas for drawn jobs, and where a log's own stand."""

import math

import numpy as np
import pytest

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    SPJF,
    SPRPT,
    Exponential,
    JobDistribution,
    Log,
    LogNormalError,
    expect,
    needed_accuracy,
)
from tests.scheduling.designs import skewed

LOAD = 0.8


def exponential(rows=20_000):
    """Sizes that stand for Exp(1)."""
    return Log(-np.log((np.arange(rows) + 0.5) / rows))


def by_formula(sigma):
    return expect(SPJF(), JobDistribution(Exponential(), expensive=LogNormalError(sigma)), load=LOAD).response_time


def test_the_cost_is_that_of_the_formula_for_lognormal_errors():
    found = needed_accuracy(exponential(), load=LOAD, price=0.1, sigmas=(0.3, 1.0, 2.0), biases=())
    for point in found.points:
        assert point.cost == pytest.approx(by_formula(point.sigma) + 0.1, rel=0.02)
        assert point.saving == pytest.approx(1 - point.cost / found.baseline_cost)
    assert found.baseline_cost == pytest.approx(5.0, rel=1e-3)


def test_exact_predictions_are_the_clairvoyant_and_worse_ones_cost_more():
    log = skewed(3000)
    found = needed_accuracy(log, load=LOAD, biases=())
    exact = expect(SPJF(), log.exactly_predicted(), load=LOAD).response_time
    assert found.points[0].cost == pytest.approx(exact, rel=1e-9)
    costs = [point.cost for point in found.points]
    assert costs == sorted(costs)
    worths = [point.worth for point in found.points]
    assert worths == sorted(worths, reverse=True)
    assert worths[0] == pytest.approx(found.baseline_cost - exact, rel=1e-9)


def test_at_the_break_even_the_saving_is_the_least_worthwhile_one():
    found = needed_accuracy(exponential(), load=LOAD, price=0.5, biases=(), min_gain=0.1)
    assert 0.5 < found.breaks_even < 4
    saving = 1 - (by_formula(found.breaks_even) + 0.5) / 5
    assert saving == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize(("price", "gain", "breaks_even"), [(100.0, 0.05, None), (0.0, 0.0, math.inf)])
def test_where_no_error_or_any_error_will_do_there_is_no_break_even(price, gain, breaks_even):
    found = needed_accuracy(skewed(500), load=LOAD, price=price, min_gain=gain, sigmas=(0.0, 1.0), biases=())
    assert found.breaks_even == breaks_even
    assert ("do not save" in found.explain()) == (breaks_even is None)


def test_a_common_bias_leaves_an_order_as_it_is_but_not_what_is_left_of_a_job():
    log = skewed(2000)
    kept = needed_accuracy(log, load=LOAD, sigmas=(0.3, 1.0), biases=(0.25, 4.0))
    for point in kept.points:
        assert point.design.startswith("SPJF")
        assert list(point.biased.values()) == pytest.approx([point.cost] * 2, rel=1e-9)
    exact = Log(np.repeat([1.0, 30.0], [290, 10]))
    moved = needed_accuracy(exact, load=0.9, sigmas=(0.0,), biases=(0.05,), preemptive=True)
    assert moved.points[0].design.startswith("SPRPT")
    too_low = Log(exact.size, expensive=exact.size * 0.05)
    assert moved.points[0].biased[0.05] == pytest.approx(expect(SPRPT(), too_low, load=0.9).response_time)
    assert moved.points[0].biased[0.05] > moved.points[0].cost


def test_the_logs_own_predictions_are_measured_and_matched_with_the_drawn_ones():
    random = np.random.default_rng(1)
    size = random.exponential(size=20_000)
    log = Log(
        size,
        expensive=2 * size * np.exp(0.5 * random.standard_normal(20_000)),
        cheap=(size > 1).astype(float),
    )
    cheap, expensive = needed_accuracy(log, load=LOAD, biases=()).own
    assert (expensive.by, expensive.jobs) == ("expensive", 20_000)
    assert expensive.sigma == pytest.approx(0.5, rel=0.02)
    assert expensive.bias == pytest.approx(2.0, rel=0.02)
    assert expensive.as_good_as == pytest.approx(0.5, abs=0.06)
    assert cheap.by == "cheap"
    assert math.isnan(cheap.sigma)
    assert expensive.as_good_as < cheap.as_good_as < 2


def test_predictions_that_say_nothing_are_as_good_as_none():
    random = np.random.default_rng(0)
    log = Log(random.exponential(size=5000), expensive=random.exponential(size=5000))
    found = needed_accuracy(log, load=0.5, sigmas=(0.0, 0.5, 1.0), price=0.01, biases=())
    [own] = found.own
    assert own.as_good_as == math.inf
    assert own.saving <= 0
    assert "not enough" in found.explain()


def test_where_nothing_is_saved_that_is_not_enough_even_if_any_saving_were():
    found = needed_accuracy(Log([1.0] * 50, expensive=[2.0] * 50), load=LOAD, min_gain=0.0, biases=())
    assert found.breaks_even is None
    assert "do not save anything" in found.explain()
    assert "they save nothing. That is not enough." in found.explain()


def test_jobs_of_no_weight_do_not_count():
    log = skewed(500)
    weight = np.arange(500) % 2
    some = Log(log.size, expensive=np.where(weight, log.expensive, 7.0), weight=weight)
    found = needed_accuracy(some, load=LOAD, biases=())
    assert found.own == needed_accuracy(some.take(np.flatnonzero(weight)), load=LOAD, biases=()).own
    none = needed_accuracy(Log([1.0, 5.0], weight=[0, 1], expensive=[2.0, math.nan]), load=LOAD, biases=())
    assert none.own == ()


def test_all_predictions_of_a_long_log_are_counted():
    log = skewed(25_000)
    found = needed_accuracy(log, load=LOAD, sigmas=(0.5,), biases=())
    error = np.log(log.expensive / log.size)
    assert found.own[-1].jobs == 25_000
    assert found.own[-1].sigma == pytest.approx(np.std(error), rel=1e-9)


def test_jobs_without_a_prediction_count_as_the_longest():
    log = skewed(1000)
    some = np.where(np.arange(1000) % 3, log.expensive, np.nan)
    [own] = needed_accuracy(Log(log.size, expensive=some), load=LOAD, sigmas=(0.0,), biases=()).own
    assert own.jobs == np.count_nonzero(~np.isnan(some))
    filled = Log(log.size, expensive=some).missing_last()
    assert own.cost == pytest.approx(expect(SPJF(), filled, load=LOAD).response_time)
    empty = Log(log.size, cheap=np.full(1000, np.nan))
    assert needed_accuracy(empty, load=LOAD, sigmas=(0.0,), biases=()).own == ()


def test_the_load_is_that_of_the_whole_log_where_a_part_of_it_is_looked_at():
    log = skewed(50_000, arrivals=True, unit="seconds")
    found = needed_accuracy(log, sigmas=(0.0,), biases=())
    assert found.setting.load == pytest.approx(log.measured_load())
    assert (found.jobs, found.unit) == (50_000, "seconds")
    exact = expect(SPJF(), log.exactly_predicted(), load=log.measured_load()).response_time
    assert found.points[0].cost == pytest.approx(exact, rel=1e-3)


def test_several_servers_are_simulated():
    found = needed_accuracy(skewed(500), load=LOAD, servers=3, sigmas=(0.0, 2.0), biases=(2.0,))
    good, bad = found.points
    assert good.cost < bad.cost < found.baseline_cost
    assert bad.biased[2.0] == pytest.approx(bad.cost)
    assert "3 servers" in found.explain()


def test_a_price_is_read_as_a_plan_reads_it():
    found = needed_accuracy(skewed(200), load=LOAD, price=Price(amount=0.5, unit="tokens"), sigmas=(0.0,), biases=())
    assert found.setting.expensive_cost == 0.5
    assert found.unit == "tokens"


def test_the_same_seed_gives_the_same_answer():
    first, again, other = (
        needed_accuracy(skewed(300), load=LOAD, sigmas=(1.0,), biases=(), seed=seed).points[0].cost
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigmas": ()}, "sigmas are empty"),
        ({"sigmas": (1.0, 0.5)}, "sigmas are 1, 0.5, but must be one at least, ascending"),
        ({"sigmas": (0.5, 0.5)}, "drop equal ones"),
        ({"sigmas": (-1.0,)}, "sigmas is -1"),
        ({"sigmas": (11.0,)}, "at most 10"),
        ({"biases": (0.0,)}, "biases is 0"),
        ({"min_gain": -0.1}, "min_gain"),
        ({"load": None}, "pass load"),
        ({"price": -1.0}, "expensive_cost is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        needed_accuracy(skewed(50), **{"load": LOAD} | options)
