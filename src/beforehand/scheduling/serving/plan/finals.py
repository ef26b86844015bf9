"""The best designs on the whole sample and on the same traffic drawn anew, and the choice among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from beforehand.core.report import Outcome
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.serving.plan.candidates import FIGURES, Candidate, frugality
from beforehand.scheduling.serving.plan.objective import cost
from beforehand.scheduling.serving.plan.runs import Runs
from beforehand.scheduling.serving.plan.traffic import Floats, Traffic


@final
@dataclass(frozen=True, eq=False)
class Finalist:
    """A design on the sample, and on the sample drawn anew.

    Args:
        candidate: The design, with its figures on the sample.
        figures: By name, one for each run, the sample first; also `cost` and `p99_ratio`.
        latency: Net latency of each conversation of the sample, in seconds.
    """

    candidate: Candidate
    figures: Mapping[str, Floats]
    latency: Floats

    def outcome(self, name: str) -> Outcome:
        """The figure on the sample, and its interval."""
        values = self.figures[name]
        return Outcome.of(self.candidate.design, float(values[0]), values[1:])

    def against(self, other: "Finalist") -> Outcome:
        """The share of the other's cost that this one saves, run by run."""
        mine, its = self.figures["cost"], other.figures["cost"]
        saved = 1 - np.divide(mine, its, out=np.ones(len(mine)), where=its > 0)
        return Outcome.of(self.candidate.design, float(saved[0]), saved[1:])


@final
class Finals:
    """Runs of the best designs on the sample and on redrawn traffic, the same for all.

    Args:
        runs: Where to simulate.
        sample: The traffic.
        first_come: First come, first served, as the search has it.
        seeds: How often to draw.
    """

    def __init__(self, runs: Runs, sample: Traffic, first_come: Candidate, seeds: int) -> None:
        self._runs = runs
        self._traffic = [sample, *(sample.drawn(runs.setting.seed + i) for i in range(1, seeds + 1))]
        self._without = np.ones(1 + seeds)
        self.first_come = self.run(first_come)
        self._without = self.first_come.figures["p99_net_latency"]
        self.first_come = self._finalist(self.first_come.candidate, self.first_come.figures, self.first_come.latency)

    @property
    def limit(self) -> float:
        """How far the p99 may rise."""
        return self._runs.setting.max_p99_ratio

    def run(self, design: Candidate) -> Finalist:
        """A design on all of the traffic."""
        if isinstance(design.policy, FCFS):
            results = [self._runs.first_come(traffic, design.handling) for traffic in self._traffic]
        else:
            results = [self._runs.run(traffic, design.policy, design.handling) for traffic in self._traffic]
        summaries = [each.summary() for each in results]
        figures = {name: np.array([each[name] for each in summaries]) for name in FIGURES}
        figures["cost"] = np.array([cost(each, self._runs.setting.objective) for each in summaries])
        return self._finalist(design, figures, results[0].net_latency)

    def _finalist(self, design: Candidate, figures: Mapping[str, Floats], latency: Floats) -> Finalist:
        ratio = figures["p99_net_latency"] / self._without
        measured = replace(
            design,
            cost=float(figures["cost"][0]),
            p99_ratio=float(ratio[0]),
            p99_most=float(ratio.max()),
            figures={name: float(figures[name][0]) for name in FIGURES},
            runs=len(ratio),
        )
        return Finalist(measured, {**figures, "p99_ratio": ratio}, latency)


def best_of(finalists: Sequence[Finalist], max_p99_ratio: float, min_gain: float) -> Finalist | None:
    """The least cost whose p99 stays within the limit; of those that tie with it, the one that needs to know least.

    Returns:
        None if the p99 of none of them surely stays within the limit.
    """
    within = [each for each in finalists if each.outcome("p99_ratio").high <= max_p99_ratio]
    if not within:
        return None
    best = min(within, key=lambda each: each.candidate.cost)
    tied = [each for each in within if each is best or ties(each, best, min_gain)]
    return min(tied, key=lambda each: (frugality(each.candidate.policy), each.candidate.cost))


def ties(design: Finalist, best: Finalist, most: float) -> bool:
    """Whether a design costs at most `most` more than the best on the sample, and not more on every draw."""
    saved = best.against(design)
    return saved.low <= 0 and saved.value <= most
