"""Logs of finished jobs on a command line: one set of options for all commands that read one."""

import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, final, get_type_hints

import typer

from beforehand.cli import render

if TYPE_CHECKING:
    from beforehand.core import Trace

LogFile = Annotated[
    Path,
    typer.Argument(
        metavar="LOG",
        help="Finished jobs, a row each: csv in any dialect, jsonl, json, npz or Parquet, perhaps as .gz or .zst; - is "
        "stdin. Public logs are recognized.",
    ),
]
COLUMNS: Final = "Columns of the log"
ROWS: Final = "Rows and units of the log"
FILE: Final = "How to read the file"
ROLES: Final = ("size", "start", "end", "cheap", "expensive", "arrival", "weight")
KINDS: Final = {"no_header": bool} | dict.fromkeys(
    ("assume_cheap", "assume_expensive", "tokens_per_second"), (int, float)
)
SEPARATORS: Final = {"tab": "\t", "\\t": "\t", "blank": " ", "space": " "}  # as they are easily typed


def _column(words: str) -> Any:
    return typer.Option(metavar="COL", help=words, rich_help_panel=COLUMNS)


@final
@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """How to read a log of jobs, as a command line says it; what is None is left to the log."""

    size: Annotated[str | None, _column("Sizes: numbers, or durations such as 1:30:00; if not called size.")] = None
    start: Annotated[str | None, _column("When a job began, in place of a size: that is end minus start.")] = None
    end: Annotated[str | None, _column("When it ended.")] = None
    arrival: Annotated[str | None, _column("When it came: numbers, dates or times; if not called arrival.")] = None
    cheap: Annotated[str | None, _column("Cheap predictions, in the unit of the sizes; if not called cheap.")] = None
    expensive: Annotated[str | None, _column("Expensive ones; if not called expensive.")] = None
    weight: Annotated[str | None, _column("How often a job counts; once, if this is not given.")] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL=VALUE",
            help="Only rows such as state=COMPLETED,TIMEOUT, nodes<=1, model!= (not empty) or day>=2026-03-01; several "
            "times for rows that pass all.",
            rich_help_panel=ROWS,
        ),
    ] = None
    missing: Annotated[
        Literal["last", "drop"] | None,
        typer.Option(
            help="A job without a prediction counts as longer than all others (last, if not given), or is left out.",
            rich_help_panel=ROWS,
        ),
    ] = None
    assume_cheap: Annotated[
        float | None,
        typer.Option(
            metavar="SIGMA",
            help="If the log has no cheap predictions: draw some with lognormal errors of this sigma, such as 1.0.",
            rich_help_panel=ROWS,
        ),
    ] = None
    assume_expensive: Annotated[
        float | None,
        typer.Option(
            metavar="SIGMA",
            help="If the log has no expensive predictions: draw some likewise, such as 0.3.",
            rich_help_panel=ROWS,
        ),
    ] = None
    size_unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="Unit of the sizes, such as seconds, ms or tokens.", rich_help_panel=ROWS),
    ] = None
    time_unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="Unit of arrivals that are numbers.", rich_help_panel=ROWS),
    ] = None
    tokens_per_second: Annotated[
        float | None,
        typer.Option(
            metavar="N", help="Tokens that one server writes in a second, for sizes in tokens.", rich_help_panel=ROWS
        ),
    ] = None
    format: Annotated[
        Literal["csv", "jsonl", "json", "npz", "parquet"] | None,
        typer.Option(help="If the file does not show it; csv with any separator.", rich_help_panel=FILE),
    ] = None
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="CHAR", help="Between cells, if not to be found: , ; | tab or blank.", rich_help_panel=FILE
        ),
    ] = None
    decimal: Annotated[str | None, typer.Option(metavar="CHAR", help="Decimal sign, . or ,", rich_help_panel=FILE)] = (
        None
    )
    no_header: Annotated[
        bool,
        typer.Option("--no-header", help="The first line is a row; columns are called 1, 2, ...", rich_help_panel=FILE),
    ] = False
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="Of times without one, such as Europe/Berlin; else UTC.", rich_help_panel=FILE
        ),
    ] = None

    def read(self, path: Path, *, seed: int) -> "Trace":
        """The log as a trace of kind `jobs`; see `beforehand.workloads.job_log.read_job_log`."""
        from beforehand.workloads.job_log import JobColumns, read_job_log
        from beforehand.workloads.reading import Reading

        return read_job_log(
            path,
            columns=JobColumns(**{role: getattr(self, role) for role in ROLES}),
            reading=Reading(
                format=self.format,
                separator=SEPARATORS.get(self.separator or "", self.separator),
                decimal=self.decimal,
                header=not self.no_header,
                time_zone=self.time_zone or "UTC",
            ),
            where=self.where or (),
            assume=self.assumed(),
            size_unit=self.size_unit,
            time_unit=self.time_unit,
            tokens_per_second=self.tokens_per_second,
            missing=self.missing or "last",
            seed=seed,
        )

    def assumed(self) -> dict[str, float]:
        """The sigmas of the predictions to draw."""
        sigmas = {"cheap": self.assume_cheap, "expensive": self.assume_expensive}
        return {name: sigma for name, sigma in sigmas.items() if sigma is not None}

    def said(self) -> dict[str, Any]:
        """What was given, by option, as a plan keeps it: what JSON can hold."""
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}

    def words(self) -> str:
        """What was given, as options of a command line."""
        words = []
        for name, value in self.said().items():
            for each in value if isinstance(value, list) else [value]:
                words.append(f"--{name.replace('_', '-')}")
                words += [] if value is True else [str(each)]
        return shlex.join(words)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The options that a plan kept.

        Raises:
            CorruptData: there are others than this version has, or of another kind.
        """
        from beforehand.core.errors import CorruptData

        unknown = sorted(set(said) - {field.name for field in fields(cls)})
        if unknown:
            raise CorruptData(
                f"the plan's log was read with {', '.join(unknown)}, which this version does not have; use the one "
                "that made the plan, or plan again"
            )
        for name, value in said.items():
            if name == "where":
                fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
            else:
                fits = isinstance(value, KINDS.get(name, str))
            if not fits:
                raise CorruptData(f"the plan's log was read with {name} {value!r}, which is no such option; plan again")
        return cls(**said)

    def over(self, others: "JobOptions") -> "JobOptions":
        """These options, and where they say nothing the others."""
        return replace(others, **self.said())


def reads_jobs(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with all options of `JobOptions` in place of its parameter `jobs`."""
    hints = get_type_hints(JobOptions, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(JobOptions)
    ]
    own = inspect.signature(command)
    before = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.parameters.values() if each.name != "jobs"
    ]

    @wraps(command)
    def run(**given: Any) -> Any:
        jobs = JobOptions(**{field.name: given.pop(field.name) for field in fields(JobOptions)})
        return command(jobs=jobs, **given)

    parameters = [*before, *options]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def about(jobs: "Trace") -> dict[str, Any]:
    """The size of a log, how it was read, and what was left out or assumed, for JSON."""
    meta = jobs.meta
    told = ("source", "unit", "time_unit", "service_rate", "columns", "left_out", "missing", "missing_rule", "assumed")
    dropped = sum(meta.get("left_out", {}).values())
    return {"jobs": len(jobs), "dropped": dropped} | {name: meta[name] for name in told if name in meta}


def show_jobs(jobs: "Trace") -> None:
    """Print what was read as what, which rows were left out, and which predictions are missing or drawn."""
    meta = jobs.meta
    if "source" in meta:
        arrivals = f", arrivals in {meta['time_unit']}" if "time_unit" in meta else ""
        unit = meta.get("unit", "a unit that is not known (--size-unit says it)")
        render.show(f"read as {meta['source']}: sizes in {unit}{arrivals}")
    left_out: dict[str, int] = meta.get("left_out", {})
    if left_out:
        dropped = sum(left_out.values())
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
        render.show(f"left out {dropped:,} of {dropped + len(jobs):,} rows: {reasons}")
    for name, count in meta.get("missing", {}).items():
        if name not in jobs.columns or name in meta["assumed"]:
            render.show(f"column {name} is empty: no {name} predictions")
        else:
            rule = "they count as longer than all others; --missing drop leaves them out"
            render.show(f"no {name} prediction for {count:,} of {len(jobs):,} jobs: {rule}")
    for name, sigma in meta["assumed"].items():
        render.show(f"assumed {name} predictions with lognormal errors of sigma {sigma:g}: the log has none")
