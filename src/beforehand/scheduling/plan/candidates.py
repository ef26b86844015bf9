"""The designs that a plan chooses from: one family for each policy, its parameter searched on a grid."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import finite, flag, one_of, settle, switching, whole
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.names import Stock, label
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import By
from beforehand.scheduling.simulation.simulator import MOST_SERVERS, Simulation

Charge = Literal["external", "server"]
FRACTIONS: Final = (0.0, 0.2, 0.5, 0.8, 1.0)
QUANTA: Final = 32  # in the mean size, where LAS is built
COUNTED, WORKED, NEIGHBOURS = 13, 12, 9  # grid values by jobs, by work, and between the neighbours of the best
BLIND: Final = ("FCFS", "LAS", "PS")  # families that need no prediction


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a queue is planned for.

    Args:
        load: The share of time that the jobs alone keep each server busy.
        cheap_cost: The price of a cheap prediction, in the unit of size.
        expensive_cost: That of an expensive one.
        charge: `"external"`, prices are added to the response time; `"server"`, they are work of the server.
        preemptive: Whether a job that was started can be set aside.
        servers: How many there are.
        switch_cost: Extra work of a job that was set aside: fixed, and for each unit of its age.
        memory_weight: What a unit of memory (the summed ages of unfinished jobs) costs.
    """

    load: float
    cheap_cost: float = 0.0
    expensive_cost: float = 0.0
    charge: Charge = "external"
    preemptive: bool = False
    servers: int = 1
    switch_cost: tuple[float, float] = (0.0, 0.0)
    memory_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that no policy can serve.

        Raises:
            InvalidInput: an option is out of range; the server predicts itself, but cannot be interrupted, or its
                memory is weighed.
        """
        arrival_rate(1.0, load=self.load, rate=None)
        one_of("charge", self.charge, get_args(Charge))
        settle(
            self,
            load=float(self.load),
            cheap_cost=finite("cheap_cost", self.cheap_cost),
            expensive_cost=finite("expensive_cost", self.expensive_cost),
            preemptive=flag("preemptive", self.preemptive),
            servers=whole("servers", self.servers, least=1, most=MOST_SERVERS),
            switch_cost=switching(self.switch_cost),
            memory_weight=finite("memory_weight", self.memory_weight),
        )
        if self.charge == "server" and (not self.preemptive or self.memory_weight):
            what = "preemptive is False" if not self.preemptive else f"memory_weight is {self.memory_weight}"
            raise InvalidInput(
                f"charge is 'server' and {what}, but predictions on the server need preemptive=True and memory_weight=0"
                "; or charge them as 'external'"
            )

    @property
    def simulated(self) -> bool:
        """Whether no formula holds."""
        return self.servers > 1 or self.switch_cost != (0.0, 0.0)

    @property
    def works(self) -> tuple[float, float]:
        """The work of a cheap and of an expensive prediction on the server itself."""
        return (self.cheap_cost, self.expensive_cost) if self.charge == "server" else (0.0, 0.0)

    def cost(self, response_time: float, cheap_calls: float, expensive_calls: float, memory: float) -> float:
        """What the plan makes small."""
        cost = response_time
        if self.charge == "external":
            cost += self.cheap_cost * cheap_calls + self.expensive_cost * expensive_calls
        return cost + self.memory_weight * memory if self.memory_weight else cost


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A design that was tried, and what to expect of it.

    Args:
        family: The policy without its parameter.
        policy: The policy to run; None for processor sharing, which is no order.
        response_time: The mean.
        cost: What was made small: `response_time`, prices, and memory if it was weighed.
        cheap_calls: Cheap predictions for each job.
        expensive_calls: Expensive ones.
        utilisation: The share of time that the servers work.
        interruptions: How often a job is set aside; None if not known.
        memory: The time average of the summed ages of unfinished jobs; None if not known.
    """

    family: str
    policy: Stock | None
    response_time: float
    cost: float
    cheap_calls: float
    expensive_calls: float
    utilisation: float
    interruptions: float | None = None
    memory: float | None = None

    @property
    def design(self) -> str:
        """The policy as tables show it."""
        return "PS" if self.policy is None else label(self.policy)

    @property
    def preference(self) -> tuple[float, float, int, str]:
        """What comes first is better: cost, then fewer calls, fewer parameters, the name."""
        parameters = 0 if self.policy is None else self.design.count(",") + self.design.count("(")
        return self.cost, self.cheap_calls + self.expensive_calls, parameters, self.design


@final
@dataclass(frozen=True, slots=True)
class Family:
    """Policies that differ in one parameter: one compared with a `column` of the log, or one with few `values`."""

    name: str
    make: Callable[[float], Stock]
    column: Floats | None = None
    values: Sequence[float] = (0.0,)


def candidate(family: str, policy: Stock | None, found: Expectation | Simulation, setting: Setting) -> Candidate:
    """The candidate of which this is expected."""
    known = {name: None if math.isnan(value) else value for name, value in
             (("memory", found.memory), ("interruptions", found.interruptions))}  # fmt: skip
    cost = setting.cost(found.response_time, found.cheap_calls, found.expensive_calls, found.memory)
    return Candidate(
        family=family,
        policy=policy,
        response_time=found.response_time,
        cost=math.inf if math.isnan(cost) else cost,
        cheap_calls=found.cheap_calls,
        expensive_calls=found.expensive_calls,
        utilisation=found.utilisation,
        **known,
    )


def families(log: Log, setting: Setting) -> list[Family]:
    """All that this log and this setting allow, the blind ones first."""
    cheap_work, expensive_work = setting.works
    found = [Family("FCFS", lambda _: FCFS())]
    if setting.preemptive and not setting.memory_weight:
        found.append(Family("LAS", lambda _: LAS(quantum=log.mean / QUANTA)))
    asked = {name: held is not None and not np.isnan(held).any() for name, held in
             (("expensive", log.expensive), ("cheap", log.cheap))}  # fmt: skip
    predictions: tuple[tuple[By, float], ...] = (("expensive", expensive_work), ("cheap", cheap_work))
    for by, work in predictions:
        if asked[by]:
            found += _keyed(by, work, setting)
    if asked["cheap"]:
        bits = log.cheap
        found.append(Family("1-bit", lambda t: OneBit(t, preemptive=setting.preemptive, cheap_work=cheap_work), bits))
    if asked["cheap"] and log.cheap is not None and log.expensive is not None:
        told = log.cheap[log.cheap > np.max(log.cheap, initial=-math.inf, where=np.isnan(log.expensive))]
        skip = partial(SkipPredict, preemptive=setting.preemptive, cheap_work=cheap_work, expensive_work=expensive_work)
        found.append(Family("SkipPredict", skip, told))
        if setting.preemptive:
            found.append(Family("SkipPredict, size", partial(skip, long_order="size"), told))
    if log.expensive is not None and setting.preemptive:
        delay = partial(DelayPredict, expensive_work=expensive_work)
        late = log.size[log.size >= np.max(log.size, initial=0.0, where=np.isnan(log.expensive))]
        found.append(Family("DelayPredict", delay, late))
        found.append(Family("DelayPredict, size", partial(delay, long_order="size"), late))
    return found


def _keyed(by: By, work: float, setting: Setting) -> Iterable[Family]:
    if not setting.preemptive:
        yield Family(f"SPJF {by}", lambda _: SPJF(by=by))
        return
    yield Family(f"SPRPT {by}", lambda _: SPRPT(by=by, work=work))
    if setting.charge == "external":
        yield Family(f"PSPJF {by}", lambda _: PSPJF(by=by))
        if setting.memory_weight or setting.simulated:
            yield Family(f"TRAIL {by}", lambda fraction: TRAIL(fraction, by=by), values=FRACTIONS)


def grid(column: Floats) -> Floats:
    """Where to look for a threshold: 13 quantiles by jobs and 12 by work, or every value if there are no more."""
    ascending = np.sort(column)
    distinct = np.unique(ascending)
    if distinct.size <= COUNTED + WORKED:
        return distinct
    work = np.cumsum(ascending)
    by_jobs = (np.linspace(0, 0.999, COUNTED) * ascending.size).astype(int)
    by_work = np.searchsorted(work, np.linspace(0, 0.999, WORKED + 1)[1:] * work[-1])
    return np.unique(ascending[np.concatenate([by_jobs, by_work])])


def between(values: Floats, low: float, high: float) -> Floats:
    """Nine of the values strictly between two, evenly by rank, or all if there are no more."""
    inside = np.unique(values[(values > low) & (values < high)])
    places = np.linspace(0, inside.size - 1, min(NEIGHBOURS, inside.size)).round().astype(int)
    found: Floats = inside[places]
    return found


def formula_policy(policy: Stock) -> Stock:
    """The policy whose formula stands for this one: LAS with small quanta is taken for its limit."""
    return LAS(quantum=0) if isinstance(policy, LAS) else policy


def evaluate(family: str, policy: Stock, formula: LogFormula, setting: Setting) -> Candidate:
    """A policy by its formula: one server, which a simulation may correct later."""
    rate = arrival_rate(formula.mean, load=setting.load, rate=None)
    return candidate(family, policy, formula.expect(formula_policy(policy), rate), setting)


def shared(formula: LogFormula, setting: Setting) -> Candidate:
    """Processor sharing by its formula."""
    rate = arrival_rate(formula.mean, load=setting.load, rate=None)
    return candidate("PS", None, formula.processor_sharing(rate), setting)


def search(family: Family, formula: LogFormula, setting: Setting) -> list[Candidate]:
    """All values of a family's grid, then nine between the neighbours of the best."""

    def tried(values: Iterable[float]) -> list[Candidate]:
        return [evaluate(family.name, family.make(float(value)), formula, setting) for value in values]

    if family.column is None:
        return tried(family.values)
    coarse = grid(family.column)
    found = tried(coarse)
    best = min(range(len(found)), key=lambda i: found[i].preference)
    finer = between(family.column, coarse[max(best - 1, 0)], coarse[min(best + 1, len(coarse) - 1)])
    return found + tried(value for value in finer if value != coarse[best])


def gains(tried: Sequence[Candidate], setting: Setting, which: By) -> list[tuple[float, Candidate]]:
    """The designs that use a prediction, each with the price of one at which it is no better than doing without."""

    def calls(each: Candidate) -> float:
        return each.expensive_calls if which == "expensive" else each.cheap_calls

    price = setting.expensive_cost if which == "expensive" else setting.cheap_cost
    without = min(each.cost for each in tried if not calls(each))
    return [((without - each.cost) / calls(each) + price, each) for each in tried if calls(each)]


def break_even(tried: Sequence[Candidate], setting: Setting, which: By) -> float:
    """The price of one prediction above which no design that uses it is the best, the other's price as it is."""
    return max([0.0, *(gain for gain, _ in gains(tried, setting, which))])
