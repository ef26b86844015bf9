"""How plans of queues look: a table in the terminal, JSON, curves over the load on a page."""

import json
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from rich.text import Text

from beforehand.cli import page, render
from beforehand.cli.jobs import about, show_jobs
from beforehand.cli.page import Row
from beforehand.cli.queue_options import load_option

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.core import Report, Trace
    from beforehand.scheduling import Log, QueuePlan

LOWEST, HIGHEST, POINTS = 0.05, 0.98, 60
LEDE = "In what order to serve jobs like these, whether to predict their sizes, and what that is worth."
CAPTION = "Mean response time over the load, the best of each family; prices are not in it."


@final
@dataclass(frozen=True, kw_only=True)
class Planned:
    """A log of which one part was planned on, and the other audited.

    Args:
        jobs: All of it.
        holdout: The part that the plan never saw.
        plan: What was chosen on the rest.
        report: The audit.
    """

    jobs: "Trace"
    holdout: "Log"
    plan: "QueuePlan"
    report: "Report"

    def show(self) -> None:
        """Print what was left out or assumed, the plan, and its audit."""
        show_jobs(self.jobs)
        show_plan(self.plan)
        by = "by time" if "arrival" in self.jobs.columns else "by row"
        unit = sizes_in(self.plan)
        render.show(f"\naudit on the last {len(self.holdout):,} of {len(self.jobs):,} jobs {by}, in {unit}:\n")
        render.show_report(self.report)

    def show_json(self) -> None:
        """Print the same for a machine."""
        plan, report = json.loads(self.plan.to_json()), json.loads(self.report.to_json())
        render.show_json({"plan": plan, "report": report, "log": about(self.jobs)})

    def write_page(self, path: Path, *, log: Path, how: str, command: str) -> bool:
        """Write the page, and say whether what draws it is installed.

        Args:
            path: Where to.
            log: The file that the jobs were read from.
            how: The options that said how to read it.
            command: The command line that repeats the page.
        """
        from beforehand.scheduling import policy_to_json

        predictions = [name for name in ("cheap", "expensive") if name in self.jobs.columns]
        audited = row(
            self.plan,
            self.report,
            self.holdout,
            you_run=log.name,
            known=f"sizes, {' and '.join(predictions) or 'no'} predictions",
            story=f"Planned on the first {self.plan.jobs:,} jobs, audited on the last {len(self.holdout):,}.",
        )
        options = ["--policy", policy_to_json(self.plan.policy), *load_option(self.plan.setting.load)]
        options += ["--servers", str(self.plan.setting.servers)] if self.plan.setting.servers > 1 else []
        after = shlex.join(["beforehand", "scheduling", "simulate", str(log), *shlex.split(how), *options])
        return page.write(path, [audited], title=f"beforehand: {log.name}", lede=LEDE, command=command, after=after)


def sizes_in(plan: "QueuePlan") -> str:
    """The unit of times and costs."""
    return plan.unit or "the unit of the sizes"


def show_plan(plan: "QueuePlan") -> None:
    """Print the designs that were tried, the best of each family, and what predictions are worth."""
    from beforehand.scheduling.plan.words import figure

    setting = plan.setting
    servers = f", {setting.servers} servers" if setting.servers > 1 else ""
    head = f"load {setting.load:.2f}{servers}, {plan.jobs:,} jobs of mean {figure(plan.mean)}, SCV {plan.scv:.2f}"
    render.show(f"{head}; times and costs in {sizes_in(plan)}; cheap, expensive: predictions a job\n")
    baseline = next((each.family for each in plan.candidates if each.design == plan.baseline.design), "baseline")
    cost = "cost" if setting.slo is None else f"later than {render.number(setting.slo)}"
    goal = "" if setting.goal == "mean" else f"{setting.goal} "
    table = render.table("design", "response", "p95", "p99", "cheap", "expensive", goal + cost, f"vs {baseline}")
    for each in sorted(plan.candidates, key=lambda each: each.cost):
        times = ["-" if time is None else render.number(time) for time in (each.response_time, each.p95, each.p99)]
        calls = [render.number(count) if count else "-" for count in (each.cheap_calls, each.expensive_calls)]
        cells = (*times, *calls, _cost(plan, each.cost), _against(each.cost, plan.baseline.value))
        if each.design == plan.baseline.design:
            cells = (*cells[:-1], "-")
        table.add_row(*(Text(cell, "bold" if each is plan.chosen else "") for cell in (each.design, *cells)))
    known_only = ["-"] * 5 if setting.tail else []  # of the clairvoyant the cost is known, without tails the mean
    best = [f"clairvoyant {plan.clairvoyant.design}", *known_only, _cost(plan, plan.clairvoyant.value)]
    table.add_row(*(Text(cell, "dim") for cell in best))
    render.show_table(table)
    render.show("")
    render.console().print(render.facts(_facts(plan)))


def _cost(plan: "QueuePlan", value: float) -> str:
    """What the plan minimizes: a time, or a share of jobs."""
    return render.number(value) if plan.setting.slo is None else f"{100 * value:.3g} %"


def _against(cost: float, baseline: float) -> str:
    """How much more or less than the baseline, which may be 0 where it is a share of jobs."""
    return render.change(cost / baseline - 1) if baseline else "-"


def _facts(plan: "QueuePlan") -> list[tuple[str, object]]:
    weak = plan.verdict in ("don't bother", "unclear") and plan.design != plan.baseline.design
    facts: list[tuple[str, object]] = [("best found" if weak else "recommended", f"{plan.design}: {plan.verdict}")]
    if weak:
        low, value, high = (f"{100 * share:.1f}" for share in (plan.saving.low, plan.saving.value, plan.saving.high))
        what = "cost" if plan.setting.slo is None else "late jobs"
        saves = f"it saves {value} % ({low} to {high}) of the {what} of {plan.baseline.design}"
        facts.append(("because", f"{saves}, and {100 * plan.min_gain:g} % would be worth having"))
    if plan.advice:
        facts.append(("because", plan.advice))
    worth = (("cheap", plan.break_even_cheap), ("expensive", plan.break_even_expensive))
    facts += [(f"worth of {name} calls", f"up to {render.number(price)} each") for name, price in worth
              if price is not None]  # fmt: skip
    if plan.largest is not None:
        here, fcfs = (render.number(time) for time in plan.largest)
        facts.append(("largest 1 % of jobs", f"response {here}, first come first served {fcfs}"))
    if plan.winners:
        facts.append(("best at loads around", plan.best_around))
    working = f"{plan.chosen.utilization:.3f}, which leaves a margin of {plan.stability_margin:.3f}"
    facts += [("utilization", working), ("assumed", plan.model)]
    if plan.setting.memory_weight and plan.chosen.memory is not None:
        facts.append(
            ("memory", f"{render.number(plan.chosen.memory)} on average, weighed {plan.setting.memory_weight:g}")
        )
    facts += [("but note", warning) for warning in plan.warnings]
    return facts


def row(plan: "QueuePlan", report: "Report", holdout: "Trace | Log", *, you_run: str, known: str, story: str) -> Row:
    """An audited plan as a row of a table and a section of a page."""
    return Row(
        you_run=you_run,
        known=known,
        setting=f"load {plan.setting.load:.2f}",
        story=story,
        meaning=_meaning(plan),
        report=report,
        draw=partial(_draw, plan, holdout),
        details=plan.explain(),
    )


def _meaning(plan: "QueuePlan") -> str:
    """What the cost of a job is, for a page."""
    setting, unit = plan.setting, sizes_in(plan)
    if setting.slo is not None:
        return f"The share of jobs that take longer than {setting.slo:g}, in {unit}, the price of predictions included."
    if setting.goal != "mean":
        share = setting.goal.removeprefix("p")
        return f"The time within which {share} % of the jobs are done, plus the price of the predictions, in {unit}."
    return f"The mean time from arrival to completion, plus the price of the predictions, in {unit}."


def _draw(plan: "QueuePlan", holdout: "Trace | Log") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures
    from beforehand.scheduling.plan import curves

    loads = np.linspace(LOWEST, HIGHEST, POINTS)
    lines: dict[str, Any] = curves(plan, holdout, loads.tolist())
    colors = {"clairvoyant": "ink", plan.baseline.design: "other", plan.design: "accent"}
    return {CAPTION: figures.curves(loads, lines, colors, across="load", up="mean response time")}
