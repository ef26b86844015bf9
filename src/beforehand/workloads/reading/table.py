"""Columns of a file, which become numbers or times when they are asked for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.workloads.reading import arrays, arrow_text, cells, stamps
from beforehand.workloads.reading.cells import BadCell, Floats
from beforehand.workloads.reading.options import AS_FOUND, Reading

MOST_TEXT: Final = 1 << 32  # bytes of a column of text in numpy
MOST_NAMES: Final = 20  # in an error
T = TypeVar("T")


@final
class Table:
    """Named columns of equal length, as the file has them. Nothing changes a table.

    A cell is missing if it is empty, `NA`, `N/A`, `null`, `None`, `Unknown`, `UNLIMITED`, `nan` or `-`, in capitals or
    not; if it is null; or if its record lacks the key.

    Attributes:
        path: The file.
        names: Those of the columns that were asked for and are there.
        where: What `lines` counts, `"line"` or `"row"`.
        unmatched: Lines that did not match, if it was read line by line.

    Raises:
        InvalidInput: a column that is not there is asked for.
        CorruptData: a cell cannot be read as what is asked for. The message names file, column, line and cell.
    """

    path: str
    names: tuple[str, ...]
    where: str
    unmatched: int

    def __init__(
        self,
        path: str,
        columns: Mapping[str, Any],
        lines: NDArray[np.int64] | Callable[[], NDArray[np.int64]],
        *,
        where: str = "line",
        unmatched: int = 0,
        reading: Reading = AS_FOUND,
        known: Sequence[str] = (),
    ) -> None:
        """Columns are lists of cells, text in Arrow, or arrays of numbers or times; `known` are all names there are."""
        self.path, self.names, self.where, self.unmatched = path, tuple(columns), where, unmatched
        self._columns, self._lines, self._reading = dict(columns), lines, reading
        self._known = tuple(known) or self.names

    @property
    def lines(self) -> NDArray[np.int64]:
        """For each row the line of the file where it begins, or in files without lines its number; both from 1."""
        if callable(self._lines):
            self._lines = self._lines()
        return self._lines

    def __len__(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._columns.values()))) if self._columns else len(self.lines)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column."""
        return name in self._columns

    def __repr__(self) -> str:
        """Path, rows and names."""
        return f"Table({self.path!r}, {len(self)} rows of {', '.join(self.names)})"

    def numbers(self, name: str) -> Floats:
        """A column as float64, nan where a cell is missing."""
        decimal = self._reading.decimal
        return self._read(name, arrays.numbers, arrow_text.numbers, lambda found: cells.numbers(found, decimal))

    def durations(self, name: str) -> Floats:
        """A column as seconds, nan where a cell is missing.

        Numbers are seconds; else `2-01:24:56` and `2 days 01:24:56` (days and a clock), `00:03:25`, `03:25.5` (minutes
        and seconds), or numbers with units from days to ns, such as `1.5 h`, `250ms`, `1h30m`.
        """
        decimal = self._reading.decimal
        return self._read(name, arrays.durations, arrow_text.numbers, lambda found: cells.durations(found, decimal))

    def times(self, name: str) -> tuple[Floats, int | None]:
        """A column as seconds since its earliest time, nan where a cell is missing; and that time, if it has a date.

        Cells are numbers in any unit, which is kept; dates with a clock such as `2024-05-10 12:00:00.5+02:00` and
        `10/May/2024:12:00:00 +0200`; or clocks alone.

        Guarantee:
            The earliest is subtracted before anything is rounded, so that no digit of nanoseconds since 1970 is lost.
            It is in nanoseconds since 1970 where the cells are dates, and None where they are not.
        """
        decimal, zone = self._reading.decimal, self._reading.zone
        return self._read(
            name,
            arrays.times,
            lambda column: arrow_text.times(column, zone),
            lambda found: stamps.times(found, zone, decimal),
        )

    def text(self, name: str) -> NDArray[np.str_]:
        """A column as text without blanks around it, as the file has it; null is empty, and what nests is JSON.

        Raises:
            CapacityExceeded: one cell is so long that numpy, which gives each as much, would need over 4 GiB.
        """
        texts = [cells.as_text(cell) for cell in _cells(self._column(name))]
        longest = max(map(len, texts), default=0)
        if longest * len(texts) * 4 > MOST_TEXT:
            raise CapacityExceeded(
                f"{self.path} has a text of {longest:,} characters in column {name}, as long as which all "
                f"{len(texts):,} would become; take another column"
            )
        return np.array(texts, dtype=np.str_)

    def lists(self, name: str) -> list[list[int]]:
        """A column of lists of whole numbers, as records have them; empty where a cell is missing.

        Raises:
            CorruptData: a cell is something else. The message names file, column and line.
        """
        found = []
        for row, cell in enumerate(_cells(self._column(name))):
            whole = [] if cell is None else cell
            if not isinstance(whole, list) or not all(type(each) is int for each in whole):
                raise CorruptData(
                    f"{self.path} has {cells.as_text(cell)[:40]!r} in column {name}, {self.where} {self.lines[row]}, "
                    "which is no list of whole numbers; correct it"
                )
            found.append(whole)
        return found

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Where cells of a column are missing."""
        column = self._column(name)
        if isinstance(column, np.ndarray):
            return arrays.missing(column)
        if isinstance(column, list):
            return np.fromiter(map(cells.is_missing, column), bool, len(column))
        return arrow_text.missing(column)

    def take(self, rows: ArrayLike) -> "Table":
        """The table of these rows, by index or mask, in the order given."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        taken = {name: _taken(column, index) for name, column in self._columns.items()}
        return Table(
            self.path, taken, lambda: self.lines[index], where=self.where, unmatched=self.unmatched,
            reading=self._reading, known=self._known,
        )  # fmt: skip

    def _column(self, name: str) -> Any:
        if name not in self._columns:
            raise no_such_column(self.path, name, self._known)
        return self._columns[name]

    def _read(
        self,
        name: str,
        of_array: Callable[[NDArray[Any]], T | None],
        of_arrow: Callable[[Any], T | None],
        of_cells: Callable[[list[object]], T],
    ) -> T:
        """What a column is as numbers or times: at once where it goes by itself, else cell by cell."""
        column = self._column(name)
        found: T | None = None
        if isinstance(column, np.ndarray):
            found = of_array(column)
        elif not isinstance(column, list) and self._reading.decimal != ",":
            found = of_arrow(column)
        if found is not None:
            return found
        try:
            return of_cells(_cells(column))
        except BadCell as error:
            raise CorruptData(
                f"{self.path} has {cells.as_text(error.cell)[:40]!r} in column {name}, {self.where} "
                f"{self.lines[error.row]}, which {error.rule}; correct it, or write NA where there is none"
            ) from None


def no_such_column(path: str, name: str, known: Sequence[str]) -> InvalidInput:
    """The error where a file has no column of that name."""
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return InvalidInput(f"{path} has no column {name!r} among {', '.join(known[:MOST_NAMES])}{more}; name one of them")


def _taken(column: Any, index: NDArray[np.int64]) -> Any:
    if isinstance(column, list):
        return [column[row] for row in index.tolist()]
    if isinstance(column, np.ndarray):
        return column[index]
    if index.size and (np.diff(index) == 1).all():
        return column.slice(int(index[0]), index.size)  # pyarrow would copy the whole column to take rows of it
    return column.take(index)


def _cells(column: Any) -> list[object]:
    if isinstance(column, list):
        return column
    found: list[object] = arrays.cells(column) if isinstance(column, np.ndarray) else column.to_pylist()
    return found
