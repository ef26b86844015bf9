"""Limited preemption on one server: what TRAIL's C gives up in latency, and saves in memory and interruptions."""

import itertools
from dataclasses import dataclass
from typing import final

from beforehand.reporting import Sheet
from beforehand.scheduling import TRAIL, Expectation, Simulation, expect, simulate
from beforehand.studies.claims import Found
from beforehand.studies.skip_predict.costs import EXPONENTIAL

FRACTIONS = (0.0, 0.2, 0.5, 0.8, 1.0)


@final
@dataclass(frozen=True)
class Run:
    """One C at one load, by formula and simulated."""

    load: float
    fraction: float
    formula: Expectation
    simulated: Simulation


def grid(quick: bool) -> list[Run]:
    """Every C at each load."""
    loads, jobs = ((0.9,), 400_000) if quick else ((0.7, 0.9), 2_000_000)
    return [
        Run(
            load,
            fraction,
            expect(TRAIL(fraction), EXPONENTIAL, load=load),
            simulate(TRAIL(fraction), EXPONENTIAL, load=load, jobs=jobs, seed=2),
        )
        for load in loads
        for fraction in FRACTIONS
    ]


def saves_memory(runs: list[Run]) -> Found:
    """C = .2 beside C = 1 at load .9."""
    little, full = _at(runs, 0.2), _at(runs, 1.0)
    latency, memory, interruptions = _changes(little.formula, full.formula)
    simulated = _changes(little.simulated, full.simulated)
    return Found(
        scale=_scale(runs),
        figure=f"C = .2 against C = 1 at load .9: response {latency:+.1f} %, memory {memory:+.0f} %, interruptions "
        f"{interruptions:+.0f} %; simulated {simulated[0]:+.1f}, {simulated[1]:+.0f} and {simulated[2]:+.0f} %",
        holds=latency < 1 and memory < -30 and interruptions < -50 and _agree(runs),
        direction=memory < 0 and latency < 5,
    )


def best_fraction(runs: list[Run]) -> Found:
    """How the mean response time goes with C."""
    falls = all(
        one.formula.response_time > next_one.formula.response_time
        for one, next_one in itertools.pairwise(runs)
        if one.load == next_one.load
    )
    times = [_at(runs, fraction).formula.response_time for fraction in (0.0, 0.8, 1.0)]
    memory = _changes(_at(runs, 0.8).formula, _at(runs, 1.0).formula)[1]
    return Found(
        scale=_scale(runs),
        figure=f"on one server without batches response {'falls' if falls else 'does not always fall'} with C: "
        f"{times[0]:.4f}, {times[1]:.4f}, {times[2]:.4f} for C = 0, .8, 1 at load .9; C = .8 changes memory by "
        f"{memory:+.1f} %. A server of language models, where memory limits the batch, is not in this study",
        holds=False,
        direction=falls and times[1] / times[2] < 1.002 and memory < 0,
    )


def sheet(runs: list[Run]) -> Sheet:
    """All of the grid."""
    rows = []
    for run in runs:
        row = [f"{run.load:g}", f"{run.fraction:g}"]
        for name in ("response_time", "memory", "interruptions"):
            interval = f" +- {run.simulated.interval:.3f}" if name == "response_time" else ""
            row += [f"{getattr(run.formula, name):.4f}", f"{getattr(run.simulated, name):.4f}{interval}"]
        rows.append(row)
    return Sheet(
        title="Limited preemption: TRAIL's C",
        columns=["load", "C", "response", "simulated", "memory", "simulated", "interruptions", "simulated"],
        rows=rows,
        below="M/M/1, exponential errors. C = 0 never preempts a job (SPJF), C = 1 always may (SPRPT). "
        "Memory is the mean over time of the summed ages of unfinished jobs.",
    )


def _at(runs: list[Run], fraction: float) -> Run:
    return next(run for run in runs if run.load == 0.9 and run.fraction == fraction)


def _changes(one: Expectation | Simulation, other: Expectation | Simulation) -> tuple[float, float, float]:
    """In percent: response time, memory, interruptions."""
    return (
        100 * (one.response_time / other.response_time - 1),
        100 * (one.memory / other.memory - 1),
        100 * (one.interruptions / other.interruptions - 1),
    )


def _agree(runs: list[Run]) -> bool:
    """Whether simulation and formula are within 5 % everywhere."""
    return all(
        abs(getattr(run.simulated, name) - getattr(run.formula, name)) <= 0.05 * getattr(run.formula, name)
        for run in runs
        for name in ("response_time", "memory", "interruptions")
    )


def _scale(runs: list[Run]) -> str:
    jobs = runs[0].simulated.jobs
    return f"M/M/1, exponential errors; by formula, and {jobs / 1e6:.2g} million jobs simulated"
