"""How sure a plan is: the same designs on logs resampled from the one at hand."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from beforehand.core.report import Outcome
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import Candidate, reevaluate, simulated
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.setting import Setting

REPLICATIONS: Final = 20  # of a simulation, each with jobs and weights of its own
SIMULATED_JOBS: Final = 300_000
MOST_RESAMPLED: Final = 100_000
MOST_SEED: Final = 2**63
# How often a row is drawn, for each of 2**16 words: Poisson(1) to a 65,536th, in a seventh of the time.
TIMES: Final = np.repeat(np.arange(9.0), (24109, 24109, 12055, 4018, 1005, 201, 33, 5, 1))


def reweigh(log: Log, times: int, seed: int) -> Iterator[Floats]:
    """Weights of bootstrap resamples: each row is drawn Poisson(1) times, which keeps the rows in order."""
    random, drawn = np.random.default_rng(seed), 0
    while drawn < times:
        weight = TIMES[random.integers(len(TIMES), size=len(log), dtype=np.uint16)] * log.weight
        if weight.any():  # of few rows all may be left out
            drawn += 1
            yield weight


def costs(designs: list[Candidate], log: Log, formula: LogFormula, setting: Setting, times: int, seed: int) -> Floats:
    """The cost of each design (columns) on each resampled log (rows), all designs on the same ones."""
    if setting.simulated:
        weights = reweigh(log, min(times, REPLICATIONS), seed)
        logs = (Log(log.size, expensive=log.expensive, cheap=log.cheap, weight=weight) for weight in weights)
        runs = (DrawnJobs.like(each, setting, SIMULATED_JOBS, seed + i) for i, each in enumerate(logs))
        rows = [[simulated(each.family, each.policy, drawn).cost for each in designs] for drawn in runs]
    else:
        formulas = (formula.reweighted(weight) for weight in reweigh(log, times, seed))
        rows = [[reevaluate(each, resampled, setting).cost for each in designs] for resampled in formulas]
    return np.array(rows).reshape(-1, len(designs))


def compared(
    chosen: Candidate, baseline: Candidate, log: Log, formula: LogFormula, setting: Setting, times: int, seed: int
) -> tuple[Outcome, Outcome, Outcome]:
    """The costs of a design and of the baseline, and the share of the baseline's cost that is saved."""
    draws = costs([chosen, baseline], log, formula, setting, times, seed)
    saving, savings = _saving(chosen.cost, baseline.cost), np.array([_saving(*pair) for pair in draws])
    return (
        Outcome.of(chosen.design, chosen.cost, draws[:, 0]),
        Outcome.of(baseline.design, baseline.cost, draws[:, 1]),
        Outcome.of(chosen.design, saving, savings),
    )


def _saving(cost: float, baseline: float) -> float:
    if not baseline:  # of a deadline that nobody misses
        return 0.0 if not cost else -1.0
    return 1 - cost / baseline if cost < np.inf else -1.0
