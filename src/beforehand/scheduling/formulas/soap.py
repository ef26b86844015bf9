"""Mean response times by the SOAP theorem: one algebra for every policy, whether jobs are a log or distributions.

A formula sees two classes of jobs: short ones, which run in order of arrival before all others, and long ones with an
order of their own. What differs between a log and distributions are the sums over jobs, which `Jobs` provides.
"""

import math
from typing import Any, Literal, NamedTuple, Protocol

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.inputs import MOST
from beforehand.scheduling.log import Floats
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.policy import check_policy
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.stages import Order
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import By


class Gate(NamedTuple):
    """What divides the jobs: short are those with a cheap prediction below `at`, or with a size of at most `at`."""

    column: Literal["cheap", "size"]
    at: float


class Discipline(NamedTuple):
    """A policy as the formulas see it.

    Args:
        order: The order of the long jobs.
        by: The prediction that is their key, if the order has one.
        gate: What makes a job short; None if all are long.
        preemptive: Whether a started job may be preempted.
        fraction: A job is pinned at this fraction of its key, above 0; at 1 not before the key is used up.
        cheap_work: The server's work on the cheap prediction of every job.
        key_work: Its work on the key of a long job.
    """

    order: Order
    by: By = "expensive"
    gate: Gate | None = None
    preemptive: bool = True
    fraction: float = 1.0
    cheap_work: float = 0.0
    key_work: float = 0.0

    @property
    def keyed(self) -> bool:
        """Whether long jobs are ordered by a prediction."""
        return self.order in ("remaining", "size")

    @property
    def threshold(self) -> float | None:
        """The cheap prediction from which jobs are long; None if another thing divides them, or nothing."""
        return self.gate.at if self.gate and self.gate.column == "cheap" else None

    @property
    def limit(self) -> float:
        """The service that a long job gets before it is ordered by its key."""
        return min(self.gate.at, MOST) if self.gate and self.gate.column == "size" else 0.0


class Moments(NamedTuple):
    """Of a class of jobs: their share of all jobs, and their part in the means of size and of its square."""

    share: float = 0.0
    work: float = 0.0
    squares: float = 0.0


class Sums(NamedTuple):
    """Over a class of jobs, each times its share: response time, the integral of its age, and preemptions at rate 1."""

    time: float = 0.0
    memory: float = 0.0
    interruptions: float = 0.0


class Jobs(Protocol):
    """What a formula needs of the jobs."""

    @property
    def all(self) -> Moments:
        """The moments of all jobs together."""

    def split(self, discipline: Discipline) -> tuple[Moments, Moments]:
        """The moments of the short and of the long jobs.

        Raises:
            InvalidInput: a job lacks a prediction that the policy asks for.
        """

    def in_turn(self, discipline: Discipline, jobs: Moments, wait: float, slowdown: float, *, long: bool) -> Sums:
        """A class whose jobs all wait equally long, and then take `slowdown` times their size."""

    def competing(
        self, discipline: Discipline, jobs: Moments, rate: float, *, base: float, others: float, before: float
    ) -> Sums:
        """The long jobs, which compete by key or by age.

        Args:
            discipline: The order in which they do.
            jobs: Their moments.
            rate: Arrivals of all jobs in a unit of time.
            base: The load that outranks them.
            others: `rate` times the second moment of that load, with what each long job brings to it.
            before: The work of each long job that comes before it competes.
        """


def in_turn(jobs: Moments, wait: float, slowdown: float) -> Sums:
    """The sums over a class whose jobs all wait equally long, and then take `slowdown` times their size."""
    return Sums(jobs.share * wait + jobs.work * slowdown, jobs.squares / 2 * slowdown)


def discipline_of(policy: Any) -> Discipline:
    """The policy as the formulas see it.

    Raises:
        InvalidInput: it has no formula, or is not a policy.
    """
    match policy:
        case FCFS():
            return Discipline("fcfs")
        case LAS(quantum=0):
            return Discipline("attained")
        case SPJF() | TRAIL(fraction=0):
            return Discipline("size", policy.by, preemptive=False)
        case PSPJF():
            return Discipline("size", policy.by)
        case SPRPT():
            return Discipline("remaining", policy.by, key_work=policy.work)
        case TRAIL():
            return Discipline("remaining", policy.by, fraction=policy.fraction)
        case OneBit(threshold):
            return Discipline(
                "fcfs", gate=Gate("cheap", threshold), preemptive=policy.preemptive, cheap_work=policy.cheap_work
            )
        case SkipPredict(threshold):
            return Discipline(
                policy.long_order if policy.preemptive else "size",
                gate=Gate("cheap", threshold),
                preemptive=policy.preemptive,
                cheap_work=policy.cheap_work,
                key_work=policy.expensive_work,
            )
        case DelayPredict(limit):
            return Discipline(policy.long_order, gate=Gate("size", limit), key_work=policy.expensive_work)
    check_policy(policy)
    raise InvalidInput(f"policy is {policy!r}, which has no formula; use simulate")


def expectation(policy: Any, jobs: Jobs, rate: float, per_job: Floats | None = None) -> Expectation:
    """The means of a policy on one server with Poisson arrivals at `rate`; prices are left out.

    Args:
        policy: A stock policy.
        jobs: What it serves.
        rate: Arrivals in a unit of time.
        per_job: Where `jobs` writes the response time of each.

    Raises:
        InvalidInput: the policy has no formula, or asks for a prediction that a job lacks.
    """
    discipline, every = discipline_of(policy), jobs.all
    short, long = jobs.split(discipline)
    work = discipline.cheap_work + discipline.key_work * long.share
    load = rate * (every.work + work)
    times, interruptions, memory = (Sums(math.inf), Sums(math.inf)), math.nan, math.nan
    if load < 1:
        times, interruptions, memory = _served(discipline, jobs, rate, short, long, load)
    calls = {"cheap": float(discipline.threshold is not None), "expensive": 0.0}
    if discipline.keyed:
        calls[discipline.by] = long.share
    response = times[0].time + times[1].time
    classes = discipline.gate is not None and load < 1
    return Expectation(
        response_time=response,
        cost=response,
        waiting=response - every.work,
        short=times[0].time / short.share if classes and short.share else math.nan,
        long=times[1].time / long.share if classes and long.share else math.nan,
        cheap_calls=calls["cheap"],
        expensive_calls=calls["expensive"],
        utilization=load,
        stable=load < 1,
        interruptions=math.nan if work else interruptions,
        memory=math.nan if work else memory,
        per_job=per_job,
    )


def _served(
    discipline: Discipline, jobs: Jobs, rate: float, short: Moments, long: Moments, load: float
) -> tuple[tuple[Sums, Sums], float, float]:
    """The sums over short and over long jobs, interruptions and memory."""
    every, cheap, limit = jobs.all, discipline.cheap_work, discipline.limit
    before = cheap + discipline.key_work + limit
    if discipline.preemptive:
        first = cheap + short.work + long.share * limit  # the work that outranks long jobs, but for predicting keys
        left, base = 1 - rate * first, rate * (first + discipline.key_work * long.share)
        squares = short.squares + cheap * (2 * short.work + cheap * short.share)
        wait = rate * (squares + long.share * (cheap + limit) ** 2) / (2 * left) + cheap
        others = rate * (squares + long.share * before * before)
        slowdown = 1 / left
        whole = every.squares + cheap * (2 * every.work + cheap)
        late = (rate * whole / (2 * (1 - load)) + cheap) * slowdown
    else:
        base, others, slowdown = rate * short.work, rate * every.squares, 1.0
        wait = others / (2 * (1 - base))
        late = wait / (1 - load)
    shorts = jobs.in_turn(discipline, short, wait, 1.0, long=False)
    if discipline.order == "fcfs":
        longs = jobs.in_turn(discipline, long, late, slowdown, long=True)
    else:
        longs = jobs.competing(discipline, long, rate, base=base, others=others, before=before)
    if not discipline.preemptive:
        return (shorts, longs), 0.0, rate * every.squares / 2
    if limit:  # every arrival outranks the long jobs, which then wait at age `limit`
        interruptions = rate * (long.work - limit * long.share)
        waiting = limit * (longs.time - long.share * (wait + limit / 2))
    else:
        interruptions, waiting = rate * (short.share * long.work + longs.interruptions), 0.0
    return (shorts, longs), interruptions, rate * (shorts.memory + waiting + longs.memory)


def shared(jobs: Jobs, rate: float) -> Expectation:
    """What sharing the server among all jobs gives; inf if it cannot keep up."""
    every = jobs.all
    load = rate * every.work
    response = every.work / (1 - load) if load < 1 else math.inf
    return Expectation(
        response_time=response,
        cost=response,
        waiting=response - every.work,
        utilization=load,
        stable=load < 1,
        memory=rate * every.squares / (2 * (1 - load)) if load < 1 else math.nan,
    )
