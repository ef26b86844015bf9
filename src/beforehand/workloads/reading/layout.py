"""How a file of rows is laid out: what separates its cells, where its rows begin, and how its columns are called."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from beforehand.core.errors import CorruptData
from beforehand.workloads.reading.options import Reading
from beforehand.workloads.reading.sources import BEGINNING

ORDER: Final = ("\t", ";", "|", ",", " ")  # a file of several is most likely separated by the first of them
LOOKED_AT: Final = 20  # rows
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
NUMBER = re.compile(r"\s*[+-]?\d[\d.,:/TZ+ e-]*\s*", re.ASCII)  # or a time
CELLS_AMONG_BLANKS = re.compile(r'"((?:[^"]|"")*)"|([^\s"]\S*)')
EXCEL = re.compile(r"sep=([^\r\n\"\0])\s*", re.IGNORECASE)


@final
@dataclass(frozen=True)
class Layout:
    """Of a file of rows.

    Attributes:
        separator: As in `Reading`.
        names: Of the columns, without blanks around them.
        skipped: Lines before the first row.
        encoding: Of the text.
        fits: The share of the first rows that have as many cells as the header.
    """

    separator: str
    names: tuple[str, ...]
    skipped: int
    encoding: str
    fits: float


def encoding(beginning: bytes) -> str:
    """UTF-8, unless a byte order mark says UTF-16."""
    return "utf-16" if beginning.startswith(UTF_16) else "utf-8-sig"


def decoded(beginning: bytes) -> str:
    """The beginning of a file as text; a character that is cut off at its end is left out."""
    return codecs.getincrementaldecoder(encoding(beginning))("replace").decode(beginning)


def split(line: str, separator: str) -> list[str]:
    """The cells of one line, where no cell reaches into the next."""
    if separator == " ":
        if '"' not in line:
            return line.split()
        return [quoted.replace('""', '"') or plain for quoted, plain in CELLS_AMONG_BLANKS.findall(line)]
    if separator == "|":  # a quote means something only around a cell: programs that write these quote nothing
        return [unquoted(cell) for cell in line.rstrip("\r\n").split("|")]
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def unquoted(cell: str) -> str:
    """A cell without quotes around it."""
    inside = cell.strip()
    return inside[1:-1].replace('""', '"') if len(inside) > 1 and inside[0] == inside[-1] == '"' else cell


def laid_out(path: str, beginning: bytes, reading: Reading) -> Layout:
    """The layout that the beginning of a file shows.

    Raises:
        CorruptData: there is no first line, or it is longer than what was looked at.
    """
    lines = list(io.StringIO(decoded(beginning), newline=""))
    if len(beginning) == BEGINNING and lines:
        del lines[-1]  # which may go on
    separator, first = reading.separator, 0
    if lines and (excel := EXCEL.fullmatch(lines[0])):
        separator, first = separator or excel[1], 1
    header = first
    while header < len(lines) and (not lines[header].strip() or lines[header].lstrip()[0] in "#;"):
        header += 1
    if not reading.header:
        header = _first_row(lines, first, header, separator)
    commented = None
    if reading.header and header < len(lines):
        commented = _commented_header(lines[first:header], lines[header], separator)
    if commented is not None:
        header = first + commented
    if header == len(lines):
        reason = f"a first line of over {BEGINNING:,} bytes" if len(beginning) == BEGINNING else "no line with a name"
        raise CorruptData(f"{path} has {reason}, but must begin with the names of its columns; check the file")
    shown = lines[header : header + 1 + LOOKED_AT]
    if commented is not None:
        shown[0] = shown[0].lstrip("#")
    found, fits = _separator(shown, separator)
    cells, rows = split(shown[0], found), 1
    if '"' in shown[0] and found not in " |":
        reader = csv.reader(shown, delimiter=found, skipinitialspace=True)
        cells, rows = next(reader), reader.line_num  # a name may reach over lines
    if reading.header:
        names = tuple(name.strip().removeprefix("\ufeff") for name in cells)
    else:
        names = tuple(str(place) for place in range(1, len(cells) + 1))
    return Layout(found, names, header + rows * reading.header, encoding(beginning), fits)


def _first_row(lines: Sequence[str], first: int, below: int, separator: str | None) -> int:
    """Where rows begin that have no header: those with an empty cell before a semicolon look like comments.

    Args:
        lines: Of the beginning of the file.
        first: The line to begin at.
        below: The first that is no comment by its looks; the number of lines if all are.
        separator: If it is known.
    """
    for place in range(first, below):
        if lines[place].lstrip().startswith(";"):
            looked_at = [line for line in lines[place : below + LOOKED_AT] if line.strip()]
            if _separator(looked_at, separator) == (";", 1.0):
                return place
    return below


def _commented_header(comments: Sequence[str], row: str, separator: str | None) -> int | None:
    """Which of the lines names the columns, though it begins as a comment does: the last, if it fits the row below.

    pandas writes `;size;arrival` above rows whose first column is an index, and some programs `# size arrival`.
    """
    marked = [place for place, line in enumerate(comments) if line.strip()]
    if not marked:
        return None
    candidate = comments[marked[-1]]
    found, fits = _separator([candidate.lstrip("#"), row], separator)
    names = split(candidate.lstrip("#"), found)
    numbers = [bool(NUMBER.fullmatch(cell)) for cell in split(row, found)]
    if fits < 1 or len(names) < 2 or not any(numbers) or any(map(NUMBER.fullmatch, names)):
        return None
    return marked[-1]


def _separator(lines: Sequence[str], given: str | None) -> tuple[str, float]:
    """What separates cells, and in which share of the rows they are as many as in the first line."""
    fits = {each: _fits(lines, each) for each in ([given] if given else ORDER)}
    best = max(fits, key=lambda each: fits[each])  # the first of several
    if not given and fits[best] <= 0 and all(len(split(line, ",")) < 2 for line in lines):
        return ",", 1.0  # a single column, whose name may hold blanks
    return best, max(fits[best], 0.0)


def _fits(lines: Sequence[str], separator: str) -> float:
    """The share of rows below the first that have as many cells; -1 if the first has only one."""
    if separator in " |":
        counts = [len(split(line, separator)) for line in lines if line.strip()]
    else:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        counts = [len(row) for row in rows if row]
    if not counts or counts[0] < 2:
        return -1.0
    below = counts[1:]
    return sum(count == counts[0] for count in below) / len(below) if below else 1.0
