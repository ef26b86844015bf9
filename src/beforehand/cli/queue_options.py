"""Options that the commands of scheduling share, besides those that say how to read a log."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Load = Annotated[
    float | None, typer.Option(help="Share of time that the jobs keep each server busy; else measured from arrivals.")
]
Rate = Annotated[float | None, typer.Option(help="Arrivals in a unit of the log's time, instead of --load.")]
Preemptive = Annotated[bool, typer.Option("--preemptive", help="A job that was started can be preempted by another.")]
Servers = Annotated[int, typer.Option(min=1, max=256, help="Servers that share one queue.")]
CostUnit = Annotated[
    Literal["size", "mean"], typer.Option(help="Whether prices are given in the unit of sizes or in mean sizes.")
]
MinGain = Annotated[float, typer.Option(min=0, help="The least share of cost that is worth saving.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same figures everywhere.")]
Html = Annotated[Path | None, typer.Option(help="Where to write a page with figures.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def load_option(load: float) -> list[str]:
    """The option --load for a command to try next, to three digits: never 1, which no queue can bear."""
    return ["--load", f"{min(load, 0.999):.3g}"]
