"""Rows of cells by the standard library."""

import csv
import itertools
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData
from beforehand.workloads.reading.layout import Layout, split
from beforehand.workloads.reading.sources import opened_text

END: Final = "\0the end of the file"  # a line after the last, which a quote that never ends swallows
LONGEST: Final = (1 << 31) - 1  # characters of a cell, of which nobody may have asked for


def read(path: str, layout: Layout, places: Sequence[int]) -> tuple[list[list[object]], NDArray[np.int64]]:
    """The columns at these places, and the line where each row begins.

    Raises:
        CorruptData: a row has more or fewer cells than the first, or a quote never ends. The message names the line.
    """
    columns: list[list[object]] = [[] for _ in places]
    lines = array("q")
    picks = list(zip([column.append for column in columns], places, strict=True))
    for line, cells in rows(path, layout):
        lines.append(line)
        for append, place in picks:
            append(cells[place])
    return columns, np.array(lines, dtype=np.int64)


def rows(path: str, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line where it begins, from 1; those without any cell are left out."""
    width = len(layout.names)
    with opened_text(path, layout.encoding, newline="") as text:
        for line, cells in _cells(path, text, layout):
            if len(cells) != width:
                if len(cells) < 2 and not "".join(cells).strip():
                    continue
                if len(cells) < width or any(map(str.strip, cells[width:])):
                    found = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                    raise CorruptData(
                        f"{path} has {found} in line {line}, but {width} in its first; quote a cell that holds "
                        f"{_described(layout.separator)}, or name another separator"
                    )
            yield line, cells


def _cells(path: str, text: TextIO, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    before = sum(1 for _ in itertools.islice(text, layout.skipped))
    if layout.separator in " |":
        for line, content in enumerate(text, before + 1):
            if not (layout.separator == " " and content.lstrip()[:1] in ("#", ";")):
                yield line, split(content, layout.separator)
        return
    with _long_cells():
        reader = csv.reader(itertools.chain(text, [END]), delimiter=layout.separator, skipinitialspace=True)
        line = before + 1
        for cells in reader:
            if cells == [END]:
                return
            if cells and END in cells[-1]:
                break
            yield line, cells
            line = before + reader.line_num + 1
        raise CorruptData(f"{path} has a quote in line {line} that never ends; close it, or take it out")


@contextmanager
def _long_cells() -> Iterator[None]:
    limit = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _described(separator: str) -> str:
    return {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a |", " ": "a blank"}.get(
        separator, f"a {separator}"
    )
