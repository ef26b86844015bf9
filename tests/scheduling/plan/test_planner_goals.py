import pytest

from beforehand.scheduling import (
    FCFS,
    LAS,
    SPRPT,
    simulate,
)
from tests.scheduling.designs import few_jobs, planned, skewed


def test_a_plan_says_how_long_the_slowest_jobs_take_under_every_design(monkeypatch):
    few_jobs(monkeypatch, 20_000)
    log = skewed(500)
    plan = planned(log)
    for each in plan.candidates:
        if each.policy is None:
            assert each.p95 is each.p99 is None
        else:
            same = simulate(each.policy, log, load=0.8, jobs=20_000, quantiles=(0.95, 0.99))
            assert (each.p95, each.p99) == pytest.approx(tuple(same.quantiles.values()), rel=0.01)


@pytest.mark.parametrize("preemptive", [False, True])
def test_a_plan_for_a_percentile_takes_the_design_with_the_smallest(monkeypatch, preemptive):
    few_jobs(monkeypatch, 20_000)
    log = skewed(500)
    plan = planned(log, goal="p99", cheap_cost=0.1, preemptive=preemptive)
    extra = 0.1 * plan.chosen.cheap_calls
    assert plan.expected.value == plan.chosen.cost == pytest.approx(plan.chosen.p99 + extra)
    assert plan.chosen.cost == min(each.cost for each in plan.candidates)
    assert {each.family for each in plan.candidates} > {"FCFS", "1-bit", "SkipPredict"}
    best_mean = planned(log, cheap_cost=0.1, preemptive=preemptive)
    same = next(each for each in plan.candidates if each.family == best_mean.chosen.family)
    assert plan.chosen.cost <= same.cost
    assert plan.baseline.value == min(each.cost for each in plan.candidates if each.family in ("FCFS", "LAS"))
    assert plan.winners == ()
    assert planned(log, goal="p99", cheap_cost=0.1, preemptive=preemptive) == plan


def test_a_plan_for_a_deadline_takes_the_design_with_the_fewest_late_jobs(monkeypatch):
    few_jobs(monkeypatch, 20_000)
    log = skewed(500)
    plan = planned(log, slo=10.0, bootstrap=3)
    assert plan.chosen.cost == min(each.cost for each in plan.candidates)
    assert 0 < plan.expected.value < plan.baseline.value < 0.5
    assert plan.verdict == "worth it"
    assert plan.break_even_expensive is None
    dear = planned(log, slo=10.0, cheap_cost=100.0, expensive_cost=100.0)  # no job that pays for one is in time
    assert dear.design in ("FCFS", str(LAS(quantum=log.mean / 32)))


def test_a_deadline_that_nobody_misses_saves_nothing(monkeypatch):
    few_jobs(monkeypatch, 2_000)
    plan = planned(slo=1e9, bootstrap=3)
    assert (plan.expected.value, plan.baseline.value, plan.saving.value) == (0.0, 0.0, 0.0)
    assert plan.verdict == "don't bother"


def test_a_percentile_is_compared_on_the_callers_own_policies(monkeypatch):
    few_jobs(monkeypatch, 5_000)
    plan = planned(candidates=[SPRPT(), LAS(quantum=0)], goal="p95")
    assert {each.policy for each in plan.candidates} >= {SPRPT(), FCFS(), LAS(quantum=0)}
    assert all(each.p95 == each.cost for each in plan.candidates)
