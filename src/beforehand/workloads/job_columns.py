"""The columns of a log of jobs by name, whether a file has them or its format derives them, and their units."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.units import SECONDS, unit_name
from beforehand.workloads.reading import Table

Floats = NDArray[np.float64]
LOOKED_AT: Final = 100  # rows, for whether a column holds numbers or durations
_GUESSED: Final = {"s", "sec", "secs", "seconds", "ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds",
                   "minutes", "hours", "days"}  # fmt: skip


class Amounts(NamedTuple):
    """Sizes or predictions, one a row; their unit, if it is known; and whether it is certain, or a guess by a name."""

    values: Floats
    unit: str | None
    certain: bool


@final
@dataclass(frozen=True)
class Columns:
    """Columns that are asked for by name.

    Args:
        path: Of the file, for errors.
        tables: What was read of it, all of the same rows.
        derived: Columns of its format, of as many rows, which come before those of the file.
        names: All columns of the file, for errors.
    """

    path: str
    tables: Sequence[Table]
    derived: Mapping[str, NDArray[Any]]
    names: Sequence[str]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.tables[0])

    def place(self, row: int) -> str:
        """Where a row stands in the file: `line 7`."""
        return f"{self.tables[0].where} {self.tables[0].lines[row]}"

    def numbers(self, name: str) -> Floats:
        """A column of numbers; nan where a cell is missing.

        Raises:
            InvalidInput: the column is not there.
            CorruptData: a cell is not a number.
        """
        if name in self.derived:
            return self._derived_numbers(name)
        return self._table(name).numbers(name)

    def durations(self, name: str) -> Floats:
        """A column of numbers as they are, or of durations in seconds; it raises as `numbers` does."""
        if name in self.derived:
            return self._derived_numbers(name)
        return self._table(name).durations(name)

    def times(self, name: str) -> tuple[Floats, int | None]:
        """Times since the earliest, and that in nanoseconds since 1970, or None where the cells are numbers.

        Raises:
            InvalidInput: the column is not there.
            CorruptData: a cell is neither number nor time.
        """
        if name in self.derived:
            values = self._derived_numbers(name)
            known = np.isfinite(values)
            return (values - values[known].min() if known.any() else values), None
        return self._table(name).times(name)

    def text(self, name: str) -> NDArray[Any]:
        """A column as text."""
        return self.derived[name].astype(str) if name in self.derived else self._table(name).text(name)

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Which of a column's cells are missing."""
        if name not in self.derived:
            return self._table(name).missing(name)
        cells = self.derived[name]
        return np.isnan(cells) if cells.dtype.kind == "f" else np.asarray(cells.astype(str) == "", dtype=np.bool_)

    def sizes(self, name: str) -> "Amounts":
        """A column of sizes or of predictions: of durations such as `1:30:00` or `250 ms` the seconds.

        Raises:
            InvalidInput: the column is not there.
            CorruptData: a cell is neither number nor duration.
        """
        if not self.holds_durations(name):
            return Amounts(self.numbers(name), unit_in_name(name), certain=False)
        return Amounts(self.durations(name), "seconds", certain=True)

    def between(self, start: str, end: str) -> "Amounts":
        """One column of times minus another: of dates, times and clocks the seconds.

        Guarantee:
            Differences are exact to the digits of the file, also of nanoseconds since 1970.

        Raises:
            InvalidInput: a column is not there; one holds numbers, the other dates and times; both are numbers, and
                their names end in different units.
            CorruptData: a cell is neither number nor time.
        """
        begun, first = self.times(start)
        ended, last = self.times(end)
        clocks = [known is None and self.holds_durations(name) for name, known in ((start, first), (end, last))]
        if (first is None) != (last is None) or clocks[0] != clocks[1]:
            raise InvalidInput(
                f"{self.path} has {_kind(first, clocks[0])} in column {start}, but {_kind(last, clocks[1])} in {end}; "
                "take two of a kind"
            )
        if all(clocks):
            return Amounts(self.durations(end) - self.durations(start), "seconds", certain=True)
        if first is not None and last is not None:
            return Amounts((ended - begun) + (last - first) / 1e9, "seconds", certain=True)
        units = unit_in_name(start), unit_in_name(end)
        if None not in units and units[0] != units[1]:
            raise InvalidInput(
                f"{self.path} has {units[0]} in column {start}, but {units[1]} in {end}; take two in one unit"
            )
        apart = self._earliest(end, ended) - self._earliest(start, begun)
        return Amounts((ended - begun) + float(apart), units[1] or units[0], certain=False)

    def _earliest(self, name: str, since: Floats) -> Decimal:
        """The least number of a column, to its last digit."""
        rows = np.flatnonzero(since == 0)[:1]
        if not rows.size:
            return Decimal(0)
        if name in self.derived:
            return Decimal(str(self.derived[name][rows[0]]))
        cell = str(self._table(name).take(rows).text(name)[0])
        return Decimal(cell.replace(",", "."))

    def holds_durations(self, name: str) -> bool:
        """Whether the first cells are durations or clocks; not where they are none of these, which an error says."""
        if name in self.derived:
            return False
        table = self._table(name)
        first = table.take(np.arange(min(LOOKED_AT, len(table))))
        if first.missing(name).all():
            first = table.take(np.flatnonzero(~table.missing(name))[:LOOKED_AT])
        for read, durations in ((first.numbers, False), (first.durations, True)):
            try:
                read(name)
            except CorruptData:
                continue
            return durations
        return False

    def _derived_numbers(self, name: str) -> Floats:
        return self.derived[name].astype(np.float64, copy=False)

    def _table(self, name: str) -> Table:
        for table in self.tables:
            if name in table:
                return table
        raise missing_column(self.path, name, [*self.derived, *self.names])


def _kind(earliest: int | None, clocks: bool) -> str:
    """What a column of times holds, in words."""
    if earliest is not None:
        return "dates"
    return "clocks or durations" if clocks else "numbers"


def missing_column(path: str, name: str, names: Sequence[str], remedy: str = "name one of them") -> InvalidInput:
    """The error about a column that is not there."""
    known = list(dict.fromkeys(names))
    shown = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
    return InvalidInput(f"{path} has no column {name!r} among {shown or 'none'}; {remedy}")


def unit_in_name(name: str) -> str | None:
    """The unit that a column's name ends with; None without one.

    Example:
        >>> unit_in_name("duration_ms"), unit_in_name("Response tokens"), unit_in_name("tokens/s"), unit_in_name("size")
        ('milliseconds', 'tokens', None, None)
    """
    words = re.findall(r"[A-Z]?[a-zµ]+|[A-Z]+|[^\sA-Za-zµ_()\[\]-]+", name)
    if not words or (len(words) > 1 and words[-2] in ("/", "per")):
        return None
    last = words[-1].lower()
    if last in ("token", "tokens"):
        return "tokens"
    return unit_name("unit", last) if (last in _GUESSED and len(words) > 1) or last in SECONDS else None
