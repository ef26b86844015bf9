"""The three ways into a file: look at its beginning, read some of its columns, read its lines."""

import json
import os
import re
from array import array
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.workloads.reading import arrow_csv, delimited, records, stored
from beforehand.workloads.reading.layout import decoded, encoding, laid_out
from beforehand.workloads.reading.options import AS_FOUND, Head, Reading
from beforehand.workloads.reading.sources import beginning, opened_text, size
from beforehand.workloads.reading.table import Table

ENDINGS: Final = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".swf": "csv"}
COMPRESSED: Final = (".gz", ".zst")
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"  # how they begin
SMALL: Final = 1 << 20  # bytes that are read before pyarrow is imported


def look(path: str | os.PathLike[str], reading: Reading = AS_FOUND) -> Head:
    """What the beginning of a file says: its format, its columns, its first record.

    Args:
        path: The file, perhaps compressed by gzip or zstd; `"-"` is stdin, which is kept so that it can be read next.
        reading: What is known of it; the rest is found.

    Cost:
        64 KiB are read, of Parquet and npz the list of columns.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: it is empty or damaged.
        MissingDependency: Parquet or zstd without pyarrow.
    """
    path = os.fspath(path)
    begun = beginning(path)
    form = _format(path, begun, reading)
    if form in ("npz", "parquet"):
        names, mark = stored.npz_names(path) if form == "npz" else stored.parquet_names(path)
        return Head(path=path, format=form, names=names, meta=_meta(mark))
    text = decoded(begun)
    if form == "jsonl":
        names, record, mark = records.first_of_jsonl(path, text)
        return Head(path=path, format=form, names=names, text=text, record=record, meta=_meta(mark))
    if form == "json":
        names, record = records.first_of_json(text)
        return Head(path=path, format=form, names=names, text=text, record=record)
    if form == "lines":
        return Head(path=path, format=form, names=(), text=text)
    layout = laid_out(path, begun, reading)
    known = reading.format or reading.separator or _ending(path) in ENDINGS
    if not known and layout.fits < 0.5:
        return Head(path=path, format="lines", names=(), text=text)
    return Head(path=path, format=form, names=layout.names, text=text)


def read_table(path: str | os.PathLike[str], columns: Sequence[str], reading: Reading = AS_FOUND) -> Table:
    """Those of the columns that the file has; nothing in any other can make it unreadable.

    Args:
        path: As for `look`.
        columns: Names as the file has them; in jsonl, json and Parquet, `usage.total_tokens` is a key in an object.
        reading: What is known of it; the rest is found.

    Guarantee:
        The same with pyarrow and without. Cells stay as they are until a column is asked for as numbers or times.

    Cost:
        csv: about .3 s a million rows with pyarrow, 1.5 s without; jsonl 3 s.

    Raises:
        InvalidInput: the file cannot be read, or has two columns of such a name.
        CorruptData: it is empty or damaged, or a row has too few or too many cells; the message names the line.
        MissingDependency: Parquet or zstd without pyarrow.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "jobs.csv"
        >>> _ = path.write_text("id;size;user\\n1;2,5;ann\\n2;n/a;bob\\n")
        >>> table = read_table(path, ["size"])
        >>> table.numbers("size"), table.lines
        (array([2.5, nan]), array([2, 3]))
    """
    head = look(path, reading)
    wanted = [name for name in dict.fromkeys(columns) if name in head.names]
    for name in wanted:
        if head.names.count(name) > 1:
            raise InvalidInput(
                f"{head.path} has {head.names.count(name)} columns {name!r}, but must have one; rename the others"
            )
    read = {"csv": _csv, "jsonl": _jsonl, "json": _json, "npz": _npz, "parquet": _parquet}.get(head.format)
    if read is None:
        raise InvalidInput(
            f"{head.path} shows no columns, as its lines have unequally many cells; name the separator, or the format"
        )
    return read(head, list(dict.fromkeys(columns)) if head.format in ("jsonl", "json") else wanted, reading)


def read_lines(path: str | os.PathLike[str], pattern: re.Pattern[str]) -> Table:
    """A table of the lines that match from their beginning; the named groups are its columns.

    Lines that do not match are counted in `unmatched`, and empty ones nowhere.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: what is compressed is damaged.
    """
    path = os.fspath(path)
    columns: dict[str, list[object]] = {name: [] for name in pattern.groupindex}
    picks = [(columns[name].append, group - 1) for name, group in pattern.groupindex.items()]
    lines, unmatched = array("q"), 0
    with opened_text(path, encoding(beginning(path)), newline="\n") as stream:
        for line, text in enumerate(stream, 1):
            content = text.rstrip("\r\n")
            found = pattern.match(content)
            if found and "\r" not in content:  # which would be several lines in one
                lines.append(line)
                groups = found.groups()
                for append, place in picks:
                    append(groups[place])
            elif text.strip():
                unmatched += 1
    return Table(path, columns, np.array(lines, dtype=np.int64), unmatched=unmatched)


def _csv(head: Head, names: Sequence[str], reading: Reading) -> Table:
    path = head.path
    layout = laid_out(path, beginning(path), reading)
    places = [layout.names.index(name) for name in names]
    if arrow_csv.installed() and size(path) > SMALL:
        found = arrow_csv.read(path, layout, places)
        if found is not None:
            texts, known = found
            lines = known if known is not None else lambda: delimited.read(path, layout, ())[1]
            return Table(path, dict(zip(names, texts, strict=True)), lines, reading=reading, known=head.names)
    columns, starts = delimited.read(path, layout, places)
    return Table(path, dict(zip(names, columns, strict=True)), starts, reading=reading, known=head.names)


def _jsonl(head: Head, names: Sequence[str], reading: Reading) -> Table:
    columns, lines = records.read_jsonl(head.path, names)
    there = {
        name: column for name, column in columns.items()
        if name in head.names or any(cell is not None for cell in column)
    }  # fmt: skip
    return Table(head.path, there, lines, reading=reading, known=head.names)


def _json(head: Head, names: Sequence[str], reading: Reading) -> Table:
    columns = records.read_json(head.path, names)
    there = {
        name: column for name, column in columns.items()
        if name in head.names or any(cell is not None for cell in column)
    }  # fmt: skip
    return _by_row(head, there, len(next(iter(columns.values()), ())), reading)


def _npz(head: Head, names: Sequence[str], reading: Reading) -> Table:
    columns = stored.read_npz(head.path, names)
    return _by_row(head, columns, len(next(iter(columns.values()), ())), reading)


def _parquet(head: Head, names: Sequence[str], reading: Reading) -> Table:
    columns = stored.read_parquet(head.path, names, reading)
    return _by_row(head, columns, stored.rows_of_parquet(head.path), reading)


def _by_row(head: Head, columns: Mapping[str, Any], rows: int, reading: Reading) -> Table:
    numbered = np.arange(1, rows + 1, dtype=np.int64)
    return Table(head.path, columns, numbered, where="row", reading=reading, known=head.names)


def _ending(path: str) -> str:
    name = PurePath(path)
    return (PurePath(name.stem) if name.suffix.lower() in COMPRESSED else name).suffix.lower()


def _format(path: str, begun: bytes, reading: Reading) -> str:
    if reading.format:
        return reading.format
    if begun.startswith(PARQUET):
        return "parquet"
    if begun.startswith(ZIP):
        return "npz"
    ending = ENDINGS.get(_ending(path))
    text = begun.removeprefix(b"\xef\xbb\xbf").lstrip()
    if ending in ("csv", "jsonl") or text[:1] not in (b"{", b"["):
        return ending or "csv"
    first, _, rest = text.partition(b"\n")
    try:
        whole = isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return ending or ("json" if text[:1] == b"{" or text[1:].lstrip()[:1] == b"{" else "csv")
    if whole and (rest.lstrip().startswith(b"{") or not ending):
        return "jsonl"
    return "json"


def _meta(mark: Mapping[str, Any]) -> dict[str, Any]:
    meta = mark.get("meta")
    return meta if isinstance(meta, dict) else {}
