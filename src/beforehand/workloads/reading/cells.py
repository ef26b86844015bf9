"""Cells as numbers and durations, one rule for all formats.

A cell is what a file holds: text, or of jsonl and the like any value.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MISSING: Final = frozenset(("", "na", "n/a", "null", "none", "unknown", "unlimited", "nan", "-nan", "+nan", "-"))
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
CLOCK = re.compile(r"(?:(\d+)(?:-| days?,? *))?(\d+)(?::(\d+))?(?::(\d+))?(\.\d*)?", re.ASCII)  # SLURM's, and Python's
PART = re.compile(r"(\d+\.?\d*|\.\d+) ?([a-zA-Zµμ]+)[ ,]*", re.ASCII)
UNITS: Final = {  # of one: how many seconds, and to how many parts of a second it belongs
    "d": (86400, 1), "day": (86400, 1), "days": (86400, 1),
    "h": (3600, 1), "hr": (3600, 1), "hrs": (3600, 1), "hour": (3600, 1), "hours": (3600, 1),
    "m": (60, 1), "min": (60, 1), "mins": (60, 1), "minute": (60, 1), "minutes": (60, 1),
    "s": (1, 1), "sec": (1, 1), "secs": (1, 1), "second": (1, 1), "seconds": (1, 1),
    "ms": (1, 10**3), "msec": (1, 10**3), "millisecond": (1, 10**3), "milliseconds": (1, 10**3),
    "us": (1, 10**6), "µs": (1, 10**6), "μs": (1, 10**6), "microsecond": (1, 10**6), "microseconds": (1, 10**6),
    "ns": (1, 10**9), "nanosecond": (1, 10**9), "nanoseconds": (1, 10**9),
}  # fmt: skip


class BadCell(ValueError):
    """A cell that is not what it should be; its row counts from 0."""

    def __init__(self, row: int, cell: object, rule: str) -> None:
        super().__init__(rule)
        self.row, self.cell, self.rule = row, cell, rule


def is_missing(cell: object) -> bool:
    """Whether a cell says that there is nothing."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def as_text(cell: object) -> str:
    """A cell as text, without blanks around it; null is empty."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None:
        return ""
    return str(cell) if type(cell) in (int, float) else json.dumps(cell, default=str)


def numbers(cells: Sequence[object], decimal: str | None) -> Floats:
    """Cells as numbers, nan where they are missing.

    Raises:
        BadCell: one is no number, or its comma may be a decimal sign or not.
    """
    quick = _floats(cells) if decimal != "," else None
    return quick if quick is not None else _each(cells, decimal, _number, "is not a number")


def durations(cells: Sequence[object], decimal: str | None) -> Floats:
    """Cells as seconds, nan where they are missing.

    Raises:
        BadCell: one is no duration, or its comma may be a decimal sign or not.
    """
    quick = _floats(cells) if decimal != "," else None
    rule = "is neither a number of seconds nor a duration such as 2-01:24:56, 00:03:25 or 1.5 h"
    return quick if quick is not None else _each(cells, decimal, _duration, rule)


def plain(cells: Sequence[object]) -> bool:
    """Whether all cells are text in which Python reads as numbers only what is one."""
    if set(map(type, cells)) != {str}:
        return False
    joined = "".join(cells)  # type: ignore[arg-type]
    return joined.isascii() and "_" not in joined  # other digits than 0 to 9; 1_000


def _floats(cells: Sequence[object]) -> Floats | None:
    if not (plain(cells) or set(map(type, cells)) <= {int, float}):
        return None
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _each(cells: Sequence[object], decimal: str | None, value: Callable[[str], float | None], rule: str) -> Floats:
    comma = decimal == "," or (decimal is None and _decimal_comma(cells))
    known: dict[str, float | None] = {}
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        found: float | None = None
        if isinstance(cell, str):
            if cell not in known:
                known[cell] = _valued(cell, value, comma=comma)
            found = known[cell]
        elif cell is None:
            found = math.nan
        elif isinstance(cell, (int, float)):
            found = _float(cell)
        if found is None:
            raise BadCell(row, cell, rule)
        values[row] = found
    return values


def _valued(cell: str, value: Callable[[str], float | None], *, comma: bool) -> float | None:
    text = cell.strip()
    if is_missing(text):
        return math.nan
    if comma and "." in text:
        return None
    return value(text.replace(",", ".") if comma else text)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def _number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def _duration(text: str) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    clock = CLOCK.fullmatch(text)
    if clock:
        days, *fields, fraction = clock.groups()
        given = [int(each) for each in fields if each is not None]
        if days is None and len(given) < 3:  # minutes and seconds
            given = [0] * (3 - len(given)) + given
        hours, minutes, seconds = given + [0] * (3 - len(given))
        return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + float(f"{seconds}{fraction or ''}")
    parts = PART.findall(text)
    if not parts or "".join(match[0] for match in PART.finditer(text)) != text:
        return None
    if any(unit not in UNITS for _, unit in parts):
        return None
    return math.fsum(float(number) * UNITS[unit][0] / UNITS[unit][1] for number, unit in parts)


def _decimal_comma(cells: Iterable[object]) -> bool:
    """Whether a comma is the decimal sign: it is there, no point is, and one cell at least cannot hold thousands."""
    found, certain = None, False
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and ("," in cell or "." in cell):
            text = cell.strip()
            if COMMA.fullmatch(text):
                found = found or (row, cell)
                certain = certain or not THOUSANDS.fullmatch(text)
            elif NUMBER.fullmatch(text):
                return False
    if found and not certain:
        raise BadCell(*found, "may be a decimal or thousands; say which sign is the decimal one (decimal)")
    return certain
