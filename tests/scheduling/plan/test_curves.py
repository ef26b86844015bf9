"""Designs at other loads, and for the largest jobs."""

from dataclasses import replace

import numpy as np
import pytest

from beforehand.scheduling import FCFS, SPRPT, Log, LogFormula, expect
from beforehand.scheduling.plan import curves
from beforehand.scheduling.plan.candidates import reevaluate
from beforehand.scheduling.plan.curves import largest, winners
from beforehand.scheduling.plan.setting import Setting
from tests.scheduling.designs import planned, skewed


def test_curves_rise_with_the_load_and_the_clairvoyant_lies_lowest():
    log = skewed(300)
    drawn = curves(planned(log), log, [0.2, 0.5, 0.8])
    best = drawn.pop("clairvoyant")
    for line in drawn.values():
        assert (np.diff(line) > 0).all()
        assert (line >= best - 1e-9).all()


def test_the_largest_jobs_and_the_loads_around_are_shown():
    plan = planned(skewed(1000), load=0.9)
    assert plan.largest[0] > plan.largest[1]
    assert [load for load, _ in plan.winners] == pytest.approx([0.72, 0.81, 0.9, 0.99])


def test_the_largest_are_the_jobs_from_the_99th_percentile_on():
    size = np.arange(1.0, 201.0)
    log = Log(size, expensive=size)
    here, fcfs = largest(log, LogFormula(log), Setting(load=0.5, preemptive=True), SPRPT())
    assert here == pytest.approx(expect(SPRPT(), log, load=0.5, per_job=True).per_job[197:].mean())
    assert fcfs == pytest.approx(expect(FCFS(), log, load=0.5, per_job=True).per_job[197:].mean())


def test_nothing_is_said_of_the_largest_where_the_server_cannot_keep_up():
    log = skewed(100)
    setting = Setting(load=0.9, expensive_cost=log.mean, charge="server", preemptive=True)
    assert largest(log, LogFormula(log), setting, SPRPT(work=log.mean)) is None


def test_winners_are_the_best_of_the_candidates_at_loads_below_1():
    plan, log = planned(skewed(500), load=0.5, expensive_cost=0.5), skewed(500)
    formula = LogFormula(log)
    found = winners(list(plan.candidates), formula, plan.setting)
    assert found == plan.winners
    assert [load for load, _ in found] == pytest.approx([0.4, 0.45, 0.5, 0.55, 0.6])
    ordered = [each for each in plan.candidates if each.policy is not None]
    for load, design in found:
        there = [reevaluate(each, formula, replace(plan.setting, load=load)) for each in ordered]
        assert design == min(there, key=lambda each: each.cost).design
    assert len({design for _, design in found}) > 1
    assert [load for load, _ in planned(log, load=0.9).winners] == pytest.approx([0.72, 0.81, 0.9, 0.99])
