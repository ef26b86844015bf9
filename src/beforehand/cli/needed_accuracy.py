"""`scheduling accuracy`: how good must a prediction be?"""

import math
import shlex
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from beforehand.cli import page, render
from beforehand.cli.answer import Answer
from beforehand.cli.jobs import JobOptions, LogFile, about, show_jobs
from beforehand.cli.queue_options import (
    CostUnit,
    Html,
    Json,
    Load,
    MinGain,
    Preemptive,
    Rate,
    Seed,
    Servers,
    load_option,
)
from beforehand.reporting import Sheet

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.scheduling import NeededAccuracy

EXAMPLE = "Example: beforehand scheduling accuracy jobs.csv --load 0.9 --price 0.1 --cost-unit mean"
LEDE = "What the best order of jobs costs, by how far predictions of their sizes are off."


def accuracy(
    context: typer.Context,
    log: LogFile,
    jobs: JobOptions,
    price: Annotated[float, typer.Option(min=0, help="Price of one prediction, in the unit of sizes.")] = 0.0,
    cost_unit: CostUnit = "size",
    load: Load = None,
    rate: Rate = None,
    preemptive: Preemptive = False,
    servers: Servers = 1,
    min_gain: MinGain = 0.05,
    seed: Seed = 0,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """How good must a prediction be to pay, and are those in the log good enough?

    Draws predictions with larger and larger errors, and says for each how
    much the best order saves and what a prediction is worth; "at bias 2" is
    its cost if all of them are twice as large as well. The log's own
    predictions, if it has any, are measured and set beside them.
    """
    from beforehand import scheduling
    from beforehand.cli.inputs import keep_input

    keep_input(log, html)
    with render.progress(2) as steps:
        steps.begin("reading")
        trace = jobs.read(log, seed=seed)
        finished = scheduling.Log.read(trace)
        steps.begin("trying accuracies")
        found = scheduling.needed_accuracy(
            finished,
            load=load,
            rate=rate,
            price=price * (finished.mean if cost_unit == "mean" else 1.0),
            preemptive=preemptive,
            servers=servers,
            min_gain=min_gain,
            seed=seed,
        )
    if as_json:
        figures = asdict(found) | {"breaks_even": found.breaks_even, "model": found.setting.model}
        render.show_json(render.finite(figures | {"log": about(trace)}))
        return
    show_jobs(trace)
    setting = found.setting
    options = [*load_option(setting.load), "--expensive-cost", f"{setting.expensive_cost:.4g}"]
    options += ["--servers", str(servers)] if servers > 1 else []
    options += ["--preemptive"] if preemptive else []
    after = f"{shlex.join(['beforehand', 'scheduling', 'plan-queue', str(log), *options])} {jobs.words()}".rstrip()
    answer(found, log.name).give(html, command=page.command(context), after=after)


def answer(found: "NeededAccuracy", name: str) -> Answer:
    """What was found for the log of that name, as a terminal and a page show it."""
    from beforehand.scheduling.plan.words import figure

    unit = found.unit or "the unit of the sizes"
    setting, factors = found.setting, list(found.points[0].biased)
    servers = f", {setting.servers} servers" if setting.servers > 1 else ""
    columns = ["sigma", "best design", "cost", f"vs {found.baseline}", "worth up to"]
    rows = []
    for point in found.points:
        worth = "-" if point.worth is None else render.number(point.worth)
        saved = render.change(-point.saving) if point.saving else "-"
        cells = [f"{point.sigma:g}", point.design, render.number(point.cost), saved, worth]
        rows.append(cells + [render.number(point.biased[factor]) for factor in factors])
    return Answer(
        question=f"How good must a prediction of the jobs in {name} be?",
        lede=LEDE,
        told=found.explain(),
        sheets=[
            Sheet(
                title=f"load {setting.load:.2f}{servers}, {found.jobs:,} jobs of mean {figure(found.mean)}; "
                f"costs in {unit}, a prediction for {render.number(setting.expensive_cost)}",
                columns=columns + [f"at bias {factor:g}" for factor in factors],
                rows=rows,
            )
        ],
        draw=partial(_draw, found),
    )


def _draw(found: "NeededAccuracy") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures

    sigmas = np.array([point.sigma for point in found.points])
    lines = {
        "predicted": np.array([point.cost for point in found.points]),
        found.baseline: np.full(len(sigmas), found.baseline_cost),
    }
    marks = {
        f"yours, {own.by}": (own.sigma if math.isfinite(own.sigma) else own.as_good_as, own.cost)
        for own in found.own
        if math.isfinite(own.sigma) or math.isfinite(own.as_good_as)
    }
    colors = {"predicted": "accent", found.baseline: "other"}
    caption = "Cost of a job over the spread of the errors, under the best policy for each."
    return {caption: figures.curves(sigmas, lines, colors, across="sigma", up="cost of a job", marks=marks)}
