"""Where a plan looks for thresholds, and which of two equal designs it takes."""

import numpy as np
import pytest

from beforehand.scheduling import FCFS, DelayPredict, Log, LogFormula, OneBit, SkipPredict
from beforehand.scheduling.plan.candidates import (
    Candidate,
    Setting,
    between,
    break_even,
    evaluate,
    families,
    grid,
    search,
)

RANDOM = np.random.default_rng(0)
SIZE = RANDOM.exponential(size=3000) ** 2
LOG = Log(SIZE, cheap=SIZE * RANDOM.lognormal(0, 1, 3000), expensive=SIZE * RANDOM.lognormal(0, 0.3, 3000))


def known(policy, cost=1.0, cheap=0.0, expensive=0.0):
    return Candidate(
        family="any", policy=policy, response_time=cost, cost=cost, cheap_calls=cheap, expensive_calls=expensive,
        utilisation=0.5,
    )  # fmt: skip


def test_a_grid_has_quantiles_by_jobs_and_by_work():
    found = grid(SIZE)
    assert 20 <= found.size <= 25
    assert np.isin(found, SIZE).all()
    assert found[0] == SIZE.min()
    median, half = np.median(SIZE), np.sort(SIZE)[np.searchsorted(np.cumsum(np.sort(SIZE)), SIZE.sum() / 2)]
    for wanted in (median, half):  # some value has about as many jobs below, and some as much work
        assert np.abs(np.log(found / wanted)).min() < 0.15
    assert SIZE[SIZE > found[-1]].sum() < 0.01 * SIZE.sum()


def test_few_distinct_values_are_all_tried():
    assert grid(np.tile([3.0, 1.0, 2.0], 50)).tolist() == [1, 2, 3]


def test_a_second_look_takes_nine_values_between_the_neighbours_of_the_best():
    inside = between(SIZE, 1.0, 2.0)
    assert inside.size == 9
    assert (inside > 1).all()
    assert (inside < 2).all()
    assert between(np.array([1.0, 2.0]), 1.0, 2.0).size == 0
    assert between(np.array([1.0, 1.5, 1.5, 2.0]), 1.0, 2.0).tolist() == [1.5]


def test_the_second_look_finds_what_the_grid_has_missed():
    setting, formula = Setting(load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True), LogFormula(LOG)
    for family in families(LOG, setting):
        if family.column is not None:
            found = search(family, formula, setting)
            coarse = [evaluate(family.name, family.make(float(t)), formula, setting) for t in grid(family.column)]
            assert len(found) <= 25 + 9
            assert min(each.cost for each in found) <= min(each.cost for each in coarse)


def test_of_equal_costs_the_one_with_fewer_calls_then_parameters_then_the_first_name_is_taken():
    ordered = [
        known(DelayPredict(9.0, long_order="size"), cost=0.9, expensive=1.0),
        known(FCFS()),
        known(DelayPredict(1.0), expensive=0.25),
        known(DelayPredict(1.0, long_order="size"), expensive=0.25),
        known(OneBit(1.0), cheap=1.0),
        known(SkipPredict(1.0), cheap=1.0),
        known(SkipPredict(0.5), cheap=1.0, expensive=0.5),
    ]
    assert sorted(reversed(ordered), key=lambda each: each.preference) == ordered


@pytest.mark.parametrize(("cheap_cost", "expensive_cost"), [(0.0, 0.0), (0.25, 0.5)])
def test_a_break_even_price_is_the_greatest_gain_for_each_call_whatever_is_paid_today(cheap_cost, expensive_cost):
    setting = Setting(load=0.5, cheap_cost=cheap_cost, expensive_cost=expensive_cost)
    tried = [known(FCFS(), 10.0), known(OneBit(1.0), 7.0 + cheap_cost, cheap=1.0)]
    tried.append(known(SkipPredict(1.0), 5.0 + cheap_cost + 0.5 * expensive_cost, cheap=1.0, expensive=0.5))
    assert break_even(tried, setting, "expensive") == pytest.approx((7 + cheap_cost - 5 - cheap_cost) / 0.5)
    assert break_even(tried, setting, "cheap") == pytest.approx(10 - min(7, 5 + 0.5 * expensive_cost))
    assert break_even(tried[:2], setting, "expensive") == 0
    assert break_even([known(FCFS(), 1.0), known(OneBit(1.0), 2.0, cheap=1.0)], setting, "cheap") == 0
