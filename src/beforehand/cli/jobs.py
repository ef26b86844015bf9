"""Logs of finished jobs, as read by the commands of scheduling."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beforehand.cli import render

if TYPE_CHECKING:
    from beforehand.core import Trace

LogFile = Annotated[
    Path,
    typer.Argument(metavar="LOG", help="Finished jobs in csv, jsonl, npz or parquet, or an Azure LLM csv as it is."),
]
Size = Annotated[str | None, typer.Option(metavar="COL", help="Column of sizes, if not called size.")]
Cheap = Annotated[str | None, typer.Option(metavar="COL", help="Column of cheap predictions, if not called cheap.")]
Expensive = Annotated[
    str | None, typer.Option(metavar="COL", help="Column of expensive predictions, if not called expensive.")
]
Arrival = Annotated[
    str | None,
    typer.Option(metavar="COL", help="Column of arrivals, numbers or ISO timestamps, if not called arrival."),
]
AssumeCheap = Annotated[
    float | None,
    typer.Option(
        metavar="SIGMA",
        help="If the log has no cheap predictions: draw some with lognormal errors of this sigma, such as 1.0.",
    ),
]
AssumeExpensive = Annotated[
    float | None,
    typer.Option(metavar="SIGMA", help="If the log has no expensive predictions: draw some likewise, such as 0.3."),
]


def read_jobs(
    path: Path, *, columns: Mapping[str, str | None], assume: Mapping[str, float | None], seed: int
) -> "Trace":
    """A trace of kind `jobs`: sorted by arrival, without the rows whose size is nan or not above 0.

    Args:
        path: The log.
        columns: For `size`, `cheap`, `expensive`, `arrival` the column that holds it; None stands for that name.
        assume: For `cheap` and `expensive` how far drawn predictions err, where the log has none; None draws none.
        seed: Another seed draws other predictions.

    Guarantee:
        The trace's metadata hold `dropped`, the number of rows left out, and `assumed`, what was drawn; `unit` only if
        the sizes are the file's own column of that name.

    Raises:
        InvalidInput: the file cannot be read; a column is not there; a number is out of range; no job is left.
        CorruptData: the file is damaged, or a cell is not a number. The message names file, column and row.
    """
    from beforehand.cli.inputs import naming
    from beforehand.core import Trace
    from beforehand.core.errors import InvalidInput
    from beforehand.workloads import formats
    from beforehand.workloads.formats.finished_jobs import cleaned
    from beforehand.workloads.jobs import ERRORS, predicted

    log = formats.recognize(path)
    meta: dict[str, Any]
    if log is not None:
        table, meta = log.columns(path), dict(log.META)
    else:
        trace = Trace.load(path, kind="jobs")
        table, meta = dict(trace.columns), trace.meta
    renamed = {}
    for name, column in columns.items():
        if (column or name) in table:
            renamed[name] = table[column or name]
        elif column or name == "size":
            raise InvalidInput(
                f"{path} has no column {column or name!r} among {', '.join(table)}; name one of them with --{name}"
            )
    drawn = {name: sigma for name, sigma in assume.items() if sigma is not None}
    for name, sigma in drawn.items():
        if name in renamed:
            raise InvalidInput(
                f"assume_{name} is {sigma}, but {path} has {name} predictions; leave --assume-{name} out"
            )
    if columns["size"] not in (None, "size"):
        meta.pop("unit", None)  # which is that of the column size
    with naming(path):
        jobs, dropped = cleaned(table | renamed)
    errors = {name: predicted(jobs["size"], sigma, seed=seed, stream=ERRORS[name]) for name, sigma in drawn.items()}
    return Trace("jobs", jobs | errors, meta=meta | {"assumed": drawn, "dropped": dropped})


def about(jobs: "Trace") -> dict[str, Any]:
    """The size of a log and what was left out or assumed, for JSON."""
    return {"jobs": len(jobs)} | {name: jobs.meta[name] for name in ("dropped", "assumed")}


def show_jobs(jobs: "Trace") -> None:
    """Print which rows were left out, and which predictions were drawn."""
    dropped = jobs.meta["dropped"]
    if dropped:
        render.show(f"left out {dropped:,} rows whose size is not above 0")
    for name, sigma in jobs.meta["assumed"].items():
        render.show(f"assumed {name} predictions with lognormal errors of sigma {sigma:g}: the log has none")
