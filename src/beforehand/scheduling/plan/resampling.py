"""How sure a plan is: the same two designs on many logs that might have been."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from beforehand.core.report import Outcome, Verdict
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import Candidate, Setting, candidate, evaluate, shared
from beforehand.scheduling.simulation.simulator import simulate

REPLICATIONS: Final = 20  # of a simulation, each with jobs and weights of its own
SIMULATED_JOBS: Final = 300_000


def reweigh(log: Log, times: int, seed: int) -> Iterator[Floats]:
    """How often each row counts, `times` over: drawn Poisson(1) times, a bootstrap that keeps the rows in order."""
    random, made = np.random.default_rng(seed), 0
    while made < times:
        weight = random.poisson(1.0, len(log)) * log.weight
        if weight.any():  # few rows may all be left out
            made += 1
            yield weight


def again(known: Candidate, formula: LogFormula, setting: Setting) -> Candidate:
    """The candidate's design on another log, by its formula."""
    if known.policy is None:
        return shared(formula, setting)
    return evaluate(known.family, known.policy, formula, setting)


def simulated(known: Candidate, log: Log, setting: Setting, seed: int, *, jobs: int) -> Candidate:
    """The candidate's design on another log, by simulation; equal seeds draw equal jobs."""
    if known.policy is None:
        raise AssertionError("processor sharing is never simulated")
    found = simulate(
        known.policy,
        log,
        load=setting.load,
        jobs=jobs,
        seed=seed,
        servers=setting.servers,
        switch_cost=setting.switch_cost,
    )
    return candidate(known.family, known.policy, found, setting)


def costs(designs: list[Candidate], log: Log, formula: LogFormula, setting: Setting, times: int, seed: int) -> Floats:
    """The cost of each design (columns) on each resampled log (rows), all designs on the same ones."""
    if setting.simulated:
        weights = reweigh(log, min(times, REPLICATIONS), seed)
        logs = (Log(log.size, expensive=log.expensive, cheap=log.cheap, weight=weight) for weight in weights)
        rows = [
            [simulated(each, one, setting, seed + i, jobs=SIMULATED_JOBS).cost for each in designs]
            for i, one in enumerate(logs)
        ]
    else:
        formulas = (formula.reweighted(weight) for weight in reweigh(log, times, seed))
        rows = [[again(each, one, setting).cost for each in designs] for one in formulas]
    return np.array(rows).reshape(-1, len(designs))


def outcome(design: str, value: float, draws: Floats) -> Outcome:
    """A value with the interval that holds 95 % of the draws; those that a server cannot keep up with are left out."""
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (value, value)
    return Outcome(design, value, min(value, float(low)), max(value, float(high)))


def judge(saving: Outcome, min_gain: float) -> Verdict:
    """Worth it if all of the interval lies above the least gain, not if all lies below."""
    if saving.low > min_gain:
        return "worth it"
    return "don't bother" if saving.high <= min_gain else "unclear"
