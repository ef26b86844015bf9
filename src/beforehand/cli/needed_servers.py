"""`scheduling servers`: how many servers do jobs need, and how many of them do predictions save?"""

import math
import shlex
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from beforehand.cli import page, render
from beforehand.cli.answer import Answer
from beforehand.cli.jobs import JobOptions, LogFile, about, show_jobs
from beforehand.cli.queue_options import Html, Json, Preemptive, Seed, load_option
from beforehand.reporting import Sheet

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.scheduling import NeededServers
    from beforehand.scheduling.plan.needed_servers import Counted

EXAMPLE = "Example: beforehand scheduling servers jobs.csv --goal p99 --within 30 --assume-expensive 0.5"
LEDE = "How many servers keep response times within a limit, by what is known of the sizes of jobs."
ASSUME = "Add --assume-expensive 0.5 to see what predictions of that accuracy would save."
KNOWING = ("no predictions", "predictions", "exact sizes")


def servers(
    context: typer.Context,
    log: LogFile,
    jobs: JobOptions,
    within: Annotated[float, typer.Option(min=0, help="Limit of response times, in the unit of sizes.")],
    goal: Annotated[
        str,
        typer.Option(metavar="mean|pN", help="What must be within it: the mean, or a quantile such as p95 or p99.9."),
    ] = "mean",
    rate: Annotated[
        float | None, typer.Option(help="Arrivals in a unit of the log's time; else those of the log.")
    ] = None,
    preemptive: Preemptive = False,
    drawn: Annotated[int, typer.Option("--jobs", min=1000, help="How many jobs to draw in each simulation.")] = 200_000,
    seed: Seed = 0,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """How many servers do these jobs need, and how many of them do predictions save?

    The least number of servers whose mean response time, or whose quantile,
    is within a limit: without predictions, with those of the log, and with
    exact sizes. At random arrivals, and at the log's own.
    """
    from beforehand import scheduling
    from beforehand.cli.inputs import keep_input

    keep_input(log, html)
    with render.progress(2) as steps:
        steps.begin("reading")
        trace = jobs.read(log, seed=seed)
        steps.begin("trying numbers of servers")
        found = scheduling.needed_servers(
            scheduling.Log.read(trace),
            within=within,
            goal=goal,
            rate=rate,
            preemptive=preemptive,
            jobs=drawn,
            seed=seed,
        )
    if as_json:
        render.show_json(render.finite(asdict(found) | {"log": about(trace)}))
        return
    show_jobs(trace)
    enough = found.random.predicted or found.random.without
    many = enough.servers or max(found.random.figures)  # all that there may be, where they are too few
    options = ["--servers", str(many), *load_option(found.work / many)]
    options += ["--preemptive"] * preemptive
    after = f"{shlex.join(['beforehand', 'scheduling', 'plan-queue', str(log), *options])} {jobs.words()}".rstrip()
    answer(found, log.name).give(html, command=page.command(context), after=after)


def answer(found: "NeededServers", name: str) -> Answer:
    """What was found for the log of that name, as a terminal and a page show it."""
    arrivals = {"random arrivals": found.random, "the log's own arrivals": found.replayed}
    return Answer(
        question=f"How many servers do the jobs in {name} need?",
        lede=LEDE,
        told=found.explain() if found.random.predicted else f"{found.explain()}\n{ASSUME}",
        sheets=[_sheet(kind, counted, found) for kind, counted in arrivals.items() if counted is not None],
        draw=partial(_draw, found),
    )


def _sheet(kind: str, counted: "Counted", found: "NeededServers") -> Sheet:
    unit = found.unit or "the unit of the sizes"
    rows = []
    for servers, reached in counted.figures.items():
        cells = ["-" if math.isnan(figure) else render.number(figure) for figure in reached]
        rows.append([str(servers), f"{found.work / servers:.3f}", *cells])
    return Sheet(
        title=f"{found.goal} response time in {unit}, {kind}", columns=["servers", "load", *KNOWING], rows=rows
    )


def _draw(found: "NeededServers") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures

    drawn = {}
    for kind, counted in (("random arrivals", found.random), ("the log's own arrivals", found.replayed)):
        if counted is None:
            continue
        servers = np.array(list(counted.figures))
        lines = dict(zip(KNOWING, np.array(list(counted.figures.values())).T, strict=True))
        lines["the limit"] = np.full(len(servers), found.within)
        colors = {"predictions": "accent", "no predictions": "other", "exact sizes": "ink", "the limit": "quiet"}
        caption = f"The {found.goal} response time over the number of servers, {kind}."
        drawn[caption] = figures.curves(servers, lines, colors, across="servers", up=f"{found.goal} response time")
    return drawn
