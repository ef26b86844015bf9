"""Where a plan looks for thresholds, and what it evaluates on all rows of a long log."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, LAS, SPJF, SPRPT, TRAIL, Log, LogFormula, OneBit, SkipPredict, expect, simulate
from beforehand.scheduling.plan import search as searching
from beforehand.scheduling.plan.candidates import BLIND, evaluate, reevaluate
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.families import families
from beforehand.scheduling.plan.search import (
    best_of_each,
    between,
    blind_designs,
    break_even,
    clairvoyant,
    finals,
    gains,
    given_designs,
    grid,
    sample_of,
    search,
)
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import design, few_jobs, skewed

LOG = skewed(3000)
SIZE = LOG.size
SETTING = Setting(load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True)
TRIAL = partial(evaluate, formula=LogFormula(LOG), setting=SETTING)
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
def test_further_looks_find_what_the_grid_has_missed(name):
    family = next(family for family in families(LOG, SETTING) if family.name == name)
    coarse = grid(family.column)
    found = search(family, TRIAL)
    first, later = found[: coarse.size], found[coarse.size :]
    assert [each.policy for each in first] == [family.make(value) for value in coarse]
    assert 8 <= len(later) <= (3 + 7) * 9
    assert len({each.policy for each in found}) == len(found)
    assert min(each.cost for each in later) < min(each.cost for each in first)
    once = search(family, TRIAL, looks=1)
    assert len(once) <= coarse.size + 3 * 9
    assert min(each.cost for each in found) <= min(each.cost for each in once)


@pytest.mark.parametrize("best", [0, 1, 497, 1200, 2711, 2998, 2999])
def test_a_narrow_valley_is_found_wherever_it_lies(best):
    values = np.arange(3000.0)

    def trial(family, policy):
        # two valleys: a wide one that the grid sees, and a narrow one with the best value
        wide, narrow = abs(policy.threshold - 1800) / 3000, abs(policy.threshold - best) / 250
        return design(policy, 1 + min(wide, narrow - 0.5) if narrow < 1 else 1 + wide)

    found = search(searching.Family("1-bit", OneBit, values), trial)
    assert min(found, key=lambda each: each.cost).policy.threshold == pytest.approx(best, abs=2)


def test_the_best_threshold_is_found_next_to_a_cliff():
    log = skewed(3000, seed=4)
    size = np.where(np.arange(3000) % 500 == 7, 3000 * log.size, 1.0)  # six giants, all others alike
    cheap = size * log.cheap / log.size
    giants = Log(size, cheap=cheap)
    trial = partial(evaluate, formula=LogFormula(giants), setting=SETTING)
    family = next(family for family in families(giants, SETTING) if family.name == "1-bit")
    best = min(trial("1-bit", OneBit(value)).cost for value in np.unique(cheap))
    assert min(each.cost for each in search(family, trial)) <= 1.01 * best
    assert min(trial("1-bit", OneBit(value)).cost for value in grid(cheap)) > 1.02 * best


@pytest.mark.parametrize(("cheap_cost", "expensive_cost"), [(0.0, 0.0), (0.25, 0.5)])
def test_a_break_even_price_is_the_greatest_gain_for_each_call_whatever_is_paid_today(cheap_cost, expensive_cost):
    setting = Setting(load=0.5, cheap_cost=cheap_cost, expensive_cost=expensive_cost)
    tried = [design(FCFS(), 10.0), design(OneBit(1.0), 7.0 + cheap_cost, cheap=1.0)]
    tried.append(design(SkipPredict(1.0), 5.0 + cheap_cost + 0.5 * expensive_cost, cheap=1.0, expensive=0.5))
    assert break_even(tried, setting, "expensive") == pytest.approx((7 + cheap_cost - 5 - cheap_cost) / 0.5)
    assert break_even(tried, setting, "cheap") == pytest.approx(10 - min(7, 5 + 0.5 * expensive_cost))
    assert break_even(tried[:2], setting, "expensive") is None  # nothing was tried
    assert break_even(tried, replace(setting, slo=3.0), "cheap") is None  # shares of jobs have no price
    assert break_even(tried, replace(setting, charge="server", preemptive=True), "cheap") is None
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


def test_the_five_best_by_the_formula_and_the_blind_ones_are_simulated():
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
    drawn = DrawnJobs.like(LOG, setting, 2_000, 7)
    found = finals(designs[::-1], drawn)
    assert [each.policy for each in found] == [*policies[:5], FCFS(), LAS(quantum=1.0)]
    same = simulate(SPRPT(), LOG, load=0.9, servers=2, jobs=2_000, seed=7)
    assert found[0].response_time == pytest.approx(same.response_time)


def test_each_kind_of_prediction_that_was_tried_reaches_the_finals():
    policies = [SPRPT(), SPRPT(work=0.01), SPRPT(work=0.02), SPRPT(work=0.03), SPRPT(work=0.04), FCFS()]
    designs = [design(policy, cost, expensive=1.0) for cost, policy in enumerate(policies[:5])]
    designs += [replace(design(FCFS(), 6.0), family="FCFS"), design(OneBit(1.0), 7.0, cheap=1.0)]
    designs += [design(OneBit(2.0), 8.0, cheap=1.0)]
    found = finals(designs, DrawnJobs.like(LOG, Setting(load=0.8, preemptive=True, servers=2), 2_000, 7))
    assert [each.policy for each in found] == [*policies[:5], OneBit(1.0), FCFS()]


def test_for_a_percentile_every_family_is_searched_and_run(monkeypatch):
    monkeypatch.setattr(searching, "SEARCHED_JOBS", 2_000)
    setting = replace(SETTING, goal="p99")
    designs, tried = best_of_each(LOG, LogFormula(LOG), setting, None, seed=3)
    assert designs == tried
    assert [each.family for each in designs] == [family.name for family in families(LOG, setting)]
    drawn = DrawnJobs.like(LOG, setting, 2_000, 4)  # thresholds are not searched on the jobs of the finals
    assert designs[0] == searching.simulated("FCFS", FCFS(), drawn)
    assert [each.family for each in finals(designs, drawn)] == [
        each.family for each in sorted(designs, key=lambda each: each.preference)
    ]
    assert min(each.cost for each in designs) < designs[0].cost


def test_the_clairvoyant_of_a_percentile_is_the_best_of_what_perfect_predictions_allow(monkeypatch):
    few_jobs(monkeypatch, 20_000)
    setting = replace(SETTING, goal="p99", cheap_cost=5.0)
    best = clairvoyant(LOG, setting, 1)
    exact = DrawnJobs.like(Log(SIZE, cheap=SIZE), replace(setting, cheap_cost=0.0, expensive_cost=0.0), 20_000, 1)
    for policy in (FCFS(), SPRPT(by="cheap")):
        assert best.cost <= searching.simulated("any", policy, exact).cost


@pytest.fixture(params=(1, 2, 4, 5))
def long_log(request, monkeypatch):
    """A log longer than what is searched, and the sample that is."""
    monkeypatch.setattr(searching, "SAMPLED_ROWS", 40)
    log = skewed(200, seed=request.param)
    return log, sample_of(log)


def test_the_sample_of_a_long_log_has_its_largest_jobs_and_the_moments_of_all(long_log):
    log, sample = long_log
    assert len(sample) == 40
    assert np.isin(np.sort(log.size)[-4:], sample.size).all()
    assert sample.mean == pytest.approx(log.mean, rel=0.05)
    assert sample.moment(2) == pytest.approx(log.moment(2), rel=0.05)
    held = {tuple(row) for row in np.column_stack([log.size, log.cheap, log.expensive])}
    assert {tuple(row) for row in np.column_stack([sample.size, sample.cheap, sample.expensive])} <= held


def test_of_a_long_log_the_three_best_on_the_sample_are_compared_on_all_rows(long_log):
    log, sample = long_log
    formula, sampled = LogFormula(log), LogFormula(sample)
    best, _ = best_of_each(log, formula, SETTING, None)
    turned = 0
    for family in families(sample, SETTING):
        if family.name not in BLIND:
            three = sorted(
                search(family, partial(evaluate, formula=sampled, setting=SETTING)), key=lambda each: each.preference
            )[:3]
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
        trial = partial(evaluate, formula=sampled, setting=SETTING)
        on_sample += search(family, trial) if family.name not in BLIND else []
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
