"""How plans of queues look: a table in the terminal, curves over the load on a page."""

from functools import partial
from typing import TYPE_CHECKING, Any

from rich.text import Text

from beforehand.cli import render
from beforehand.cli.page import Row

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.core import Report, Trace
    from beforehand.scheduling import QueuePlan

LOWEST, HIGHEST, POINTS = 0.05, 0.98, 60
MEANING = (
    "The mean time from arrival to completion and the price of the predictions, in the unit of the sizes, which prices "
    "call s."
)
CAPTION = "Mean response time over the load, the best of each family; prices are not in it."


def show_plan(plan: "QueuePlan", *, unit: float) -> None:
    """Print the designs that were tried, the best of each family, and what predictions are worth.

    Args:
        plan: The plan.
        unit: What the figures are divided by: 1, or the mean size.
    """
    setting = plan.setting
    servers = f", {setting.servers} servers" if setting.servers > 1 else ""
    head = f"load {setting.load:.2f}{servers}, {plan.jobs:,} jobs of mean {plan.mean:.4g}, SCV {plan.scv:.2f}"
    render.show(f"{head}; times and costs in {'the unit of sizes' if unit == 1 else 'mean jobs'}, calls a job\n")
    table = render.table("design", "response", "cheap", "expensive", "cost", f"vs {plan.baseline.design}")
    for each in sorted(plan.candidates, key=lambda each: each.cost):
        calls = [render.number(count) if count else "-" for count in (each.cheap_calls, each.expensive_calls)]
        against = f"{each.cost / plan.baseline.value - 1:+.0%}" if each.design != plan.baseline.design else "-"
        cells = (render.number(each.response_time / unit), *calls, render.number(each.cost / unit), against)
        table.add_row(*(Text(cell, "bold" if each is plan.chosen else "") for cell in (each.design, *cells)))
    best = plan.clairvoyant
    table.add_row(*(Text(cell, "dim") for cell in (f"clairvoyant {best.design}", render.number(best.value / unit))))
    render.console().print(table)
    facts: list[tuple[str, object]] = [("recommended", f"{plan.design}: {plan.verdict}")]
    worth = (("cheap", plan.break_even_cheap), ("expensive", plan.break_even_expensive))
    facts += [(f"worth of {name} calls", f"up to {render.number(price / unit)} each") for name, price in worth
              if price is not None]  # fmt: skip
    if plan.largest is not None:
        here, fcfs = (render.number(time / unit) for time in plan.largest)
        facts.append(("largest 1 % of jobs", f"response {here}, first come first served {fcfs}"))
    if plan.winners:
        facts.append(("best at loads around", ", ".join(f"{load:.2f} {design}" for load, design in plan.winners)))
    working = f"{plan.chosen.utilisation:.3f} of the time, which leaves a margin of {plan.stability_margin:.3f}"
    facts += [("servers work", working), ("assumed", plan.model)]
    if plan.setting.memory_weight and plan.chosen.memory is not None:
        facts.append(
            ("memory", f"{render.number(plan.chosen.memory)} on average, weighed {plan.setting.memory_weight:g}")
        )
    render.show("")
    render.console().print(render.facts(facts))


def row(plan: "QueuePlan", report: "Report", holdout: "Trace", *, you_run: str, known: str, story: str) -> Row:
    """An audited plan as a row of a table and a section of a page."""
    return Row(
        you_run=you_run,
        known=known,
        setting=f"load {plan.setting.load:.2f}",
        story=story,
        meaning=MEANING,
        report=report,
        draw=partial(_draw, plan, holdout),
        details=plan.explain(),
    )


def _draw(plan: "QueuePlan", holdout: "Trace") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures
    from beforehand.scheduling.plan import curves

    loads = np.linspace(LOWEST, HIGHEST, POINTS)
    lines: dict[str, Any] = curves(plan, holdout, loads.tolist())
    colours = {"clairvoyant": "ink", plan.baseline.design: "other", plan.design: "accent"}
    return {CAPTION: figures.curves(loads, lines, colours, across="load", up="mean response time")}
