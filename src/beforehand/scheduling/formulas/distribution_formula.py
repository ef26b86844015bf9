"""Mean response times of policies, for laws of sizes and of prediction errors, as integrals over one key.

Nothing here simulates: every mean follows from the SOAP theorem, so that engines can be held against it.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.joint import Joint
from beforehand.scheduling.distributions.prediction_errors import ExactError, PredictionError
from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.keyed_phase import Classes, Phase, Table, grid_of, table_of
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import LEAST, MOST
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Log
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.policy import check_policy
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import By

POINTS = 16  # a panel; the same with CHECK tells the accuracy
CHECK = 12
KEYED = (SPJF, PSPJF, SPRPT, TRAIL, SkipPredict, DelayPredict)


def expect_joint(policy: Any, law: Joint, rate: float) -> Expectation:
    """What to expect of a stock policy, for laws, on one server with Poisson arrivals at `rate`; prices left out.

    Guarantee:
        `accuracy` is the relative change from a coarser quadrature, far above the true error where laws are smooth.

    Cost:
        0.1 to 0.3 s for most pairs of law and policy, seconds for those that change within a narrow range; a few
        milliseconds for the same pair at another rate.

    Raises:
        InvalidInput: the policy has no formula, or asks for a prediction that the law lacks.

    Example:
        >>> from beforehand.scheduling import SPRPT, Exponential, ExponentialError
        >>> round(expect_joint(SPRPT(), Joint(Exponential(), ExponentialError()), 0.9).response_time, 9)
        5.098534103

    Reference:
        Scully, Harchol-Balter, Scheller-Wolf: SOAP: One Clean Analysis of All Age-Based Scheduling Policies.
        SIGMETRICS 2018. Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling.
        arXiv 2402.03564.
    """
    if law.size.atoms and isinstance(policy, KEYED):
        log = _rows(policy, law)
        if log is not None:  # ties matter
            return LogFormula(log).expect(policy, rate)
    found = _expect(policy, law, rate, POINTS)
    if not found.stable:
        return found
    rough = _expect(policy, law, rate, CHECK)
    return replace(found, accuracy=abs(rough.response_time / found.response_time - 1))


def one_bit_newest_first(threshold: float, law: Joint | Log, *, load: float) -> Expectation:
    """`OneBit` with its shorts served newest first: each new short interrupts whatever runs.

    A formula for studies; no policy has that order. It is the order in which one bit of advice was first analysed.

    Args:
        threshold: A job is short if its cheap prediction is below.
        law: Sizes and cheap predictions.
        load: The share of time that the server is busy.

    Example:
        >>> from beforehand.scheduling import Exponential, ExponentialError
        >>> law = Joint(Exponential(), cheap=ExponentialError())
        >>> round(one_bit_newest_first(1.0, law, load=0.9).response_time, 9)
        6.317871472

    Reference:
        Mitzenmacher: Queues with Small Advice. SIAM ACDA 2021.
    """
    rate = arrival_rate(law.mean, load=load, rate=None)
    if isinstance(law, Log):
        short = law.weight * (law.cheap < threshold) if law.cheap is not None else _lacks("cheap", "OneBit")
        shorts = _Moments(*(float(np.sum(short * law.size**k)) for k in range(3)))
        longs = _Moments(*(all_ - part for all_, part in zip((1.0, law.mean, law.moment(2)), shorts, strict=True)))
    else:
        shorts, longs = _classes(_long_jobs(OneBit(threshold), law), POINTS)
    left = 1 - rate * shorts.first
    newest = _ratio(shorts.first, shorts.jobs) / left
    last = rate * law.moment(2) / (2 * (1 - load) * left) + _ratio(longs.first, longs.jobs) / left
    response = _mix(shorts.jobs, newest, longs.jobs, last)
    return _expectation(law.mean, rate, response, short=newest, long=last, cheap_calls=1.0)


class _Moments(NamedTuple):
    """Of the jobs of a class: their share, and the first two moments of size, not divided by it."""

    jobs: float
    first: float
    second: float


class _Sums(NamedTuple):
    """Of a keyed phase, per job that arrives: waiting for it, time in it, times the age, and loads set aside."""

    wait: float
    inside: float
    age: float
    crossed: float


def _expect(policy: Any, law: Joint, rate: float, points: int) -> Expectation:
    match policy:
        case FCFS():
            wait = rate * law.moment(2) / (2 * (1 - rate * law.mean))
            return _unhurried(law, rate, wait + law.mean)
        case LAS(quantum=0):
            return _least_attained(law, rate, points)
        case SPJF() | TRAIL(fraction=0):
            return _shortest_first(policy, law, rate, points)
        case SPRPT() | PSPJF() | TRAIL():
            return _by_key(policy, law, rate, points)
        case OneBit():
            return _one_bit(policy, law, rate, points)
        case SkipPredict():
            return _skip(policy, law, rate, points)
        case DelayPredict():
            return _delay(policy, law, rate, points)
    check_policy(policy)
    raise InvalidInput(f"{policy!r} has no formula for laws; use simulate")


def _shortest_first(policy: SPJF | TRAIL, law: Joint, rate: float, points: int) -> Expectation:
    table = table_of(Phase(Classes(law.size), _error(policy.by, law, policy), by_size=True), points)
    response = _pinned_wait(table, law, rate, 0.0) + law.mean
    return _unhurried(law, rate, response, **_calls(policy.by))


def _by_key(policy: SPRPT | PSPJF | TRAIL, law: Joint, rate: float, points: int) -> Expectation:
    work = policy.work if isinstance(policy, SPRPT) else 0.0
    if not rate * (law.mean + work) < 1:
        return _overload(law, rate, work, **_calls(policy.by))
    fraction = policy.fraction if isinstance(policy, TRAIL) else 1.0
    error = _error(policy.by, law, policy)
    phase = Phase(Classes(law.size), error, by_size=isinstance(policy, PSPJF), fraction=fraction)
    sums = _keyed(table_of(phase, points), rate, base=rate * work, before=work)
    inner = {} if work else {"interruptions": rate * sums.crossed, "memory": rate * sums.age}
    return _expectation(law.mean, rate, sums.wait + sums.inside, work=work, **inner, **_calls(policy.by))


def _one_bit(policy: OneBit, law: Joint, rate: float, points: int) -> Expectation:
    shorts, longs = _classes(_long_jobs(policy, law), points)
    work, busy, second = policy.cheap_work, rate * law.mean, law.moment(2)
    if not rate * (law.mean + work) < 1:
        return _overload(law, rate, work, cheap_calls=1.0)
    if not policy.preemptive:
        left = 1 - rate * shorts.first
        wait = rate * second / 2 / left
        short = wait + _ratio(shorts.first, shorts.jobs)
        long = wait / (1 - busy) + _ratio(longs.first, longs.jobs)
        return _unhurried(
            law, rate, _mix(shorts.jobs, short, longs.jobs, long), short=short, long=long, cheap_calls=1.0
        )
    short, left = _first_class(shorts, longs, rate, work)
    late = rate * (second + 2 * work * law.mean + work * work) / (2 * (1 - busy - rate * work) * left)
    long = late + (work + _ratio(longs.first, longs.jobs)) / left
    inner = {}
    if not work:
        memory = rate * (shorts.second / 2 + longs.second / (2 * left))
        inner = {"interruptions": rate * shorts.jobs * longs.first, "memory": memory}
    response = _mix(shorts.jobs, short, longs.jobs, long)
    return _expectation(law.mean, rate, response, work=work, short=short, long=long, cheap_calls=1.0, **inner)


def _skip(policy: SkipPredict, law: Joint, rate: float, points: int) -> Expectation:
    error, classes = _error("expensive", law, policy), _long_jobs(policy, law)
    shorts, longs = _classes(classes, points)
    calls = {"cheap_calls": 1.0, "expensive_calls": longs.jobs}
    cheap, work = policy.cheap_work, policy.cheap_work + policy.expensive_work * longs.jobs
    if not rate * (law.mean + work) < 1:
        return _overload(law, rate, work, **calls)
    by_size = policy.long_order == "size" or not policy.preemptive
    table = table_of(Phase(classes, error, by_size=by_size), points)
    if not policy.preemptive:
        base = rate * shorts.first
        short = rate * law.moment(2) / 2 / (1 - base) + _ratio(shorts.first, shorts.jobs)
        long = _ratio(_pinned_wait(table, law, rate, base) + longs.first, longs.jobs)
        return _unhurried(law, rate, _mix(shorts.jobs, short, longs.jobs, long), short=short, long=long, **calls)
    short, left = _first_class(shorts, longs, rate, cheap)
    other = rate * (shorts.second + 2 * cheap * shorts.first + cheap * cheap * shorts.jobs)
    base = 1 - left + rate * policy.expensive_work * longs.jobs
    sums = _keyed(table, rate, base=base, other=other, before=cheap + policy.expensive_work)
    long = _ratio(sums.wait + sums.inside, longs.jobs)
    inner = {}
    if not work:
        inner["interruptions"] = rate * (shorts.jobs * longs.first + sums.crossed)
        inner["memory"] = rate * (shorts.second / 2 + sums.age)
    response = _mix(shorts.jobs, short, longs.jobs, long)
    return _expectation(law.mean, rate, response, work=work, short=short, long=long, **calls, **inner)


def _delay(policy: DelayPredict, law: Joint, rate: float, points: int) -> Expectation:
    limit = _boundary(policy.limit, law)
    classes = Classes(law.size, limit=limit)
    error = _error("expensive", law, policy)
    shorts, longs = _classes(classes, points)
    work = policy.expensive_work * longs.jobs
    if not rate * (law.mean + work) < 1:
        return _overload(law, rate, work, expensive_calls=longs.jobs)
    capped = longs.jobs * limit if longs.jobs else 0.0
    base = rate * (shorts.first + capped)
    wait = rate * (shorts.second + (capped * limit if longs.jobs else 0.0)) / (2 * (1 - base))
    short, sums = wait + _ratio(shorts.first, shorts.jobs), _Sums(0.0, 0.0, 0.0, 0.0)
    if longs.jobs:
        table = table_of(Phase(classes, error, by_size=policy.long_order == "size"), points)
        sums = _keyed(
            table, rate, base=base + rate * work, other=rate * shorts.second, before=limit + policy.expensive_work
        )
    long = _ratio(sums.wait + sums.inside, longs.jobs)
    inner = {}
    if not work:
        over = longs.first - capped
        idle = limit * (sums.wait - longs.jobs * (wait + limit) + sums.inside) if longs.jobs else 0.0
        memory = shorts.second / 2 + (capped * limit / 2 if longs.jobs else 0.0) + idle + sums.age
        inner = {"interruptions": rate * (over if limit else sums.crossed), "memory": rate * memory}
    response = _mix(shorts.jobs, short, longs.jobs, long)
    return _expectation(
        law.mean, rate, response, work=work, short=short, long=long, expensive_calls=longs.jobs, **inner
    )


def _least_attained(law: Joint, rate: float, points: int) -> Expectation:
    x, weights, first, second = _attained(law.size, points)
    left = 1 - rate * first
    return _expectation(law.mean, rate, float(np.sum(weights * (rate * second / (2 * left * left) + x / left))))


@lru_cache(maxsize=64)
def _attained(size: Any, points: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes for x with their weights, and the first two moments of min(S, x)."""
    grid = grid_of(Classes(size), (), points)
    x = grid.x

    def moments(rows: NDArray[np.int64], sizes: Floats) -> tuple[Floats, ...]:
        least = np.minimum(sizes, x[rows])
        return least, least * least

    first, second = grid.table(x[:, None], moments)
    return x, grid.weights, first, second


def _keyed(table: Table, rate: float, *, base: float, other: float = 0.0, before: float = 0.0) -> _Sums:
    """Sums over a phase: `base` load outranks it, of second moment `other`; its jobs have work `before` it there."""
    strict, ahead = 1 - base - rate * table.below, 1 - base - rate * table.upto
    old = other + rate * (table.jobs * before * before + 2 * before * table.upto + table.old)
    left = 1 - base - rate * table.load
    return _Sums(
        wait=float(np.sum(table.key * (old / (2 * ahead * strict) + before / strict))),
        inside=float(np.sum(table.passed / left)) + table.rest / (1 - base),
        age=float(np.sum(table.age / left)) + table.rest_age / (1 - base),
        crossed=float(np.sum(table.passed * table.under)),
    )


def _pinned_wait(table: Table, law: Joint, rate: float, base: float) -> float:
    """Waiting by key where a started job is never set aside."""
    ahead, strict = 1 - base - rate * table.upto, 1 - base - rate * table.below
    return rate * law.moment(2) / 2 * float(np.sum(table.key / (ahead * strict)))


def _first_class(shorts: _Moments, longs: _Moments, rate: float, work: float) -> tuple[float, float]:
    """The mean of the shorts, which come before all but the cheap predictions, and what of the server they leave."""
    left = 1 - rate * (work + shorts.first)
    square = shorts.second + 2 * work * shorts.first + work * work * (shorts.jobs + longs.jobs)
    return rate * square / (2 * left) + work + _ratio(shorts.first, shorts.jobs), left


@lru_cache(maxsize=256)
def _classes(longs: Classes, points: int) -> tuple[_Moments, _Moments]:
    grid = grid_of(longs, (), points)
    share = longs.share(grid.x)
    powers = [np.ones_like(grid.x), grid.x, grid.x**2]
    return (
        _Moments(*(grid.mean((1 - share) * power) for power in powers)),
        _Moments(*(grid.mean(share * power) for power in powers)),
    )


def _long_jobs(policy: OneBit | SkipPredict, law: Joint) -> Classes:
    return Classes(law.size, _error("cheap", law, policy), _boundary(policy.threshold, law))


def _boundary(level: float, law: Joint) -> float:
    """The level, or 0 if no grid of sizes can tell it from 0."""
    return level if level > LEAST * law.mean else 0.0


def _rows(policy: Any, law: Joint) -> Log | None:
    """Jobs of one size as a log, if their keys are atoms."""
    by: By = getattr(policy, "by", "expensive")
    error, size = _error(by, law, policy), np.array(law.size.atoms)
    keys = size if isinstance(error, ExactError) else np.array(error.atoms)
    if not keys.size:
        return None
    weight = -np.diff([1.0, *error.survival(keys[:-1], size), 0.0])
    if not isinstance(policy, SkipPredict):
        predicted: dict[str, Any] = {by: keys}
        return Log(np.repeat(size, keys.size), weight=weight, **predicted)
    long = float(_long_jobs(policy, law).share(size)[0])
    cheap = np.repeat([0.0, min(policy.threshold, MOST)], keys.size)
    weight = np.concatenate([(1 - long) * weight, long * weight])
    return Log(np.repeat(size, cheap.size), expensive=np.tile(keys, 2), cheap=cheap, weight=weight)


def _error(by: By, law: Joint, policy: Any) -> PredictionError:
    error = law.expensive if by == "expensive" else law.cheap
    return error if error is not None else _lacks(by, type(policy).__name__)


def _lacks(by: By, policy: str) -> Any:
    raise InvalidInput(f"the law has no {by} prediction, but {policy} asks for it; pass {by}= to the law")


def _calls(by: By) -> dict[str, float]:
    return {"cheap_calls": float(by == "cheap"), "expensive_calls": float(by == "expensive")}


def _unhurried(law: Joint, rate: float, response: float, **more: float) -> Expectation:
    """Where a started job runs to its end."""
    return _expectation(law.mean, rate, response, interruptions=0.0, memory=rate * law.moment(2) / 2, **more)


def _overload(law: Joint, rate: float, work: float, **calls: float) -> Expectation:
    return _expectation(law.mean, rate, math.inf, work=work, **calls)


def _expectation(mean: float, rate: float, response: float, *, work: float = 0.0, **more: Any) -> Expectation:
    return Expectation(
        response_time=response,
        cost=response,
        waiting=response - mean,
        utilisation=rate * (mean + work),
        stable=response < math.inf,
        **more,
    )


def _ratio(total: float, jobs: float) -> float:
    return total / jobs if jobs else math.nan


def _mix(a: float, first: float, b: float, second: float) -> float:
    return (a * first if a else 0.0) + (b * second if b else 0.0)
