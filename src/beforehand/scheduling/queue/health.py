"""What a queue reports about itself: what it counted, and whether the predictions paid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.expect import expect
from beforehand.scheduling.formulas.quanta import in_quanta
from beforehand.scheduling.inputs import finite
from beforehand.scheduling.log import Log
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import View

KEPT = 4096  # finished jobs that a verdict rests on


class Finished(NamedTuple):
    """A finished job of known size; predictions are nan where there was none, `spent` is clock time in service."""

    arrival: float
    size: float
    cheap: float
    expensive: float
    spent: float


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

    Response times are in the unit of the sizes, whatever the unit of the clock.

    Args:
        jobs: How many finished jobs of known size this rests on, at most 4096.
        rate: Their arrivals in a unit of the clock, or what was handed in; nan before two jobs.
        service_rate: Units of size that a worker did in a unit of the clock, or what was handed in: 1 if both are
            seconds, 50 for 50 tokens in a second. nan before two jobs.
        load: Rate times mean size by service rate: the share of time that one worker is busy.
        expected: The mean response time under this policy, as the workers ran it; nan before two jobs or for a policy
            without a formula, inf from load 1.
        fcfs: Under first come, first served.
        clairvoyant: With every size known: the shortest first, or by what is left once a begun job was handed back.
        work_called_short: The share of all work in jobs at or above the policy's threshold that were called short:
            these block others. nan for a policy without threshold, and for predictions of 0 and 1.
        work_called_long: The share in jobs below it that were called long, which hurts only themselves.
        predictor_errors: As in `Stats`.
    """

    jobs: int
    rate: float
    service_rate: float
    load: float
    expected: float
    fcfs: float
    clairvoyant: float
    work_called_short: float
    work_called_long: float
    predictor_errors: int


def health_of(
    policy: Policy,
    finished: Sequence[Finished],
    *,
    rate: float | None,
    service_rate: float | None,
    preemptive: bool,
    predictor_errors: int,
) -> Health:
    """The verdict on these jobs.

    Raises:
        InvalidInput: `rate` or `service_rate` is not above 0 and finite.
    """
    rate = None if rate is None else finite("rate", rate, above=True)
    service_rate = None if service_rate is None else finite("service_rate", service_rate, above=True)
    expected = fcfs = clairvoyant = load = math.nan
    called_short = called_long = math.nan
    if len(finished) > 1:
        arrival, size, cheap, expensive, spent = np.array(finished).T
        if rate is None:
            span = float(np.ptp(arrival))
            rate = (len(finished) - 1) / span if span else math.inf
        if service_rate is None:
            busy = float(spent.sum())
            service_rate = float(size.sum()) / busy if busy else 1.0
        exact = Log(size, expensive=size)
        pace = rate / service_rate  # arrivals in the time that one unit of size takes
        load = pace * exact.mean
        called_short, called_long = _misjudged(policy, size, cheap)
        expected = fcfs = clairvoyant = math.inf
        if load < 1:
            fcfs = expect(FCFS(), exact, rate=pace).response_time
            clairvoyant = expect(SPRPT() if preemptive else SPJF(), exact, rate=pace).response_time
            served = as_served(policy, preemptive=preemptive)
            expected = _expected(served, _filled(served, size, cheap, expensive), pace)
    return Health(
        jobs=len(finished),
        rate=math.nan if rate is None else rate,
        service_rate=math.nan if service_rate is None else service_rate,
        load=load,
        expected=expected,
        fcfs=fcfs,
        clairvoyant=clairvoyant,
        work_called_short=called_short,
        work_called_long=called_long,
        predictor_errors=predictor_errors,
    )


def as_served(policy: Policy, *, preemptive: bool) -> Policy:
    """The policy that orders jobs alike where none that was begun is handed back, unless `preemptive`."""
    if preemptive:
        return policy
    match policy:
        case SPRPT() | PSPJF() | TRAIL():
            return SPJF(by=policy.by)
        case DelayPredict(limit=0):
            return SPJF()
        case DelayPredict() | LAS():
            return FCFS()
        case OneBit() | SkipPredict():
            return replace(policy, preemptive=False)
    return policy


def _expected(policy: Policy, log: Log, rate: float) -> float:
    """The mean response time by the policy's formula; nan if it has none."""
    if isinstance(policy, LAS):
        return in_quanta(policy.quantum, log, rate)
    try:
        return expect(policy, log, rate=rate).response_time
    except InvalidInput:
        return math.nan


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
