"""What predictions cost and save on one server: the claims of SkipPredict about prices, thresholds and overload."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from beforehand.reporting import Sheet
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPRPT,
    DelayPredict,
    Exponential,
    ExponentialError,
    JobDistribution,
    OneBit,
    SkipPredict,
    Weibull,
    expect,
    simulate,
)
from beforehand.scheduling.policies.stock import Stock
from beforehand.studies.claims import Found

EXPONENTIAL: Final = JobDistribution(Exponential(), expensive=ExponentialError(), cheap=ExponentialError())
WEIBULL: Final = JobDistribution(Weibull(0.5), expensive=ExponentialError(), cheap=ExponentialError())
Prices = tuple[float, float]  # of a cheap and of an expensive prediction, in mean sizes
FAR: Final[Prices] = (0.5, 2.0)
NEAR: Final[Prices] = (4.0, 5.0)
CHEAP_WORK, EXPENSIVE_WORK = 0.01, 0.05  # of predictions that the server itself makes
SATURATED = 1 / (1 + EXPENSIVE_WORK)
LOADS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
THRESHOLDS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, math.inf)
FAMILIES: Final[dict[str, Callable[[float], Stock]]] = {
    "1-bit": OneBit,
    "SkipPredict": SkipPredict,
    "DelayPredict": DelayPredict,
}
RIVALS: Final[dict[str, Stock]] = {
    "FCFS": FCFS(),
    "1-bit": OneBit(1.0),
    "SPRPT": SPRPT(),
    "SkipPredict": SkipPredict(1.0),
    "DelayPredict": DelayPredict(1.0),
}
SERVED: Final[dict[str, Stock]] = {
    "FCFS": FCFS(),
    "1-bit": OneBit(1.0, cheap_work=CHEAP_WORK),
    "SPRPT": SPRPT(work=EXPENSIVE_WORK),
    "SkipPredict": SkipPredict(1.0, cheap_work=CHEAP_WORK, expensive_work=EXPENSIVE_WORK),
    "DelayPredict": DelayPredict(1.0, expensive_work=EXPENSIVE_WORK),
}


def cost(policy: Stock, load: float, distribution: JobDistribution = EXPONENTIAL, prices: Prices = FAR) -> float:
    """The mean response time and the price of one job's predictions."""
    return expect(policy, distribution, load=load, cheap_cost=prices[0], expensive_cost=prices[1]).cost


def minimum(function: Callable[[float], float], low: float = 0.25, high: float = 16.0) -> tuple[float, float]:
    """Where a smooth function of one threshold is least, and how much it is there: a grid, then parabolas."""
    grid = np.linspace(math.log(low), math.log(high), 10).tolist()
    values = [function(math.exp(t)) for t in grid]
    best = int(np.argmin(values))
    if best in (0, len(grid) - 1):
        return math.exp(grid[best]), values[best]
    (left, at, right), (over, least, under) = grid[best - 1 : best + 2], values[best - 1 : best + 2]
    for _ in range(12):
        rise, fall = (at - left) * (least - under), (at - right) * (least - over)
        vertex = at - ((at - left) * rise - (at - right) * fall) / (2 * (rise - fall))
        if abs(vertex - at) < 1e-4:
            break
        value = function(math.exp(vertex))
        if value < least:
            left, over, right, under = (at, least, right, under) if vertex > at else (left, over, at, least)
            at, least = vertex, value
        elif vertex > at:
            right, under = vertex, value
        else:
            left, over = vertex, value
    return math.exp(at), least


Optima = dict[tuple[str, float, Prices], tuple[float, float]]


def optima(quick: bool) -> Optima:
    """The best threshold or limit of each family and its cost, by load and prices; 0 and inf are tried too."""
    found = {}
    for name, make in FAMILIES.items():
        for load in (0.9,) if quick else (0.8, 0.9):
            for prices in (FAR, NEAR):

                def function(threshold: float, make: Callable[[float], Stock] = make, load: float = load) -> float:
                    return cost(make(threshold), load, prices=prices)  # noqa: B023

                tried = [minimum(function), *((end, function(end)) for end in (0.0, math.inf))]
                found[name, load, prices] = min(tried, key=lambda each: each[1])
    return found


def crossing(difference: Callable[[float], float], low: float = 0.3, high: float = 0.95) -> float:
    """The load at which a difference, of two signs at the ends, is nothing."""
    rises = difference(high) > 0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if (difference(middle) > 0) == rises else (middle, high)
    return (low + high) / 2


@final
@dataclass(frozen=True)
class Crossovers:
    """Loads at which two policies cost the same, threshold 1."""

    fcfs_and_bit: float
    bit_and_skip: float
    fcfs_and_skip: float
    on_the_server: float


def crossovers() -> Crossovers:
    """From where on a bit pays, then SkipPredict; the last with predictions on the server itself."""

    def between(first: str, second: str) -> float:
        return crossing(lambda load: cost(RIVALS[first], load) - cost(RIVALS[second], load))

    def served(load: float) -> float:
        return expected(SERVED["1-bit"], load) - expected(SERVED["SkipPredict"], load)

    return Crossovers(
        between("FCFS", "1-bit"), between("1-bit", "SkipPredict"), between("FCFS", "SkipPredict"), crossing(served)
    )


def expected(policy: Stock, load: float, distribution: JobDistribution = EXPONENTIAL) -> float:
    """The mean response time."""
    return expect(policy, distribution, load=load).response_time


def cheapest(load: float, distribution: JobDistribution = EXPONENTIAL) -> str:
    """Which of the paper's policies costs least, threshold 1."""
    return min(("FCFS", "1-bit", "SPRPT", "SkipPredict"), key=lambda name: cost(RIVALS[name], load, distribution))


def skip_predict_wins(at: Crossovers) -> Found:
    """Who is the cheapest at which load, and where that changes."""
    winners = {load: cheapest(load) for load in (0.5, 0.85, 0.9, 0.95)}
    heavy = cheapest(0.9, WEIBULL)
    known = (0.61028, 0.84874, 0.72221, 0.60054)
    found = (at.fcfs_and_bit, at.bit_and_skip, at.fcfs_and_skip, at.on_the_server)
    return Found(
        scale="M/M/1 and M/G/1 with Weibull(1/2), T = 1, by formula",
        figure=f"cheapest at load {', '.join(f'{load:g} {name}' for load, name in winners.items())}; with Weibull "
        f"sizes at 0.9 {heavy}; FCFS costs as much as 1-bit at load {found[0]:.4f}, 1-bit as SkipPredict at "
        f"{found[1]:.4f}, FCFS as SkipPredict at {found[2]:.4f}; on the server 1-bit takes as long at {found[3]:.4f}",
        holds=list(winners.values()) == ["FCFS", *["SkipPredict"] * 3] and heavy == "SkipPredict"
        and max(abs(one - other) for one, other in zip(known, found, strict=True)) < 1e-4,
        direction=winners[0.95] == "SkipPredict",
    )  # fmt: skip


def predicting_every_job_overloads(quick: bool) -> Found:
    """Predictions as work of the server, close to saturation and beyond."""
    sprpt, skip = (expected(SERVED[name], 0.95) for name in ("SPRPT", "SkipPredict"))
    beyond = [expected(SERVED["SPRPT"], load) for load in (SATURATED + 0.001, 0.96, 0.99)]
    jobs = 200_000 if quick else 4_000_000
    runs = [simulate(SERVED[name], EXPONENTIAL, load=0.9, jobs=jobs, seed=1) for name in ("SPRPT", "SkipPredict")]
    formula = [expected(SERVED[name], 0.9) for name in ("SPRPT", "SkipPredict")]
    seen = ", ".join(
        f"{run.response_time:.3f} +- {run.interval:.3f} for {mean:.3f}" for run, mean in zip(runs, formula, strict=True)
    )
    return Found(
        scale=f"M/M/1, T = 1, c1 = {CHEAP_WORK}, c2 = {EXPENSIVE_WORK}; {_many(jobs)} jobs simulated",
        figure=f"at load .95 SPRPT takes {sprpt:.2f} and SkipPredict {skip:.2f}; SPRPT is unstable above load "
        f"{SATURATED:.4f}; simulated at .9: {seen}",
        holds=abs(sprpt - 96.39) < 0.01 and abs(skip - 13.81) < 0.01 and set(beyond) == {math.inf}
        and all(abs(run.response_time / mean - 1) < 0.05 for run, mean in zip(runs, formula, strict=True)),
        direction=sprpt > skip,
    )  # fmt: skip


def delay_predict_pays(best: Optima) -> Found:
    """The best limit and threshold at prices that are close, and at prices that are far apart."""
    limit, delay = best["DelayPredict", 0.9, NEAR]
    rivals = {
        "1-bit": best["1-bit", 0.9, NEAR][1],
        "FCFS": cost(FCFS(), 0.9, prices=NEAR),
        "SPRPT": cost(SPRPT(), 0.9, prices=NEAR),
        "SkipPredict": best["SkipPredict", 0.9, NEAR][1],
    }
    skip, delayed = best["SkipPredict", 0.9, FAR][1], best["DelayPredict", 0.9, FAR][1]
    listed = ", ".join(f"{name} {value:.3f}" for name, value in rivals.items())
    return Found(
        scale="M/M/1, load .9, best threshold or limit of each, by formula",
        figure=f"c1 = 4, c2 = 5: DelayPredict {delay:.4f} with L = {limit:.3f}, {listed}; "
        f"c1 = .5, c2 = 2: SkipPredict {skip:.3f}, DelayPredict {delayed:.3f}",
        holds=delay < min(rivals.values()) and skip < delayed
        and abs(delay - 9.247416) < 1e-4 and abs(limit - 0.69792) < 2e-3,
        direction=delay < min(rivals.values()),
    )  # fmt: skip


def threshold_has_a_best(best: Optima) -> Found:
    """The least cost over T, and the cost at both ends."""
    at, least = best["SkipPredict", 0.9, FAR]
    ends = [cost(SkipPredict(threshold), 0.9) for threshold in (0.0, math.inf)]
    return Found(
        scale="M/M/1, load .9, c1 = .5, c2 = 2, by formula",
        figure=f"{least:.5f} at T = {at:.3f}; {ends[0]:.3f} at T = 0, {ends[1]:.3f} where every job counts as short",
        holds=abs(least - 6.16865) < 1e-5 and abs(at - 1.5171) < 2e-3 and least < min(ends),
        direction=least < min(ends),
    )


def pspjf_degrades_gracefully() -> Found:
    """Order by predicted size and by what is left of it, on heavy tails."""
    size, left = expected(PSPJF(), 0.9, WEIBULL), expected(SPRPT(), 0.9, WEIBULL)
    blind, light = (expected(policy, 0.5, WEIBULL) for policy in (LAS(quantum=0), SPRPT()))
    return Found(
        scale="M/G/1, Weibull(1/2), exponential error, load .9, by formula",
        figure=f"PSPJF {size:.4f}, SPRPT {left:.4f}: a job that outlives its prediction cannot be preempted; at load "
        f".5 LAS, which uses no predictions, takes {blind:.2f} and SPRPT {light:.2f}",
        holds=abs(size - 4.6718) < 1e-4 and abs(left - 5.2342) < 1e-4, direction=size < left,
    )  # fmt: skip


def over_load(at: Crossovers) -> Sheet:
    """The cost of each policy by load, the cheapest marked; and by whom it is then taken over."""
    rows = []
    for load in LOADS:
        prices = {name: cost(policy, load) for name, policy in RIVALS.items()}
        times = {name: expected(SERVED[name], load) for name in SERVED if name != "FCFS"}
        rows.append([f"{load:g}", *_marked(prices), *_marked(times)])
    return Sheet(
        title="Cost over load",
        columns=["load", *RIVALS, *(f"{name}, server" for name in SERVED if name != "FCFS")],
        rows=rows,
        below="M/M/1, exponential errors, threshold and limit 1. Left: mean response time and prices, c1 = .5, c2 = 2. "
        f"Right: the server predicts (c1 = {CHEAP_WORK}, c2 = {EXPENSIVE_WORK}). A star marks the least. As "
        f"load grows, 1-bit overtakes FCFS at {at.fcfs_and_bit:.4f}, SkipPredict FCFS at {at.fcfs_and_skip:.4f} and "
        f"1-bit at {at.bit_and_skip:.4f}; on the server SkipPredict overtakes 1-bit at {at.on_the_server:.4f}.",
    )


def over_threshold(best: Optima, quick: bool) -> Sheet:
    """The cost over T or L of the policies that have one."""
    columns = [(name, load) for name, load, prices in best if prices == FAR]
    rows = [
        [_named(threshold), *(f"{cost(FAMILIES[name](threshold), load):.3f}" for name, load in columns)]
        for threshold in (THRESHOLDS[::4] if quick else THRESHOLDS)
    ]
    at_best = [best[name, load, FAR] for name, load in columns]
    rows.append(["best", *(f"{least:.3f} at {_named(at)}" for at, least in at_best)])
    return Sheet(
        title="Cost over threshold",
        columns=["T or L", *(f"{name}, load {load:g}" for name, load in columns)],
        rows=rows,
        below="M/M/1, exponential errors, c1 = .5, c2 = 2.",
    )


def _marked(values: dict[str, float]) -> list[str]:
    least = min(values.values())
    return [
        ("overloaded" if value == math.inf else f"{value:.3f}") + "*" * (value == least) for value in values.values()
    ]


def _named(threshold: float) -> str:
    return "infinite" if threshold == math.inf else f"{threshold:.4g}"


def _many(jobs: int) -> str:
    return f"{jobs / 1e6:g} million"
