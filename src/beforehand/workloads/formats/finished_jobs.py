"""The columns of a file, as a trace of finished jobs that scheduling can plan on."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import Log
from beforehand.scheduling.inputs import MOST

Floats = NDArray[np.float64]
COLUMNS = ("size", "cheap", "expensive", "weight", "arrival")


def numbers(name: str, column: NDArray[Any]) -> Floats:
    """A column as float64; an empty cell is nan.

    Raises:
        CorruptData: a cell is not a number, or the column is not 1-D.
    """
    if column.ndim != 1:
        raise CorruptData(f"column {name} has shape {column.shape}, but must hold one number a row; take another")
    if column.dtype.kind == "S":
        column = np.char.decode(column, "latin-1")
    if column.dtype.kind != "U":
        return column.astype(np.float64)
    values = np.empty(len(column))
    for row, cell in enumerate(column.tolist()):
        value = _number(cell)
        if value is None:
            raise CorruptData(
                f"column {name} has {cell[:40]!r} in row {row}, counting from 0, which is not a number; fix the file"
            )
        values[row] = value
    return values


def seconds(name: str, column: NDArray[Any]) -> Floats:
    """A column of numbers as it is, or one of ISO timestamps as seconds since the earliest.

    Raises:
        CorruptData: a cell is neither.
    """
    if column.ndim != 1 or column.dtype.kind != "U" or not len(column) or _number(str(column[0])) is not None:
        return numbers(name, column)
    stamps = []
    for row, cell in enumerate(column.tolist()):
        try:
            stamp = datetime.fromisoformat(cell)
        except ValueError:
            raise CorruptData(
                f"column {name} has {cell[:40]!r} in row {row}, counting from 0, which is not a time; fix the file"
            ) from None
        stamps.append(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))
    first = min(stamps)
    return np.array([(stamp - first).total_seconds() for stamp in stamps])


def finished_jobs(columns: Mapping[str, NDArray[Any]], *, meta: Mapping[str, Any]) -> Trace:
    """A trace of kind `jobs`: sorted by arrival, without the rows whose size is nan or not above 0.

    Args:
        columns: `size`, perhaps `cheap`, `expensive`, `weight`, `arrival`, and any others, which are kept.
        meta: Kept too; `dropped` is added, the number of rows that were left out.

    Raises:
        InvalidInput: no row is left; a number is out of range. The message names the column and the row of the file.
        CorruptData: a cell is not a number.
    """
    table, dropped = cleaned(columns)
    return Trace("jobs", table, meta={**meta, "dropped": dropped})


def cleaned(columns: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], int]:
    """The columns of `finished_jobs`, and how many rows were left out; it raises the same."""
    table = dict(columns)
    for name in COLUMNS:
        if name in table:
            table[name] = (seconds if name == "arrival" else numbers)(name, table[name])
    keep = table["size"] > 0
    if not keep.any():
        raise InvalidInput(
            f"none of the {len(keep)} rows has a size above 0, but a log needs one; record finished jobs"
        )
    checked: dict[str, Any] = {name: table[name] for name in COLUMNS[1:-1] if name in table}
    checked["weight"] = np.where(keep, table.get("weight", 1.0), 0.0)  # rows that are left out do not count
    Log(np.where(keep, table["size"], 1.0), **checked)  # before rows move, so that an error names the file's own
    rows = np.flatnonzero(keep)
    if "arrival" in table:
        good = np.abs(table["arrival"]) <= MOST
        if not good.all():
            row = int(np.argmin(good))
            raise InvalidInput(
                f"arrival is {table['arrival'][row]} in row {row}, but must be finite, at most {MOST:g}; fix the row"
            )
        rows = rows[np.argsort(table["arrival"][rows], kind="stable")]
    return {name: column[rows] for name, column in table.items()}, len(keep) - len(rows)


def _number(cell: str) -> float | None:
    if not cell:
        return math.nan
    try:
        return None if "_" in cell else float(cell)  # Python would read 1_000 as a number
    except ValueError:
        return None
