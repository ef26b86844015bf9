"""Who wins on the lengths of real requests: those of a public trace of LLM services, or generated ones like them."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.reporting import Sheet
from beforehand.scheduling import Log, plan_queue
from beforehand.scheduling.plan.candidates import BLIND, Candidate
from beforehand.scheduling.plan.queue_plan import QueuePlan
from beforehand.studies.claims import Begin, Found
from beforehand.workloads import formats
from beforehand.workloads.formats import azure_llm
from beforehand.workloads.job_log import read_job_log
from beforehand.workloads.jobs import CHEAP, EXPENSIVE, code, conversations, predicted

LOADS: Final = (0.5, 0.7, 0.9)
PRICES: Final = ((0.1, 1.0), (0.5, 2.0))
ROWS: Final = {"code": 8819, "conv": 19366}  # of the public trace
COPIES = 20  # of every row, each with errors of its own


@final
@dataclass(frozen=True)
class Service:
    """The jobs of one service, sizes in means."""

    name: str
    log: Log


@final
@dataclass(frozen=True)
class Duel:
    """The plan for one service, load and pair of prices."""

    service: str
    load: float
    prices: tuple[float, float]
    plan: QueuePlan


@final
@dataclass(frozen=True)
class Traces:
    """All plans, and where the lengths come from."""

    source: str
    duels: list[Duel]
    pinned: QueuePlan | None  # without preemption, the first service at load .9


def services(data: str | PathLike[str] | None, quick: bool) -> tuple[str, list[Service]]:
    """Where the lengths come from, and the logs of all services.

    Raises:
        InvalidInput: there is no such trace at `data`.
        CorruptData: a file is damaged.
    """
    copies = 2 if quick else COPIES
    if data is None:
        made = {"code": code(ROWS["code"], seed=0), "conv": conversations(ROWS["conv"], seed=0)}
        sizes: Mapping[str, object] = {name: trace["size"] for name, trace in made.items()}
        source = "generated with the quantiles of the Azure LLM inference trace 2023"
    else:
        paths = files(data)
        sizes = {path.stem.rpartition("_")[2]: read_job_log(path)["size"] for path in paths}
        source = (
            f"the public Azure LLM inference trace 2023 (AzurePublicDataset), {', '.join(path.name for path in paths)}"
        )
    logs = [Service(name, noisy(np.asarray(size, dtype=np.float64), copies)) for name, size in sizes.items()]
    return source, logs


def files(data: str | PathLike[str]) -> list[Path]:
    """The trace's files: `data` itself, or those in that folder.

    Raises:
        InvalidInput: there is none.
    """
    place = Path(data)
    paths = sorted(place.glob("*.csv")) if place.is_dir() else [place]
    found = [path for path in paths if formats.recognize(path) is azure_llm]
    if not found:
        raise InvalidInput(
            f"data is {str(data)!r}, but no Azure LLM inference trace is there; pass its csv, or a folder with its "
            f"files, whose first line is {','.join(azure_llm.HEADER)}"
        )
    return found


def noisy(size: np.ndarray[tuple[int], np.dtype[np.float64]], copies: int) -> Log:
    """Copies of every job in means, each with predictions of its own."""
    many = np.tile(size / size.mean(), copies)
    return Log(
        many, cheap=predicted(many, CHEAP, seed=0, stream=2), expensive=predicted(many, EXPENSIVE, seed=0, stream=3)
    )


def measure(quick: bool, data: str | PathLike[str] | None, begin: Begin) -> Traces:
    """The plan of each setting, which says who wins."""
    begin("plans for requests of LLM services")
    source, found = services(data, quick)
    if quick:
        found = found[:1]
    duels = [
        Duel(each.name, load, prices, _plan(each.log, load, prices, preemptive=True))
        for each in found
        for load in LOADS
        for prices in PRICES
    ]
    pinned = None if quick else _plan(found[0].log, 0.9, (0.0, 0.0), preemptive=False)
    return Traces(source, duels, pinned)


def depends(traces: Traces) -> Found:
    """How often each family wins."""
    winners = [_family(duel.plan.chosen) for duel in traces.duels]
    counts = {name: winners.count(name) for name in dict.fromkeys(winners)}
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    jobs = {duel.service: duel.plan.jobs for duel in traces.duels}
    return Found(
        scale=f"{sum(jobs.values()):,} jobs, copies included, of {' and '.join(jobs)}; {traces.source}",
        figure=f"cheapest in {len(winners)} settings of service, load and prices: {listed}",
        holds=False,
        direction="SkipPredict" in counts and len(counts) > 1,
    )


def sheet(traces: Traces) -> Sheet:
    """Who wins, and what it costs, by service, load and prices."""
    rows = []
    for service in dict.fromkeys(duel.service for duel in traces.duels):
        for load in LOADS:
            here = [duel.plan for duel in traces.duels if (duel.service, duel.load) == (service, load)]
            cells = []
            for plan in here:
                others = (each for each in plan.candidates if each.policy and _family(each) != _family(plan.chosen))
                cells += [_shown(plan.chosen), _shown(next(others))]
            rows.append([service, f"{load:g}", *cells, f"{here[0].clairvoyant.value:.2f}"])
    heads = [
        f"{place}, c1 = {cheap:g}, c2 = {expensive:g}" for cheap, expensive in PRICES for place in ("first", "second")
    ]
    below = (
        f"Lengths: {traces.source}; unit: their mean. Cheap predictions err by a lognormal factor of spread {CHEAP:g}, "
    )
    below += f"expensive ones of {EXPENSIVE:g}. Cost: mean response time and prices, the best threshold of each family."
    if traces.pinned is not None:
        tried = ", ".join(_shown(each) for each in traces.pinned.candidates)
        below += f" Without preemption, {traces.duels[0].service}, load .9, mean response: {tried}, "
        below += f"exact sizes {traces.pinned.clairvoyant.value:.2f}."
    return Sheet(
        title="Who wins on requests of LLM services",
        columns=["service", "load", *heads, "exact sizes"],
        rows=rows,
        below=below,
    )


def _plan(log: Log, load: float, prices: tuple[float, float], *, preemptive: bool) -> QueuePlan:
    return plan_queue(
        log, load=load, cheap_cost=prices[0], expensive_cost=prices[1], preemptive=preemptive, bootstrap=0
    )


def _family(each: Candidate) -> str:
    return each.family.removesuffix(", size")


def _shown(each: Candidate) -> str:
    return f"{each.family if each.family in BLIND else each.design} {each.cost:.2f}"
