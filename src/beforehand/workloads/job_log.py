"""Logs of finished jobs from files: whose columns are whose, which rows count, and in what units."""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, InvalidInput
from beforehand.scheduling import Log
from beforehand.scheduling.inputs import MOST, one_of
from beforehand.scheduling.units import unit_name
from beforehand.workloads.job_columns import Floats
from beforehand.workloads.job_filters import Filter
from beforehand.workloads.job_source import PREDICTIONS, JobColumns, Source, opened
from beforehand.workloads.job_units import arrivals, rates, sizes
from beforehand.workloads.jobs import ERRORS, predicted
from beforehand.workloads.reading import Reading, give_back

__all__ = ["JobColumns", "Missing", "read_job_log"]

Missing = Literal["last", "drop"]
NAMED: Final = JobColumns()  # as a trace of jobs names its columns
FOUND: Final = Reading()  # by looking at the file


def read_job_log(
    path: str | PathLike[str],
    *,
    columns: JobColumns = NAMED,
    reading: Reading = FOUND,
    where: Sequence[str] = (),
    assume: Mapping[str, float] | None = None,
    size_unit: str | None = None,
    time_unit: str | None = None,
    tokens_per_second: float | None = None,
    missing: Missing = "last",
    seed: int = 0,
) -> Trace:
    """Read finished jobs from a file: a table with a row a job, or a public log that its beginning gives away.

    Args:
        path: The file; `-` is stdin.
        columns: Which of its columns say what.
        reading: How to read the file, where that is not to be found by looking at it.
        where: Filters that a row must pass, such as `state=COMPLETED,TIMEOUT`, `nodes<=1`, `model!=` (one is named) or
            `submitted>=2026-03-01`.
        assume: For `cheap` and `expensive`, where the log has none: the sigma of the lognormal errors of predictions
            that are drawn.
        size_unit: The unit of sizes and predictions; those in another unit of time are converted.
        time_unit: That of arrivals that are numbers.
        tokens_per_second: How many tokens one server writes in a second, for sizes in tokens.
        missing: What becomes of a job without a prediction: `"last"` keeps it, and it counts as longer than all others,
            as a `PredictionQueue` treats it; `"drop"` leaves it out.
        seed: Another seed draws other predictions.

    Guarantee:
        A trace of kind `jobs`, sorted by arrival, ties as in the file: `size`; `arrival`, since the earliest in the
        file; `cheap` and `expensive`, nan where there is none; `weight`; and what else a public log says. Only columns
        that are named are read. Its metadata hold `unit` and `time_unit`, where they are known, and `service_rate`, the
        units of size that one server does in a unit of time; `columns`, which column was which; `left_out`, by reason
        how many rows; `missing`, by column how many jobs without a prediction, and `missing_rule`; `assumed`, the
        sigmas of drawn predictions; `source`, the public log. Every row of the file is a job or counted in `left_out`.

    Cost:
        A second for a million rows of csv with pyarrow.

    Raises:
        InvalidInput: the file cannot be read; a column is not there; a number is out of range; units contradict each
            other; no job is left. The message names the file and the line.
        CorruptData: the file is damaged, or a cell is not what its column holds.
        MissingDependency: the format needs a library that is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "jobs.csv")
        >>> _ = path.write_text("submitted,took,state\\n2026-03-01 10:00,0:05:00,done\\n2026-03-01 10:02,,running\\n")
        >>> jobs = read_job_log(path, columns=JobColumns(size="took", arrival="submitted"))
        >>> jobs["size"], jobs.meta["unit"], jobs.meta["left_out"]
        (array([300.]), 'seconds', {'no size': 1})
        >>> folder.cleanup()
    """
    one_of("missing", missing, get_args(Missing))
    drawn = _checked_assumptions(assume)
    filters = [Filter.parse(text) for text in where]
    size_unit, time_unit = unit_name("size_unit", size_unit), unit_name("time_unit", time_unit)
    source = opened(str(path), columns, reading, [each.column for each in filters])
    roles = source.roles
    jobs, unit = sizes(source, size_unit)
    if "arrival" in roles:
        jobs["arrival"], time_unit = arrivals(source, time_unit)
    if "weight" in roles:
        jobs["weight"] = source.columns.numbers(roles["weight"])
    reasons = dict(source.left_out)
    reasons |= {f"not {each.text}": ~each.rows(source.columns, reading.time_zone) for each in filters}
    reasons |= {"no size": np.isnan(jobs["size"]), "size not above 0": jobs["size"] <= 0}
    reasons |= {f"no {name}": np.isnan(jobs[name]) for name in ("arrival", "weight") if name in jobs}
    keep, left_out = _kept(source, reasons)
    lacking = {name: int(np.isnan(jobs[name][keep]).sum()) for name in PREDICTIONS if name in jobs}
    for name, count in lacking.items():
        if count == keep.sum():
            if getattr(columns, name) is not None:
                raise InvalidInput(
                    f"{path} has no prediction in column {roles[name]} for any of {count:,} jobs; name another with "
                    f"--{name}, or leave it out"
                )
            del jobs[name], roles[name]
    if missing == "drop":
        reasons |= {f"no {name} prediction": np.isnan(jobs[name]) for name in PREDICTIONS if name in jobs}
        keep, left_out = _kept(source, reasons)
        lacking = {name: count for name, count in lacking.items() if name not in jobs}
    for name in jobs:
        _check(source, name, jobs[name], keep)
    derived = source.columns.derived
    further = {name: column for name, column in derived.items() if name not in {*jobs, *roles.values()}}
    kept = _taken(jobs | further, keep)
    for name, sigma in drawn.items():
        if name in kept:
            raise InvalidInput(
                f"assume_{name} is {sigma:g}, but {path} has {name} predictions; leave --assume-{name} out"
            )
        kept[name] = predicted(kept["size"], sigma, seed=seed, stream=ERRORS[name])
    unit, time_unit, service_rate = rates(str(path), unit, time_unit, tokens_per_second)
    known: dict[str, Any] = {"unit": unit, "source": source.name}
    if "arrival" in kept:
        known |= {"time_unit": time_unit, "service_rate": service_rate}
    meta = {name: value for name, value in known.items() if value is not None} | {
        "columns": roles,
        "left_out": left_out | source.skipped,
        "missing": {name: count for name, count in lacking.items() if count},
        "missing_rule": missing,
        "assumed": drawn,
    }
    del source, jobs, reasons, derived, further  # a log of millions of rows is planned on in the memory they took
    give_back()
    trace = Trace("jobs", kept, meta=meta)
    try:
        Log.read(trace)  # the mean, and weights that no row breaks by itself
    except BeforehandError as error:
        raise type(error)(f"{path}: {error}") from error
    return trace


def _checked_assumptions(assume: Mapping[str, float] | None) -> dict[str, float]:
    for name in assume or {}:
        one_of("assume", name, PREDICTIONS)
    return {name: float(sigma) for name, sigma in (assume or {}).items()}


def _kept(source: Source, reasons: Mapping[str, NDArray[np.bool_]]) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """The rows that no reason leaves out, and how many each does: the first that holds for a row.

    Raises:
        InvalidInput: no row is left.
    """
    rows = len(source.columns)
    keep, counts, left = np.ones(rows, dtype=np.bool_), {}, rows
    for reason, those in reasons.items():
        keep &= ~those
        count, left = left - int(keep.sum()), int(keep.sum())
        if count:
            counts[reason] = count
    if not left:
        why = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
        most = max(counts, key=lambda reason: counts[reason]) if counts else ""
        filtered = re.match(r"not .*[=<>]", most)  # a filter; a format's own reasons have no signs
        remedy = "let others pass (--where)" if filtered else "name the column of sizes, or record finished jobs"
        raise InvalidInput(
            f"none of the {rows:,} rows of {source.columns.path} is a finished job with a size above 0"
            f"{f' ({why})' if why else ''}; {remedy}"
        )
    return keep, counts


def _check(source: Source, name: str, values: Floats, keep: NDArray[np.bool_]) -> None:
    """Raise if a number among those kept is out of range; it names the line.

    Raises:
        InvalidInput: one is.
    """
    least = -MOST if name == "arrival" else 0.0
    good = (values >= least) & (values <= MOST)
    if name in PREDICTIONS:
        good |= np.isnan(values)
    bad = np.flatnonzero(keep & ~good)
    if bad.size:
        row = int(bad[0])
        rule = f"from {least:g} to {MOST:g}" + (", or empty where there is none" if name in PREDICTIONS else "")
        raise InvalidInput(
            f"{source.columns.path}: {name} is {values[row]:g} in {source.columns.place(row)}, but must be {rule}; fix "
            "the row, or leave it out with --where"
        )


def _taken(columns: Mapping[str, NDArray[Any]], keep: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The kept rows in the order of arrival; arrays that a trace need not copy."""
    rows: NDArray[np.int64] | None = None if keep.all() else np.flatnonzero(keep)
    if "arrival" in columns:
        arrival = columns["arrival"] if rows is None else columns["arrival"][rows]
        if (arrival[1:] < arrival[:-1]).any():
            order = np.argsort(arrival, kind="stable")
            rows = order if rows is None else rows[order]
    taken = {}
    for name, column in columns.items():
        taken[name] = column.view() if rows is None else column[rows]
        taken[name].flags.writeable = False
    return taken
