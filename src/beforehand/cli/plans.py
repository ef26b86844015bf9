"""`explain` and `audit`: plans of any area, read and checked."""

from pathlib import Path
from typing import Annotated

import typer

from beforehand.cli import render

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan in JSON, such as plan.json.")]


def explain(plan: PlanFile) -> None:
    """Say in words what a plan chose, what it expects, and what it costs."""
    from beforehand.core import load_plan

    render.show(load_plan(plan).explain())


def audit(
    plan: PlanFile,
    trace: Annotated[Path, typer.Argument(help="What the plan never saw: a trace, or an array in .npy.")],
    kind: Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a plan's expectation on data that it never saw.

    Prints expected, measured, the strongest practical baseline and the clairvoyant side by side.
    """
    from beforehand.cli.inputs import read_sample
    from beforehand.core import load_plan

    chosen = load_plan(plan)
    holdout = read_sample(trace, kind)
    with render.progress(1) as steps:
        steps.begin("auditing")
        report = chosen.audit(holdout)
    print(report.to_json()) if as_json else render.show_report(report)
