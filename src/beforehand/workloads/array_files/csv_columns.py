"""Columns of csv: numbers of those to round, and all others as text, row by row in JSON."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.array_files.stored import Spool
from beforehand.workloads.reading import Reading, Table, look, read_table

WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)  # as numbers of articles, years and postal codes are written


@final
@dataclass(frozen=True, kw_only=True)
class Columns:
    """A file of csv, read.

    Attributes:
        names: Of all columns.
        header: Whether the file has them, or they are counted.
        table: The columns.
    """

    names: Sequence[str]
    header: bool
    table: Table

    def of_floats(self) -> list[str]:
        """The columns of floats; where all are of whole numbers, all; none where others are text.

        Raises:
            CorruptData: a column begins with a number, but has cells that are none.
        """
        kinds = {name: self._kind(name) for name in self.names}
        floats = [name for name, kind in kinds.items() if kind == "float"]
        return floats or ([] if "text" in kinds.values() else list(self.names))

    def matrix(self, names: Sequence[str], *, drop_nulls: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """These columns side by side, and which rows of the file they have.

        Raises:
            InvalidInput: rows have empty cells, and `drop_nulls` is not set.
            CorruptData: a cell is no number.
        """
        found = np.stack([self._numbers(name) for name in names], axis=1)
        gone = np.logical_or.reduce([self.table.missing(name) for name in names])
        if gone.any() and not drop_nulls:
            raise InvalidInput(
                f"{self.table.path} has {gone.sum()} rows with empty cells, the first in line "
                f"{self.table.lines[gone][0]}; pass --drop-nulls to leave these rows out, or name other columns by "
                "--name"
            )
        return found[~gone], ~gone

    def rows(self, names: Sequence[str], kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The cells of these columns in the rows that are kept, each row as a list in a line of JSON."""
        spool = Spool()
        for cells in zip(*(self.table.text(name)[kept] for name in names), strict=True):
            spool.write(f"{json.dumps(list(map(str, cells)))}\n".encode())
        return spool.array(np.uint8, (spool.size,))

    def _numbers(self, name: str) -> NDArray[np.float64]:
        try:
            return self.table.numbers(name)
        except CorruptData as error:
            raise CorruptData(f"{error}; or name other columns by --name, and this one is kept") from None

    def _kind(self, name: str) -> str:
        missing = self.table.missing(name)
        if missing.all():
            return "whole"
        try:
            values = self.table.numbers(name)[~missing]
        except CorruptData:
            if is_number(str(self.table.take([int(np.argmin(missing))]).text(name)[0])):
                self._numbers(name)
            return "text"
        if (values != np.rint(values)).any():
            return "float"
        whole = all(WHOLE.fullmatch(cell) for cell in self.table.text(name)[~missing])
        return "whole" if whole else "float"


def read_columns(path: str) -> Columns:
    """All columns of a file.

    Raises:
        InvalidInput: two have one name.
        CorruptData: a row has too few or too many cells.
    """
    first = look(path, Reading(format="csv")).names
    reading = Reading(format="csv", header=not all(map(is_number, first)))
    names = look(path, reading).names
    return Columns(names=names, header=reading.header, table=read_table(path, names, reading))


def is_number(text: str) -> bool:
    """Whether Python reads it as one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_rows(rest: NDArray[np.uint8]) -> Iterator[list[str]]:
    """What `Columns.rows` gave.

    Raises:
        CorruptData: it is something else.
    """
    for line in rest.tobytes().splitlines():
        try:
            cells = json.loads(line)
        except ValueError as error:
            raise CorruptData(f"its other columns cannot be read: {error}; encode the source again") from error
        if type(cells) is not list:
            raise CorruptData(f"its other columns hold {line[:40]!r}, which is no row; encode the source again")
        yield cells
