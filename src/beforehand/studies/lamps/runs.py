"""Runs of contenders on the same conversations, and their ratios with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, final

import numpy as np

from beforehand.scheduling.serving import simulate
from beforehand.studies.lamps.contenders import Contender, Make
from beforehand.studies.lamps.engines import Engine, Workload
from beforehand.workloads.requests import tool_mix

# 97.5 % quantiles of Student's t by degrees of freedom; beyond, the normal one.
STUDENT: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


class Outcome(NamedTuple):
    """What became of the conversations of one run; times in seconds, tool calls not counted."""

    mean: float
    p99: float
    ttft: float


class Ratio(NamedTuple):
    """The mean of paired ratios, and half of its 95 % interval; nan from one pair."""

    value: float
    half: float

    def __str__(self) -> str:
        """Three digits, and the interval."""
        return f"{self.value:.3f}" if self.half != self.half else f"{self.value:.3f} ± {self.half:.3f}"


class Against(NamedTuple):
    """One contender over another: mean and 99th percentile of net latency, and time to the first token."""

    mean: Ratio
    p99: Ratio
    ttft: Ratio


def mix(**options: Any) -> Workload:
    """The mix of tools of INFERCEPT, with options of `tool_mix`."""
    return lambda rate, conversations, seed: tool_mix(conversations, rate=rate, seed=seed, **options)


def mixed(rate: float, conversations: int, seed: int) -> Any:
    """The mix of tools of INFERCEPT."""
    return tool_mix(conversations, rate=rate, seed=seed)


@final
@dataclass
class Runs:
    """Simulates each run once, however often it is asked for.

    Args:
        conversations: Of a run.
        workload: Makes them.
    """

    conversations: int
    workload: Workload = mixed
    _done: dict[Any, Outcome] = field(default_factory=dict)

    def outcome(self, engine: Engine, rate: float, contender: Contender, seed: int) -> Outcome:
        """One run; lengths are exact and durations the mean of each tool, unless the contender says otherwise."""
        key = (engine.name, engine.profile.name, rate, contender.name, seed)
        if key not in self._done:
            trace = self.workload(rate, self.conversations, seed)
            given = {"lengths": "exact", "durations": "mean"} | engine.options | dict(contender.options)
            given["policy"] = contender.policy
            made = {name: each(trace, seed, engine) if isinstance(each, Make) else each for name, each in given.items()}
            figures = simulate(trace, handling=contender.handling(), **made).summary()
            self._done[key] = Outcome(figures["mean_net_latency"], figures["p99_net_latency"], figures["ttft"])
        return self._done[key]

    def mean(self, engine: Engine, rate: float, contender: Contender, seeds: Sequence[int]) -> Outcome:
        """The mean over seeds."""
        found = [self.outcome(engine, rate, contender, seed) for seed in seeds]
        return Outcome(*(float(np.mean(values)) for values in zip(*found, strict=True)))

    def against(
        self, engine: Engine, rate: float, contender: Contender, base: Contender, seeds: Sequence[int]
    ) -> Against:
        """Paired ratios: both serve the same conversations."""
        ours, theirs = (
            np.array([self.outcome(engine, rate, each, seed) for seed in seeds]) for each in (contender, base)
        )
        return Against(*(paired(values) for values in (ours / theirs).T.tolist()))


def paired(values: Sequence[float]) -> Ratio:
    """The mean of ratios, with its interval.

    Example:
        >>> print(paired([0.9, 0.92, 0.88]))
        0.900 ± 0.050
    """
    freedom = len(values) - 1
    if not freedom:
        return Ratio(float(values[0]), math.nan)
    student = STUDENT[freedom - 1] if freedom <= len(STUDENT) else 1.96
    return Ratio(float(np.mean(values)), student * float(np.std(values, ddof=1)) / math.sqrt(len(values)))
