"""`explain` and `audit`: plans of any area, read and checked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from beforehand.cli import render

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan in JSON, such as plan.json.")]


def explain(plan: PlanFile) -> None:
    """Say in words what a plan chose, what it expects, and what it costs."""
    from beforehand.core import load_plan

    render.show(load_plan(plan).explain())


def audit(
    plan: PlanFile,
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE", help="What the plan never saw: a trace, an array in .npy, or for a stream any such log."
        ),
    ],
    kind: Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it.")] = None,
    column: Annotated[
        str | None, typer.Option(help="Column of keys, for a plan of a stream; else key, or the only one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a plan's expectation on data that it never saw.

    Prints expected, measured, the strongest practical baseline and the clairvoyant side by side.
    """
    from beforehand.core import load_plan

    chosen = load_plan(plan)
    holdout = _holdout(chosen.area, trace, kind, column)
    with render.progress(1) as steps:
        steps.begin("auditing")
        report = chosen.audit(holdout)
    print(report.to_json()) if as_json else render.show_report(report)


def _holdout(area: str, path: Path, kind: str | None, column: str | None) -> Any:
    """What an area's plans audit: a stream is read as `streams plan` reads it."""
    from beforehand.cli.inputs import read_sample
    from beforehand.cli.stream_inputs import StreamInput
    from beforehand.cli.stream_plans import read_stream
    from beforehand.core.errors import InvalidInput

    if area == "streams" and kind is None:
        return read_stream(StreamInput(files=[str(path)], column=column))
    if column is not None:
        raise InvalidInput(f"column is {column!r}, but only streams read without --kind have one; leave it out")
    return read_sample(path, kind)
