"""The search for the best policy: one family for each policy, its parameter searched on a grid."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import listed
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import BLIND, Candidate, evaluate, reevaluate, simulated
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.stock import Stock, name_of
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import By

FRACTIONS: Final = (0.0, 0.2, 0.5, 0.8, 1.0)
QUANTA: Final = 32  # in the mean size, where LAS is built
COUNTED, WORKED, NEIGHBORS = 13, 12, 9  # grid values by jobs, by work, and between the neighbors of the best
SAMPLED_ROWS: Final = 20_000  # of a longer log, on which families are searched
REEVALUATED: Final = 3  # of each family, on all rows of a longer log
FINALISTS: Final = 5
FINAL_JOBS: Final = 500_000


@final
@dataclass(frozen=True, slots=True)
class Family:
    """Policies that differ in one parameter: one compared with a `column` of the log, or one with few `values`."""

    name: str
    make: Callable[[float], Stock]
    column: Floats | None = None
    values: Sequence[float] = (0.0,)


def families(log: Log, setting: Setting) -> list[Family]:
    """All that the log and the setting allow, those that need no prediction first."""
    cheap_work, expensive_work = setting.works
    allowed = [Family("FCFS", lambda _: FCFS())]
    if setting.preemptive and not setting.memory_weight:
        allowed.append(Family("LAS", lambda _: LAS(quantum=log.mean / QUANTA)))
    asked = {name: column is not None and not np.isnan(column).any() for name, column in
             (("expensive", log.expensive), ("cheap", log.cheap))}  # fmt: skip
    predictions: tuple[tuple[By, float], ...] = (("expensive", expensive_work), ("cheap", cheap_work))
    for by, work in predictions:
        if asked[by]:
            allowed += _keyed(by, work, setting)
    if asked["cheap"]:
        bits = log.cheap
        one_bit = partial(OneBit, preemptive=setting.preemptive, cheap_work=cheap_work)
        allowed.append(Family("1-bit", one_bit, bits))
    if asked["cheap"] and log.cheap is not None and log.expensive is not None:
        answered = log.cheap[log.cheap > np.max(log.cheap, initial=-np.inf, where=np.isnan(log.expensive))]
        skip = partial(SkipPredict, preemptive=setting.preemptive, cheap_work=cheap_work, expensive_work=expensive_work)
        allowed.append(Family("SkipPredict", skip, answered))
        if setting.preemptive:
            allowed.append(Family("SkipPredict, size", partial(skip, long_order="size"), answered))
    if log.expensive is not None and setting.preemptive:
        delay = partial(DelayPredict, expensive_work=expensive_work)
        late = log.size[log.size >= np.max(log.size, initial=0.0, where=np.isnan(log.expensive))]
        allowed.append(Family("DelayPredict", delay, late))
        allowed.append(Family("DelayPredict, size", partial(delay, long_order="size"), late))
    return allowed


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
    places = np.linspace(0, inside.size - 1, min(NEIGHBORS, inside.size)).round().astype(int)
    chosen: Floats = inside[places]
    return chosen


def search(family: Family, formula: LogFormula, setting: Setting) -> list[Candidate]:
    """All values of a family's grid, then nine between the neighbors of the best."""

    def tried(values: Iterable[float]) -> list[Candidate]:
        return [evaluate(family.name, family.make(float(value)), formula, setting) for value in values]

    if family.column is None:
        return tried(family.values)
    coarse = grid(family.column)
    first = tried(coarse)
    best = min(range(len(first)), key=lambda i: first[i].preference)
    finer = between(family.column, coarse[max(best - 1, 0)], coarse[min(best + 1, len(coarse) - 1)])
    return first + tried(value for value in finer if value != coarse[best])


def blind_designs(log: Log, formula: LogFormula, setting: Setting) -> list[Candidate]:
    """Those that need no prediction: the baseline is the best of them."""
    designs = [
        each for family in families(log, setting) if family.name in BLIND for each in search(family, formula, setting)
    ]
    if setting.preemptive and not setting.simulated:
        designs.append(evaluate("PS", None, formula, setting))
    return designs


def given_designs(policies: Sequence[Stock], formula: LogFormula, setting: Setting) -> list[Candidate]:
    """The caller's own.

    Raises:
        InvalidInput: `policies` is not a sequence of policies; one preempts jobs, but the server cannot.
    """
    designs = [
        evaluate(name_of(policy), policy, formula, setting) for policy in listed("candidates", policies, "policies")
    ]
    for each in designs:
        if not setting.preemptive and each.interruptions != 0:
            raise InvalidInput(
                f"candidates has {each.design}, which preempts jobs, but preemptive is False; pass preemptive=True, or "
                "a policy that lets jobs finish"
            )
    return designs


def best_of_each(
    log: Log, formula: LogFormula, setting: Setting, policies: Sequence[Stock] | None
) -> tuple[list[Candidate], list[Candidate]]:
    """The best design of each family, or the caller's own policies, and all designs that break-even prices depend on.

    A long log is searched on a sample of its rows, evenly by size; what the sample prefers is evaluated on all rows.
    """
    blind = blind_designs(log, formula, setting)
    if policies is not None:
        already = [each.policy for each in blind]
        designs = blind + [each for each in given_designs(policies, formula, setting) if each.policy not in already]
        return designs, designs
    sample, sampled = log, formula
    if len(log) > SAMPLED_ROWS:
        by_size = np.argsort(log.size, kind="stable")
        places = (np.arange(SAMPLED_ROWS) + 0.5) * (len(log) / SAMPLED_ROWS)
        sample = log.take(np.sort(by_size[places.astype(int)]))
        sampled = LogFormula(sample)
    best, tried = [], list(blind)
    for family in families(sample, setting):
        if family.name in BLIND:
            continue
        found = sorted(search(family, sampled, setting), key=lambda each: each.preference)
        tried += found
        if sampled is not formula:
            found = [reevaluate(each, formula, setting) for each in found[:REEVALUATED]]
        best.append(min(found, key=lambda each: each.preference))
    if sampled is not formula:  # the designs that bear the highest price are others than the best at today's
        dearest = [
            sorted(gains(tried, setting, which), key=lambda each: -each[0])[:REEVALUATED] for which in get_args(By)
        ]
        tried = blind + best + [reevaluate(each, formula, setting) for few in dearest for _, each in few]
    return blind + best, tried


def finals(designs: list[Candidate], log: Log, setting: Setting, seed: int) -> list[Candidate]:
    """The five best by the formula and the blind ones, simulated on common random numbers."""
    ordered = sorted(designs, key=lambda each: each.preference)
    chosen = ordered[:FINALISTS] + [each for each in ordered[FINALISTS:] if each.family in BLIND]
    return [simulated(each, log, setting, seed, jobs=FINAL_JOBS) for each in chosen]


def clairvoyant(log: Log, setting: Setting, seed: int) -> Candidate:
    """What perfect size information would reach, free of charge."""
    exact, free = log.exactly_predicted(), replace(setting, cheap_cost=0.0, expensive_cost=0.0)
    best = evaluate("clairvoyant", SPRPT() if setting.preemptive else SPJF(), LogFormula(exact), free)
    return simulated(best, exact, free, seed, jobs=FINAL_JOBS) if setting.simulated else best


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
