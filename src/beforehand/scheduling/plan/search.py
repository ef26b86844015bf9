"""The search for the best policy: the parameter of each family, on a grid and then between its best values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import listed
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import BLIND, Candidate, evaluate, reevaluate, simulated
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.families import Family, families
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import SPJF, SPRPT
from beforehand.scheduling.policies.stock import Stock, name_of
from beforehand.scheduling.policies.view import By

Trial = Callable[[str, Stock | None], Candidate]

COUNTED, WORKED, NEIGHBORS = 13, 12, 9  # grid values by jobs, by work, and between the neighbors of a good one
VALLEYS: Final = 3  # around how many good values the first closer look is taken; later ones around the best
LOOKS: Final = 8  # at most, until three in a row gain nothing
GAIN: Final = 1e-3  # in cost, relative
SAMPLED_ROWS: Final = 20_000  # of a longer log, on which families are searched
REEVALUATED: Final = 3  # of each family, on all rows of a longer log
FINALISTS: Final = 5
SEARCHED_JOBS: Final = 100_000  # on which thresholds are searched where there is no formula for the goal
FINAL_JOBS: Final = 500_000


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


def search(family: Family, trial: Trial, looks: int = LOOKS) -> list[Candidate]:
    """All values of a family's grid, then nine between the neighbors of the best ones, closer and closer.

    Args:
        family: What to search.
        trial: What tries a policy.
        looks: How often to look closer at most; the third look in a row that gains nothing is the last.
    """

    def tried(value: float) -> Candidate:
        return trial(family.name, family.make(float(value)))

    if family.column is None:
        return [tried(value) for value in family.values]
    found = {value: tried(value) for value in grid(family.column).tolist()}
    best, idle = min(each.cost for each in found.values()), 0
    for look in range(looks):
        for low, high in _valleys(found)[: 1 if look else VALLEYS]:
            for value in between(family.column, low, high).tolist():
                if value not in found:
                    found[value] = tried(value)
        now = min(each.cost for each in found.values())
        idle = idle + 1 if now > (1 - GAIN) * best else 0
        if idle == 3:
            break
        best = now
    return list(found.values())


def _valleys(found: Mapping[float, Candidate]) -> list[tuple[float, float]]:
    """The neighbors of each value that is better than they are, the best value first."""
    values = sorted(found)
    last = len(values) - 1
    beside = {i: (max(i - 1, 0), min(i + 1, last)) for i in range(len(values))}
    preference = [found[value].preference for value in values]
    lowest = [i for i, (low, high) in beside.items() if preference[i] <= min(preference[low], preference[high])]
    return [
        (values[low], values[high]) for low, high in (beside[i] for i in sorted(lowest, key=preference.__getitem__))
    ]


def blind_designs(log: Log, formula: LogFormula, setting: Setting) -> list[Candidate]:
    """Those that need no prediction, by the formula: the baseline is the best of them."""
    trial = partial(evaluate, formula=formula, setting=setting)
    designs = [each for family in families(log, setting) if family.name in BLIND for each in search(family, trial)]
    if setting.preemptive and not setting.simulated:
        designs.append(evaluate("PS", None, formula, setting))
    return designs


def given_designs(policies: Sequence[Stock], formula: LogFormula, setting: Setting) -> list[Candidate]:
    """The caller's own, by the formula.

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
    log: Log, formula: LogFormula, setting: Setting, policies: Sequence[Stock] | None, seed: int = 0
) -> tuple[list[Candidate], list[Candidate]]:
    """The best design of each family, or the caller's own policies, and all designs that break-even prices depend on.

    A long log is searched on a sample of its rows; what the sample prefers is evaluated on all rows. A
    goal other than the mean has no formula: then thresholds are searched on simulated jobs, which are not those of the
    finals.

    Args:
        log: With gaps where predictions are missing.
        formula: That of the log without them: `log.missing_last()`.
        setting: What is planned for.
        policies: The caller's own; None for all families.
        seed: Of the simulated jobs.
    """
    if policies is not None:
        blind = blind_designs(log, formula, setting)
        already = [each.policy for each in blind]
        designs = blind + [each for each in given_designs(policies, formula, setting) if each.policy not in already]
        return designs, designs
    if setting.tail:
        trial: Trial = partial(simulated, drawn=DrawnJobs.like(log.missing_last(), setting, SEARCHED_JOBS, seed + 1))
        found = [search(family, trial, looks=1) for family in families(log, setting)]
        designs = [min(each, key=lambda design: design.preference) for each in found]
        return designs, designs
    blind = blind_designs(log, formula, setting)
    sample, sampled = log, formula
    if len(log) > SAMPLED_ROWS:
        sample = sample_of(log)
        sampled = LogFormula(sample.missing_last())
    trial = partial(evaluate, formula=sampled, setting=setting)
    best, tried = [], list(blind)
    for family in families(sample, setting):
        if family.name in BLIND:
            continue
        designs = sorted(search(family, trial), key=lambda each: each.preference)
        tried += designs
        if sampled is not formula:
            designs = [reevaluate(each, formula, setting) for each in designs[:REEVALUATED]]
        best.append(min(designs, key=lambda each: each.preference))
    if sampled is not formula:  # the designs that bear the highest price are others than the best at today's
        tried = blind + best + [reevaluate(each, formula, setting) for each in dearest(tried, setting)]
    return blind + best, tried


def sample_of(log: Log) -> Log:
    """Rows of a longer log: its largest jobs, on which means depend most, and of all others some, evenly by size."""
    by_size, kept = np.argsort(log.size, kind="stable"), SAMPLED_ROWS // 10
    others, some = len(log) - kept, SAMPLED_ROWS - kept
    places = ((np.arange(some) + 0.5) * (others / some)).astype(int)
    rows = by_size[np.concatenate([places, np.arange(others, len(log))])]
    columns = {name: None if (held := getattr(log, name)) is None else held[rows] for name in get_args(By)}
    return Log(log.size[rows], **columns, weight=log.weight[rows] * np.repeat([others / some, 1.0], [some, kept]))


def finals(designs: list[Candidate], drawn: DrawnJobs) -> list[Candidate]:
    """The designs that are worth a simulation, run on the same jobs.

    For a goal other than the mean all of them. Else the five best by the formula, the blind ones, and the best that
    uses each kind of prediction, so that each has been tried.
    """
    ordered = sorted(designs, key=lambda each: each.preference)
    chosen = ordered if drawn.setting.tail else ordered[:FINALISTS]
    later = ordered[len(chosen) :]
    for kind in get_args(By):
        if not any(_calls(each, kind) for each in chosen):
            chosen += [each for each in later if _calls(each, kind)][:1]
    chosen += [each for each in later if each.family in BLIND]
    return [simulated(each.family, each.policy, drawn) for each in chosen]


def clairvoyant(log: Log, setting: Setting, seed: int) -> Candidate:
    """What perfect size information would reach, free of charge.

    For a goal other than the mean no order is known to be best: then it is the best of those that are tried.
    """
    free = replace(setting, cheap_cost=0.0, expensive_cost=0.0)
    if setting.tail:
        exact = Log(log.size, cheap=log.size, weight=log.weight)
        designs, _ = best_of_each(exact, LogFormula(exact), free, None, seed)
        drawn = DrawnJobs.like(exact, free, FINAL_JOBS, seed)
        return min(finals(designs, drawn), key=lambda each: each.preference)
    exact, policy = log.exactly_predicted(), SPRPT() if setting.preemptive else SPJF()
    if setting.simulated:
        return simulated("clairvoyant", policy, DrawnJobs.like(exact, free, FINAL_JOBS, seed))
    return evaluate("clairvoyant", policy, LogFormula(exact), free)


def _calls(each: Candidate, which: By) -> float:
    return each.expensive_calls if which == "expensive" else each.cheap_calls


def gains(tried: Sequence[Candidate], setting: Setting, which: By) -> list[tuple[float, Candidate]]:
    """The designs that use a prediction, each with the price of one at which it is no better than doing without."""
    price = setting.expensive_cost if which == "expensive" else setting.cheap_cost
    without = min(each.cost for each in tried if not _calls(each, which))
    return [((without - each.cost) / _calls(each, which) + price, each) for each in tried if _calls(each, which)]


def dearest(tried: Sequence[Candidate], setting: Setting) -> list[Candidate]:
    """The designs that bear the highest prices, a few for each kind of prediction."""
    few = [sorted(gains(tried, setting, which), key=lambda each: -each[0])[:REEVALUATED] for which in get_args(By)]
    return [each for some in few for _, each in some]


def break_even(tried: Sequence[Candidate], setting: Setting, which: By) -> float | None:
    """The price of one prediction above which no design that uses it is the best, the other's price as it is.

    None where no design that uses it was tried, and where prices are not what a cost is made of: predictions on the
    server, and a goal that is a share of jobs.
    """
    if setting.charge == "server" or setting.slo is not None:
        return None
    found = [gain for gain, _ in gains(tried, setting, which)]
    return max(0.0, *found) if found else None
