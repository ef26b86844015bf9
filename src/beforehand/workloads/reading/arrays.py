"""A column that a binary format holds as numbers or times of its own, in numpy."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.reading.cells import Floats
from beforehand.workloads.reading.stamps import Ticks, since_earliest

FINER: Final = ("ps", "fs", "as")  # than a date and its nanoseconds need
PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def numbers(column: NDArray[Any]) -> Floats | None:
    """A column of numbers in float64; None of another."""
    return column.astype(np.float64) if column.dtype.kind in "biuf" else None


def durations(column: NDArray[Any]) -> Floats | None:
    """A column of numbers, or of lengths of time in seconds; None of another."""
    if column.dtype.kind != "m":
        return numbers(column)
    counts, per_second = _counts(column)
    return np.where(np.isnat(column), np.nan, counts / per_second)


def times(column: NDArray[Any]) -> tuple[Floats, int | None] | None:
    """A column of numbers or times as seconds since the earliest, see `Table.times`; None of another."""
    if column.dtype.kind == "M":
        counts, per_second = _counts(column)
        return Ticks(counts, ~np.isnat(column), per_second, True).since_earliest()
    if column.dtype.kind in "iu":
        return Ticks(column, np.ones(len(column), dtype=bool), 1, False).since_earliest()
    values = durations(column)
    return None if values is None else since_earliest(values)


def missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Where nothing is."""
    if column.dtype.kind in "mM":
        nothing: NDArray[np.bool_] = np.isnat(column)
    else:
        nothing = np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), dtype=bool)
    return nothing


def cells(column: NDArray[Any]) -> list[object]:
    """The values in Python; times as text."""
    if column.dtype.kind in "mM":
        return ["" if nothing else str(value) for value, nothing in zip(column, np.isnat(column), strict=True)]
    values: list[object] = column.tolist()
    return values


def _counts(column: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """How many units there are since 1970, or in a length of time, and how many make a second."""
    unit, step = np.datetime_data(column.dtype)
    if unit not in PER_SECOND or step != 1:
        unit = unit if unit in PER_SECOND else "ns" if unit in FINER else "s"
        column = column.astype(f"{column.dtype.kind}8[{unit}]")
    return column.astype(np.int64), PER_SECOND[unit]
