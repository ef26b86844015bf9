"""Rows of cells by pyarrow: several times as fast as the standard library, and in the memory that the text takes.

It reads what is plain, and leaves the rest, with all errors, to `delimited`, so that both give the same.
"""

import re
import sys
from collections.abc import Sequence
from importlib import import_module  # pyarrow is optional, and has no types
from importlib.util import find_spec
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.reading.delimited import END
from beforehand.workloads.reading.layout import Layout
from beforehand.workloads.reading.sources import BEGINNING, opened

BLOCK: Final = 1 << 20  # bytes that are parsed at a time
LINE_END = re.compile(rb"\r\n|\r|\n")
MARK: Final = b"\xef\xbb\xbf"


def installed() -> bool:
    """Whether pyarrow is there."""
    return find_spec("pyarrow") is not None


def give_back() -> None:
    """Let pyarrow return the memory of tables that are gone, which it keeps for the next."""
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()


def read(path: str, layout: Layout, places: Sequence[int]) -> tuple[list[Any], NDArray[np.int64] | None] | None:
    """The columns at these places as Arrow text, and the line of each row; None for whatever is not plain.

    The lines are None where rows do not stand one a line.
    """
    if layout.encoding != "utf-8-sig" or layout.separator == " " or not layout.separator.isascii() or not places:
        return None
    pa, arrow_csv = import_module("pyarrow"), import_module("pyarrow.csv")
    names = [str(place) for place in range(len(layout.names))]  # as names may be twice there
    wanted = [str(place) for place in places]
    with opened(path) as stream:
        watched = _Watched(stream, layout)
        try:
            with arrow_csv.open_csv(
                watched,
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=layout.separator, newlines_in_values=True, quote_char=layout.separator != "|" and '"'
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), null_values=[]
                ),
            ) as reader:
                table = pa.Table.from_batches(list(reader), reader.schema)
        except pa.ArrowInvalid:
            return None
    last = len(table) - 1
    if watched.odd or any(table[name][last].as_py() != END for name in wanted):
        return None
    plain = watched.line_ends == len(table)  # the line at the end is one of them
    lines = np.arange(layout.skipped + 1, layout.skipped + 1 + last, dtype=np.int64) if plain else None
    return [table[name].slice(0, last) for name in wanted], lines


class _Watched:
    """The rows of a file as pyarrow reads them: counts their lines, sees what is not plain, and adds a row at the end.

    A quote that never ends swallows that row.
    """

    closed = False

    def __init__(self, stream: BinaryIO, layout: Layout) -> None:
        head = stream.read(BEGINNING)
        ends = [found.end() for found in LINE_END.finditer(head)]
        skipped = [len(MARK) * head.startswith(MARK), *ends, len(head)][layout.skipped]
        self._stream, self._left, self._last = stream, head[skipped:], b"\n"
        separator = layout.separator.encode()
        self._end = separator.join([END.encode()] * len(layout.names)) + b"\n"
        blanks = rb"(?:^|[\r\n]|" + re.escape(separator) + rb') +"'  # before a quote, which csv passes over
        self._hint, self._odd = (b'"', b'"') if separator == b"|" else (b' "', blanks)
        self._tail = b""  # what may go on in the next block: blanks, and what is before them
        self.line_ends, self.odd = 0, False

    def read(self, size: int) -> bytes:
        """The next bytes, about as many."""
        block, self._left = self._left or self._stream.read(size), b""
        if not block and self._end:
            block = self._end if self._last[-1:] in b"\r\n" else b"\n" + self._end
            self._end = b""
        if block:
            self.line_ends += block.count(b"\n")
            if b"\r" in block or self._last.endswith(b"\r"):
                both = block.count(b"\r\n") + (self._last.endswith(b"\r") and block.startswith(b"\n"))
                self.line_ends += block.count(b"\r") - both
            self.odd = self.odd or self._reads_otherwise(block)
            self._last = block[-1:]
        return block

    def _reads_otherwise(self, block: bytes) -> bool:
        """Whether a quote stands where pyarrow and csv differ."""
        joined = self._tail + block
        self._tail = joined[max(len(joined.rstrip(b" ")) - 1, 0) :]
        return self._hint in joined and re.search(self._odd, joined) is not None

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Whoever opened the file closes it."""
