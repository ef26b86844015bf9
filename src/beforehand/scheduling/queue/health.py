"""What a queue reports about itself: what it counted, and whether the predictions paid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.expect import expect
from beforehand.scheduling.inputs import checked
from beforehand.scheduling.log import Log
from beforehand.scheduling.policies.classic import FCFS, SPJF, SPRPT
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import View

KEPT = 4096  # finished jobs that a verdict rests on


class Finished(NamedTuple):
    """A finished job of known size; predictions are nan where there was none."""

    arrival: float
    size: float
    cheap: float
    expensive: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a `PredictionQueue` counted since it was made.

    Args:
        put: Jobs put.
        served: Jobs handed out, again if they had been handed back.
        guarded: Those among them that had waited for `max_wait`.
        cancelled: Jobs cancelled while they waited.
        predictor_errors: Predictions that raised, or were not a number from 0 to 1e100.
    """

    put: int
    served: int
    guarded: int
    cancelled: int
    predictor_errors: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the predictions of the jobs finished last paid: mean response times of one server, by formula.

    Args:
        jobs: How many finished jobs of known size this rests on, at most 4096.
        rate: Their arrivals in a unit of time, or what was handed in; nan before two jobs.
        load: Rate times mean size.
        expected: The mean response time under this policy; nan before two jobs or without a formula, inf from load 1.
        fcfs: Under first come, first served.
        clairvoyant: With every size known: the shortest first, or by what is left once a job was ever handed back.
        work_called_short: The share of all work in jobs at or above the policy's threshold that were called short:
            these block others. nan for a policy without threshold, and for predictions of 0 and 1.
        work_called_long: The share in jobs below it that were called long, which hurts only themselves.
        predictor_errors: As in `Stats`.
    """

    jobs: int
    rate: float
    load: float
    expected: float
    fcfs: float
    clairvoyant: float
    work_called_short: float
    work_called_long: float
    predictor_errors: int


def health_of(
    policy: Policy, finished: Sequence[Finished], *, rate: float | None, preemptive: bool, predictor_errors: int
) -> Health:
    """The verdict on these jobs.

    Raises:
        InvalidInput: `rate` is not above 0.
    """
    if rate is not None:
        checked("rate", rate, above=True)
    expected = fcfs = clairvoyant = load = math.nan
    called_short = called_long = math.nan
    if len(finished) > 1:
        arrival, size, cheap, expensive = np.array(finished).T
        if rate is None:
            span = float(np.ptp(arrival))
            rate = (len(finished) - 1) / span if span else math.inf
        exact = Log(size, expensive=size)
        load = rate * exact.mean
        called_short, called_long = _misjudged(policy, size, cheap)
        expected = fcfs = clairvoyant = math.inf
        if load < 1:
            order = SPRPT() if preemptive else SPJF()
            fcfs = expect(FCFS(), exact, rate=rate).response_time
            clairvoyant = expect(order, exact, rate=rate).response_time
            try:
                expected = expect(policy, _filled(policy, size, cheap, expensive), rate=rate).response_time
            except InvalidInput:  # no formula
                expected = math.nan
    return Health(
        jobs=len(finished),
        rate=math.nan if rate is None else rate,
        load=load,
        expected=expected,
        fcfs=fcfs,
        clairvoyant=clairvoyant,
        work_called_short=called_short,
        work_called_long=called_long,
        predictor_errors=predictor_errors,
    )


def _filled(policy: Policy, size: np.ndarray, cheap: np.ndarray, expensive: np.ndarray) -> Log:
    """The log, where a prediction that the policy wanted and did not get is the largest seen: the job stood last."""
    largest = {"cheap": np.nanmax(cheap, initial=0.0), "expensive": np.nanmax(expensive, initial=0.0)}
    cheap, expensive = cheap.copy(), expensive.copy()
    for row in range(len(size)):
        view = View(0.0, row, age=size[row], cheap=cheap[row], predicted=expensive[row])
        while (wanted := policy.asks(view)) is not None:
            if wanted == "cheap":
                view.cheap = cheap[row] = largest[wanted]
            else:
                view.predicted = expensive[row] = largest[wanted]
    return Log(size, cheap=cheap, expensive=expensive)


def _misjudged(policy: Policy, size: np.ndarray, cheap: np.ndarray) -> tuple[float, float]:
    """The shares of work called short and called long in error."""
    stages = policy.stages()
    if stages is None or not stages.by_threshold or np.isin(cheap, (0.0, 1.0)).all():
        return math.nan, math.nan
    short, called = size < stages.threshold, cheap < stages.threshold
    return float(size[~short & called].sum() / size.sum()), float(size[short & ~called].sum() / size.sum())
