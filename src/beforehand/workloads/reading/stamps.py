"""Cells as points in time, exact to their last digit: whole ticks, of which so many make a second.

A float holds no nanoseconds since 1970, so the earliest is subtracted while all are integers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.reading.cells import BadCell, Floats, durations, is_missing, numbers, plain

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NANO: Final = 10**9
EXACT: Final = 2**53  # up to here floats hold all integers
MOST_DIGITS: Final = 18  # behind the point
HALF_A_DAY: Final = 43200.0
ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)(?:[T ]+(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
ACCESS_LOG = re.compile(
    r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s*([+-]\d{4})?\]?", re.ASCII
)
MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@final
@dataclass(frozen=True)
class Ticks:
    """Points in time, counted from a common one.

    Attributes:
        counts: Integers; anything where there is none.
        there: Where there is one.
        per_second: How many make a second, or whatever unit numbers without one are in.
        dated: Whether they are counted from the beginning of 1970.
    """

    counts: NDArray[Any]
    there: NDArray[np.bool_]
    per_second: int
    dated: bool

    def since_earliest(self) -> tuple[Floats, int | None]:
        """Seconds since the earliest, nan where there is none, and the earliest in nanoseconds if it has a date."""
        complete = bool(self.there.all())
        held = self.counts if complete else self.counts[self.there]
        if not held.size:
            return np.full(len(self.counts), np.nan), None
        earliest = held.min()
        if held.dtype == object:
            ahead = np.array([int(each) for each in held - earliest], dtype=np.float64)
        else:  # modulo 2**64, in which no difference of two 64-bit integers overflows
            ahead = (held.astype(np.uint64, copy=False) - np.asarray(earliest).astype(np.uint64)).astype(np.float64)
        ahead /= self.per_second
        first = int(earliest) * NANO // self.per_second if self.dated else None
        if complete:
            return ahead, first
        values = np.full(len(self.counts), np.nan)
        values[self.there] = ahead
        return values, first


def times(cells: Sequence[object], zone: tzinfo, decimal: str | None) -> tuple[Floats, int | None]:
    """Cells as seconds since the earliest, and that in nanoseconds since 1970; see `Table.times`.

    Raises:
        BadCell: one is no time.
    """
    first = next((cell for cell in cells if not is_missing(cell)), None)
    if isinstance(first, str) and _instant(first.strip(), zone) is not None:
        return _dated(cells, zone).since_earliest()
    if isinstance(first, str) and ":" in first:
        return _clocks(cells, durations(cells, decimal)), None
    try:
        values = numbers(cells, decimal)
    except BadCell as error:
        raise BadCell(error.row, error.cell, "is neither a number nor a time such as 2024-05-10 12:00:00.5") from None
    ticks = _exact(cells, values)
    return ticks.since_earliest() if ticks else since_earliest(values)


def since_earliest(values: Floats) -> tuple[Floats, None]:
    """The same of floats, exact to the decimal that each stands for where there are few digits."""
    there = np.isfinite(values)
    held = values[there]
    for digits in range(10):
        scaled = np.rint(held * 10.0**digits)
        if not held.size or np.abs(scaled).max() >= EXACT:
            break
        if (scaled / 10.0**digits == held).all():
            counts = np.zeros(len(values), dtype=np.int64)
            counts[there] = scaled.astype(np.int64)
            exact, _ = Ticks(counts, there, 10**digits, False).since_earliest()
            return np.where(np.isinf(values), values, exact), None
    return values - (held.min() if held.size else 0.0), None


def scaled(values: Floats, digits: int) -> Ticks | None:
    """Ticks of numbers that text gave with so many digits behind the point at most; None if floats lose some."""
    there = ~np.isnan(values)
    counts = np.rint(np.where(there, values, 0.0) * 10.0**digits)
    if digits > MOST_DIGITS or not (np.abs(counts) < EXACT).all():
        return None
    return Ticks(counts.astype(np.int64), there, 10**digits, False)


def _exact(cells: Sequence[object], values: Floats) -> Ticks | None:
    """Ticks of cells that are numbers; None where they have no last digit."""
    there = ~np.isnan(values)
    if not np.isfinite(values[there]).all():
        return None
    types = set(map(type, cells))
    if types <= {int, type(None)}:
        return _ticks([cell or 0 for cell in cells], there, 0)
    if not types <= {str, int, type(None)}:
        return None
    texts = [str(cell).strip().replace(",", ".") if here else "0" for cell, here in zip(cells, there, strict=True)]
    if not plain(texts) or any("e" in text or "E" in text for text in texts):
        return None
    digits = max((len(text) - 1 - place for text in texts if (place := text.find(".")) >= 0), default=0)
    found = scaled(values, digits)
    if found or digits > MOST_DIGITS:
        return found
    parts = (text.partition(".") for text in texts)
    return _ticks([int(whole + fraction.ljust(digits, "0")) for whole, _, fraction in parts], there, digits)


def _ticks(counts: list[Any], there: NDArray[np.bool_], digits: int) -> Ticks:
    try:
        return Ticks(np.array(counts, dtype=np.int64), there, 10**digits, False)
    except OverflowError:
        return Ticks(np.array(counts, dtype=object), there, 10**digits, False)


def _dated(cells: Sequence[object], zone: tzinfo) -> Ticks:
    counts: list[int] = []
    there = np.empty(len(cells), dtype=bool)
    for row, cell in enumerate(cells):
        there[row] = not is_missing(cell)
        found = _instant(cell.strip(), zone) if isinstance(cell, str) and there[row] else 0
        if found is None or not (isinstance(cell, str) or not there[row]):
            raise BadCell(row, cell, "is not a time such as 2024-05-10 12:00:00.5")
        counts.append(found)
    ticks = _ticks(counts, there, 9)
    return Ticks(ticks.counts, there, NANO, True)


def _clocks(cells: Sequence[object], values: Floats) -> Floats:
    """Seconds since the earliest of clocks without a date.

    Raises:
        BadCell: they go back as they do at midnight, so that the earliest of one day would be that of all.
    """
    there = np.flatnonzero(~np.isnan(values))
    back = np.flatnonzero(np.diff(values[there]) < -HALF_A_DAY)
    if back.size and values[there].max() < 2 * HALF_A_DAY:
        row = int(there[back[0] + 1])
        raise BadCell(row, cells[row], "comes after a much later clock, as if midnight had passed; give times a date")
    earliest: Floats = values - np.nanmin(values)
    return earliest


def _instant(text: str, zone: tzinfo) -> int | None:
    """Nanoseconds since 1970 at a time in text; more digits than nine are cut off."""
    found = ISO.fullmatch(text)
    if found:
        year, month, day, hour, minute, second, fraction, offset = found.groups()
    else:
        found = ACCESS_LOG.fullmatch(text)
        if not found or found[2] not in MONTHS:
            return None
        day, name, year, hour, minute, second, fraction, offset = found.groups()
        month = str(MONTHS.index(name) + 1)
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone)
        since = (at.replace(tzinfo=_offset(offset)) if offset else at) - EPOCH
    except (ValueError, OverflowError):
        return None
    return (since.days * 86400 + since.seconds) * NANO + int(f"{(fraction or '')[:9]:0<9}")


@lru_cache(1000)
def _offset(text: str) -> timezone:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1))
