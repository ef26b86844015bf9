"""Where the columns of a log of jobs come from: a table of any kind, or a public log that its beginning gives away."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.workloads.formats.public_logs import PublicLog, recognized
from beforehand.workloads.job_columns import Columns, missing_column
from beforehand.workloads.reading import Head, Reading, look, read_table

PREDICTIONS: Final[tuple[str, ...]] = ("cheap", "expensive")
ROLES_BY_NAME: Final = ("size", *PREDICTIONS, "arrival")  # of columns that are called so


@final
@dataclass(frozen=True, kw_only=True)
class JobColumns:
    """Which columns of a file say what; None for the one of that name, if there is one.

    Args:
        size: How long a job took, or how much it was: numbers, or durations such as `1:30:00`.
        start: When it was started; with `end` in place of a size. None for none.
        end: When it ended; sizes are the differences. None for none.
        cheap: What the cheap predictor said, in the unit of the sizes.
        expensive: What the expensive one said.
        arrival: When it came: numbers, dates or times.
        weight: How often it counts. None for once each: a column is only taken for weights if it is named.
    """

    size: str | None = None
    start: str | None = None
    end: str | None = None
    cheap: str | None = None
    expensive: str | None = None
    arrival: str | None = None
    weight: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Source:
    """An opened log.

    Args:
        columns: By name.
        roles: Which column is which, for those that there are.
        unit: Of the column `size` that the format derives or the file names, if it is known.
        time_unit: Of its column `arrival`.
        derived_unit: Of the sizes and predictions that the format derives, whichever column the sizes are.
        left_out: By reason the rows that are no finished jobs.
        name: Of the public log; None for other files.
    """

    columns: Columns
    roles: dict[str, str]
    unit: str | None = None
    time_unit: str | None = None
    derived_unit: str | None = None
    left_out: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    name: str | None = None

    @property
    def skipped(self) -> dict[str, int]:
        """Lines that are no row, by reason."""
        unmatched = self.columns.tables[0].unmatched
        return {"lines of another form": unmatched} if unmatched else {}


def opened(path: str, wanted: JobColumns, reading: Reading, filtered: Sequence[str]) -> Source:
    """A log with the columns that are wanted, and those to filter by.

    Raises:
        InvalidInput: the file cannot be read; a column is not there; there are no sizes.
        CorruptData: it is damaged.
        MissingDependency: its format needs a library that is not installed.
    """
    head = look(path, reading)
    named = {role: name for role, name in asdict(wanted).items() if name is not None}
    log = recognized(head)
    if log is not None:
        return _public(path, head, log, named, reading, filtered)
    names: Sequence[str] = head.names
    records = head.format in ("jsonl", "json")
    if records:  # of which later ones may have other keys, such as predictions from some day on
        asked = [role for role in ROLES_BY_NAME if role not in named]
        table = read_table(path, [*asked, *named.values(), *filtered], reading)
        names = list(dict.fromkeys([*names, *table.names]))
    roles = _roles(path, named, names)
    for name in filtered:
        if name not in names:
            raise missing_column(path, name, names, "filter by one of them")
    if not records:
        table = read_table(path, [*roles.values(), *filtered], reading)
    return Source(
        columns=Columns(path, [table], {}, names),
        roles=roles,
        unit=head.meta.get("unit") if roles.get("size") == "size" else None,
        time_unit=head.meta.get("time_unit") if roles.get("arrival") == "arrival" else None,
    )


def _public(
    path: str, head: Head, log: PublicLog, named: Mapping[str, str], reading: Reading, filtered: Sequence[str]
) -> Source:
    jobs = log.read(path, reading)
    further = [
        name
        for name in dict.fromkeys([*named.values(), *filtered])
        if name not in jobs.columns and name not in jobs.table and name in head.names
    ]
    tables = [jobs.table, *([read_table(path, further, reading)] if further else [])]
    known = [*jobs.columns, *jobs.table.names, *head.names]
    for name in filtered:
        if name not in known:
            raise missing_column(path, name, known, "filter by one of them")
    roles = _roles(path, named, known)
    return Source(
        columns=Columns(path, tables, jobs.columns, known),
        roles=roles,
        unit=log.SIZE_UNIT if roles.get("size") == "size" else None,
        time_unit=log.TIME_UNIT if roles.get("arrival") == "arrival" else None,
        derived_unit=log.SIZE_UNIT,
        left_out=jobs.left_out,
        name=log.SOURCE,
    )


def _roles(path: str, named: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Which column is which.

    Raises:
        InvalidInput: one is not there; there are no sizes, or a start without an end.
    """
    if ("start" in named) != ("end" in named) or {"start", "size"} <= set(named):
        given = " and ".join(f"--{role} {named[role]}" for role in ("size", "start", "end") if role in named)
        raise InvalidInput(
            f"sizes are one column or end minus start, but {given} is given; name both --start and --end"
        )
    for role, name in named.items():
        if name not in names:
            raise missing_column(path, name, names, f"name one of them with --{role}")
    by_name = {role: role for role in ROLES_BY_NAME if role in names}
    if "start" in named:
        by_name.pop("size", None)
    roles = by_name | dict(named)
    if "size" not in roles and "start" not in roles:
        raise missing_column(path, "size", names, "name one of them with --size, or two with --start and --end")
    return roles
