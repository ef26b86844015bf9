"""Designs at other loads, and for the largest jobs: what a plan and its pictures show besides the mean."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import Candidate, formula_policy, reevaluate
from beforehand.scheduling.plan.queue_plan import QueuePlan
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import FCFS, SPJF, SPRPT
from beforehand.scheduling.policies.stock import Stock

LOADS_AROUND: Final = (0.8, 0.9, 1.0, 1.1, 1.2)  # of the planned load


def curves(plan: QueuePlan, log: Any, loads: Sequence[float]) -> dict[str, Floats]:
    """The mean response time of each candidate of a plan, and of the clairvoyant, at each load; for pictures.

    Guarantee:
        By the formula for one server; inf where the server cannot keep up.

    Raises:
        InvalidInput: a load is not between 0 and 1; the log lacks a prediction.
    """
    log = Log.read(log).missing_last()
    formula, exact = LogFormula(log), LogFormula(log.exactly_predicted())
    lines = {
        each.design: np.array(
            [reevaluate(each, formula, replace(plan.setting, load=load)).response_time for load in loads]
        )
        for each in plan.candidates
    }
    best = SPRPT() if plan.setting.preemptive else SPJF()
    rates = [arrival_rate(log.mean, load=load, rate=None) for load in loads]
    lines["clairvoyant"] = np.array([exact.expect(best, rate).response_time for rate in rates])
    return lines


def winners(designs: list[Candidate], formula: LogFormula, setting: Setting) -> tuple[tuple[float, str], ...]:
    """The best of these designs at loads around the planned one, by the formula."""
    loads = [load for load in (setting.load * factor for factor in LOADS_AROUND) if load < 1]
    ordered = [each for each in designs if each.policy is not None]
    best = []
    for load in loads:
        there = replace(setting, load=load)
        best.append(min((reevaluate(each, formula, there) for each in ordered), key=lambda each: each.preference))
    return tuple((load, each.design) for load, each in zip(loads, best, strict=True))


def largest(log: Log, formula: LogFormula, setting: Setting, policy: Stock) -> tuple[float, float] | None:
    """The mean response time of the largest 1 % of jobs under a policy and first come, first served.

    None where these jobs have no weight, or where the server cannot keep up.
    """
    order = np.argsort(log.size, kind="stable")
    jobs = order[np.cumsum(log.weight[order]) > 0.99 * (1 - 1e-12)]
    if not log.weight[jobs].any():
        return None

    def mean(policy: Stock) -> float:
        times = formula.expect(formula_policy(policy), setting.load / formula.mean, per_job=True).per_job
        assert times is not None
        return float(np.average(times[jobs], weights=log.weight[jobs]))

    here, fcfs = mean(policy), mean(FCFS())
    return (here, fcfs) if math.isfinite(here) else None
