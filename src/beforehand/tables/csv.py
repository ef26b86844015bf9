"""csv: only 1-D columns, without kinds, metadata or child tables."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import BinaryIO

from beforehand.tables.naming import Arrays, Mark
from beforehand.tables.values import EXACT_INTEGER, array


def read(stream: BinaryIO) -> tuple[Arrays, Mark]:
    """Read columns of the narrowest kind that holds all cells; an empty cell among numbers is NaN.

    Integers that no kind holds exactly, such as those of over 64 bits, stay text.
    """
    with io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        names = next(reader, [])
        rows = []
        for row in filter(None, reader):
            if len(row) != len(names):
                raise ValueError(f"line {reader.line_num} has {len(row)} cells, but the first has {len(names)}")
            rows.append(row)
    if len(set(names)) < len(names) or not names:
        raise ValueError("its first line must give every column a name of its own")
    cells: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: array(name, _parse(column)) for name, column in zip(names, cells, strict=True)}, {}


def write(arrays: Arrays, mark: Mark, stream: BinaryIO) -> None:
    """Write the columns; the mark is lost."""
    with io.TextIOWrapper(stream, "utf-8", newline="") as text:
        rows = SimpleNamespace(write=lambda row: text.write(row.removesuffix("\r\n") + "\n"))
        writer = csv.writer(rows, lineterminator="\r\n")  # quotes cells for what its line ends hold, so for both
        writer.writerow(arrays)
        writer.writerows(zip(*(column.tolist() for column in arrays.values()), strict=True))


def _parse(cells: Sequence[str]) -> Sequence[object]:
    """Booleans, integers or floats where all cells are such, none being NaN; else the cells as they are."""
    if set(cells) <= {"True", "False"}:
        return [cell == "True" for cell in cells]
    if any("_" in cell for cell in cells) or not any(cells):  # Python would read 1_000 as a number
        return cells
    numbers: tuple[Callable[[str], int | float | None], ...] = (int, _number)
    for number in numbers:
        try:
            values = [number(cell) for cell in cells]
        except ValueError:
            continue
        return values if _exact(values) else cells
    return cells


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.lstrip("-").isdecimal() else float(cell)


def _exact(values: Sequence[int | float | None]) -> bool:
    """Whether one kind of numbers holds all integers among them as they are."""
    integers = [value for value in values if type(value) is int]
    low, high = min(integers, default=0), max(integers, default=0)
    if len(integers) < len(values):
        return -EXACT_INTEGER <= low and high <= EXACT_INTEGER
    return -(2**63) <= low and high < (2**64 if low >= 0 else 2**63)
