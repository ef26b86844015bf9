"""Where a plan looks for thresholds, and what it evaluates on all rows of a long log."""

from dataclasses import replace

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, LAS, SPJF, SPRPT, TRAIL, Log, LogFormula, OneBit, SkipPredict, expect, simulate
from beforehand.scheduling.plan import search as searching
from beforehand.scheduling.plan.candidates import BLIND, evaluate, reevaluate
from beforehand.scheduling.plan.search import (
    best_of_each,
    between,
    blind_designs,
    break_even,
    clairvoyant,
    families,
    finals,
    gains,
    given_designs,
    grid,
    search,
)
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import design, skewed

LOG = skewed(3000)
SIZE = LOG.size
SETTING = Setting(load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True)
SEARCHED = ["1-bit", "SkipPredict", "SkipPredict, size", "DelayPredict", "DelayPredict, size"]


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
    work = np.repeat(np.arange(1.0, 26.0), np.arange(25, 0, -1))  # 25 distinct values, as many as a grid may have
    assert grid(work).tolist() == list(range(1, 26))
    assert grid(np.tile([3.0, 1.0, 2.0], 50)).tolist() == [1, 2, 3]


def test_a_second_look_takes_nine_values_between_the_neighbours_of_the_best():
    inside = between(SIZE, 1.0, 2.0)
    assert inside.size == 9
    assert (inside > 1).all()
    assert (inside < 2).all()
    assert between(np.array([1.0, 2.0]), 1.0, 2.0).size == 0
    assert between(np.array([1.0, 1.5, 1.5, 2.0]), 1.0, 2.0).tolist() == [1.5]


@pytest.mark.parametrize("name", SEARCHED)
def test_the_second_look_finds_what_the_grid_has_missed(name):
    formula = LogFormula(LOG)
    family = next(family for family in families(LOG, SETTING) if family.name == name)
    found, coarse = search(family, formula, SETTING), grid(family.column)
    first, second = found[: coarse.size], found[coarse.size :]
    assert [each.policy for each in first] == [family.make(value) for value in coarse]
    assert 8 <= len(second) <= 9
    assert min(each.cost for each in second) < min(each.cost for each in first)


def test_families_need_their_predictions_and_preemption():
    names = {family.name for family in families(LOG, SETTING)}
    assert names == {"FCFS", "LAS", *(f"{p} {by}" for p in ("SPRPT", "PSPJF") for by in ("cheap", "expensive")),
                     *SEARCHED}  # fmt: skip
    blind = families(Log(SIZE), SETTING)
    assert {family.name for family in blind} == {"FCFS", "LAS"}
    gentle = {family.name for family in families(LOG, Setting(load=0.9))}
    assert gentle == {"FCFS", "SPJF cheap", "SPJF expensive", "1-bit", "SkipPredict"}


@pytest.mark.parametrize(("cheap_cost", "expensive_cost"), [(0.0, 0.0), (0.25, 0.5)])
def test_a_break_even_price_is_the_greatest_gain_for_each_call_whatever_is_paid_today(cheap_cost, expensive_cost):
    setting = Setting(load=0.5, cheap_cost=cheap_cost, expensive_cost=expensive_cost)
    tried = [design(FCFS(), 10.0), design(OneBit(1.0), 7.0 + cheap_cost, cheap=1.0)]
    tried.append(design(SkipPredict(1.0), 5.0 + cheap_cost + 0.5 * expensive_cost, cheap=1.0, expensive=0.5))
    assert break_even(tried, setting, "expensive") == pytest.approx((7 + cheap_cost - 5 - cheap_cost) / 0.5)
    assert break_even(tried, setting, "cheap") == pytest.approx(10 - min(7, 5 + 0.5 * expensive_cost))
    assert break_even(tried[:2], setting, "expensive") == 0
    assert break_even([design(FCFS(), 1.0), design(OneBit(1.0), 2.0, cheap=1.0)], setting, "cheap") == 0


def test_the_callers_policies_are_compared_as_policies_not_by_their_rounded_name():
    formula = LogFormula(LOG)
    stock = next(each.policy for each in blind_designs(LOG, formula, SETTING) if isinstance(each.policy, LAS))
    near = LAS(quantum=stock.quantum * 1.00001)
    designs, _ = best_of_each(LOG, formula, SETTING, [near, stock, SkipPredict(1.00001), SkipPredict(1.00002)])
    policies = [each.policy for each in designs]
    assert near in policies
    assert policies.count(stock) == 1
    assert {SkipPredict(1.00001), SkipPredict(1.00002)} <= set(policies)


@pytest.mark.parametrize("policy", [SPRPT(), TRAIL(0.5), SkipPredict(1.5), LAS(quantum=1.0)], ids=str)
def test_a_policy_that_preempts_needs_a_server_that_can(policy):
    formula, setting = LogFormula(LOG), Setting(load=0.9)
    with pytest.raises(InvalidInput, match="which preempts jobs, but preemptive is False"):
        given_designs([policy], formula, setting)
    assert [each.policy for each in given_designs([SPJF(), TRAIL(0.0)], formula, setting)] == [SPJF(), TRAIL(0.0)]


def test_the_clairvoyant_knows_every_size_and_pays_nothing():
    best = clairvoyant(LOG, SETTING, 0)
    exact = Log(SIZE, expensive=SIZE)
    assert best.cost == pytest.approx(expect(SPRPT(), exact, load=0.9).response_time)
    gentle = clairvoyant(LOG, Setting(load=0.9, expensive_cost=5.0), 0)
    assert gentle.cost == pytest.approx(expect(SPJF(), exact, load=0.9).response_time)


def test_the_five_best_by_the_formula_and_the_blind_ones_are_simulated(monkeypatch):
    monkeypatch.setattr(searching, "FINAL_JOBS", 2_000)
    setting = Setting(load=0.9, preemptive=True, servers=2)
    policies = [
        SPRPT(),
        SkipPredict(1.0),
        SkipPredict(2.0),
        OneBit(1.0),
        OneBit(2.0),
        TRAIL(0.5),
        FCFS(),
        LAS(quantum=1.0),
    ]
    designs = [design(policy, cost) for cost, policy in enumerate(policies)]
    designs[-2:] = [replace(each, family=type(each.policy).__name__) for each in designs[-2:]]
    found = finals(designs[::-1], LOG, setting, seed=7)
    assert [each.policy for each in found] == [*policies[:5], FCFS(), LAS(quantum=1.0)]
    same = simulate(SPRPT(), LOG, load=0.9, servers=2, jobs=2_000, seed=7)
    assert found[0].response_time == same.response_time


@pytest.fixture(params=range(1, 5))
def long_log(request, monkeypatch):
    """A log longer than what is searched, and the sample that is: every fifth row by size."""
    monkeypatch.setattr(searching, "SAMPLED_ROWS", 40)
    log = skewed(200, seed=request.param)
    by_size = np.argsort(log.size, kind="stable")
    return log, log.take(np.sort(by_size[2::5]))


def test_of_a_long_log_the_three_best_on_the_sample_are_compared_on_all_rows(long_log):
    log, sample = long_log
    formula, sampled = LogFormula(log), LogFormula(sample)
    best, _ = best_of_each(log, formula, SETTING, None)
    turned = 0
    for family in families(sample, SETTING):
        if family.name not in BLIND:
            three = sorted(search(family, sampled, SETTING), key=lambda each: each.preference)[:3]
            wanted = min((reevaluate(each, formula, SETTING) for each in three), key=lambda each: each.preference)
            assert next(each for each in best if each.family == family.name) == wanted
            turned += wanted.policy != three[0].policy
    assert turned  # the first on the sample is not always the first on all rows


def test_break_even_prices_of_a_long_log_are_those_of_its_dearest_designs_on_all_rows(long_log):
    log, sample = long_log
    formula, sampled = LogFormula(log), LogFormula(sample)
    best, tried = best_of_each(log, formula, SETTING, None)
    assert all(each == reevaluate(each, formula, SETTING) for each in tried)
    on_sample = [each for each in blind_designs(log, formula, SETTING)]
    for family in families(sample, SETTING):
        on_sample += search(family, sampled, SETTING) if family.name not in BLIND else []
    for which in ("cheap", "expensive"):
        dearest = sorted(gains(on_sample, SETTING, which), key=lambda each: -each[0])[:3]
        assert {each.policy for _, each in dearest} <= {each.policy for each in tried}
    assert break_even(tried, SETTING, "expensive") > break_even(best, SETTING, "expensive")


def test_a_short_log_is_searched_whole():
    log = skewed(200)
    formula = LogFormula(log)
    best, tried = best_of_each(log, formula, SETTING, None)
    assert len(tried) > 5 * 25
    assert {each.policy for each in best} <= {each.policy for each in tried}
    assert evaluate("FCFS", FCFS(), formula, SETTING) in best
