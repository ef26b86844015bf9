"""What is expected of a design, and which of two equal ones is taken."""

import math
from dataclasses import replace

import numpy as np
import pytest

from beforehand.scheduling import (
    FCFS,
    LAS,
    SPRPT,
    DelayPredict,
    LogFormula,
    OneBit,
    SkipPredict,
    expect,
    simulate,
)
from beforehand.scheduling.plan.candidates import candidate, evaluate, reevaluate, simulated, with_percentiles
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import design, skewed

LOG = skewed(300)
SETTING = Setting(load=0.8, cheap_cost=0.1, expensive_cost=0.5, preemptive=True)


def test_of_equal_costs_the_one_with_fewer_calls_then_parameters_then_the_first_name_is_taken():
    ordered = [
        design(DelayPredict(9.0, long_order="size"), cost=0.9, expensive=1.0),
        design(FCFS()),
        design(None),
        design(DelayPredict(1.0), expensive=0.25),
        design(DelayPredict(1.0, long_order="size"), expensive=0.25),
        design(OneBit(1.0), cheap=1.0),
        design(SkipPredict(1.0), cheap=1.0),
        design(SkipPredict(0.5), cheap=1.0, expensive=0.5),
    ]
    assert sorted(reversed(ordered), key=lambda each: each.preference) == ordered


def test_a_design_is_what_the_formula_expects_of_its_policy_at_the_planned_load():
    found = evaluate("SkipPredict", SkipPredict(1.5), LogFormula(LOG), SETTING)
    same = expect(SkipPredict(1.5), LOG, load=0.8, cheap_cost=0.1, expensive_cost=0.5)
    assert found.cost == pytest.approx(same.cost)
    assert (found.cheap_calls, found.expensive_calls) == (same.cheap_calls, same.expensive_calls)
    assert reevaluate(found, LogFormula(LOG), SETTING) == found


def test_small_quanta_are_taken_for_their_limit():
    formula = LogFormula(LOG)
    found = evaluate("LAS", LAS(quantum=0.1), formula, SETTING)
    assert found.policy == LAS(quantum=0.1)
    assert found.cost == evaluate("LAS", LAS(quantum=0), formula, SETTING).cost


def test_processor_sharing_has_no_policy():
    found = evaluate("PS", None, LogFormula(LOG), SETTING)
    assert found.design == "PS"
    assert found.response_time == pytest.approx(LOG.mean / 0.2)


def test_a_design_is_simulated_on_the_jobs_of_the_seed():
    drawn = DrawnJobs.like(LOG, SETTING, 20_000, 3)
    found = simulated("SkipPredict", SkipPredict(1.5), drawn)
    same = simulate(SkipPredict(1.5), LOG, load=0.8, jobs=20_000, seed=3, control_variate=False)
    assert found.response_time == pytest.approx(same.response_time)
    assert found.cost == pytest.approx(same.response_time + 0.1 + 0.5 * same.expensive_calls)
    assert found.p99 == pytest.approx(same.quantiles[0.99], rel=0.01)
    assert (found.interruptions, found.memory) == pytest.approx((same.interruptions, same.memory))
    assert found.utilization == pytest.approx(same.utilization)
    assert found == simulated("SkipPredict", SkipPredict(1.5), DrawnJobs.like(LOG, SETTING, 20_000, 3))
    assert found != simulated("SkipPredict", SkipPredict(1.5), DrawnJobs.like(LOG, SETTING, 20_000, 4))


def test_a_mean_by_the_formula_gets_the_percentiles_of_a_run():
    first, drawn = evaluate("SPRPT", SPRPT(), LogFormula(LOG), SETTING), DrawnJobs.like(LOG, SETTING, 20_000, 3)
    found, run = with_percentiles(first, drawn), simulated("SPRPT", SPRPT(), drawn)
    assert (found.p95, found.p99) == (run.p95, run.p99)
    assert replace(found, p95=None, p99=None) == first
    sharing = evaluate("PS", None, LogFormula(LOG), SETTING)
    assert with_percentiles(sharing, drawn) == sharing


def test_a_percentile_or_a_deadline_takes_the_place_of_the_mean_in_the_cost():
    tail = DrawnJobs.like(LOG, replace(SETTING, goal="p99"), 20_000, 3)
    by_p99 = simulated("SkipPredict", SkipPredict(1.5), tail)
    extra = 0.1 + 0.5 * by_p99.expensive_calls
    assert by_p99.cost == by_p99.p99 + extra
    late = simulated("SkipPredict", SkipPredict(1.5), DrawnJobs.like(LOG, replace(SETTING, slo=3.0), 20_000, 3))
    assert late.cost == np.mean(tail.run(SkipPredict(1.5)).response > 3.0 - extra)


def test_what_a_formula_does_not_know_is_none_and_overload_is_infinite():
    works = Setting(load=0.9, cheap_cost=0.0, expensive_cost=LOG.mean, charge="server", preemptive=True)
    overloaded = evaluate("SPRPT", SPRPT(work=LOG.mean), LogFormula(LOG), works)
    assert overloaded.cost == math.inf
    assert overloaded.interruptions is None
    assert overloaded.memory is None


def test_weighed_memory_is_in_the_cost():
    weighed = Setting(load=0.8, preemptive=True, memory_weight=2.0)
    result = expect(SPRPT(), LOG, load=0.8)
    assert candidate("SPRPT", SPRPT(), result, weighed).cost == result.response_time + 2 * result.memory
