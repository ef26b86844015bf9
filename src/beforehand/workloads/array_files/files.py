"""What a file is by its first bytes, and all its arrays."""

import base64
import fnmatch
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, BinaryIO, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.workloads.array_files import csv_columns, npy, npz, safetensors, tables
from beforehand.workloads.array_files.archive import CODES, is_archive
from beforehand.workloads.array_files.stored import FLOATS, Stored
from beforehand.workloads.reading.sources import whole

ENDINGS: Final = {
    ".npy": "npy", ".npz": "npz", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow", ".arrows": "arrow_stream", ".safetensors": "safetensors",
}  # fmt: skip
ROUNDED: Final = (*FLOATS, "int8", "uint8", "int16", "uint16", "int32", "int64")
STREAM: Final = b"\xff\xff\xff\xff"  # how streams of Arrow begin
MOST_NAMES: Final = 20  # in an error
Kinds = Mapping[str, tuple[str, int]]


class NothingToRound(InvalidInput):
    """A file that can be read, but has no array to round, or none of the names that were given."""


@final
@dataclass(frozen=True, kw_only=True)
class ArrayFile:
    """The arrays of one file.

    Attributes:
        form: How it is written: "npy", "npz", "csv", "parquet", "arrow", "arrow_stream" or "safetensors".
        arrays: In their order; of a table those to round.
        chosen: The names of those to round.
        columns: Of a table the names of the other columns.
        rest: Of a table the other columns, as the bytes of a file of Parquet, of csv as rows in JSON; or None.
        notes: What writing the same kind of file takes beside the arrays, for JSON.
        dropped: How many rows were left out, as they had nulls.
        nbytes: Of csv the bytes of its text, of which numbers take others; else 0.
    """

    form: str
    arrays: Sequence[Stored]
    chosen: Sequence[str] = ("",)
    columns: Sequence[str] = ()
    rest: NDArray[np.uint8] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    dropped: int = 0
    nbytes: int = 0


def format_of(name: str) -> str | None:
    """The format that a file's ending names; None of any other."""
    return ENDINGS.get(PurePath(name).suffix.lower())


def read_arrays(
    path: str, names: Sequence[str] = (), *, unnamed: str | None = None, drop_nulls: bool = False
) -> ArrayFile:
    """The arrays of a file, not in memory but mapped: where they lie, or in a temporary file.

    Args:
        path: The file, perhaps compressed by gzip or zstd; a pipe, or - for stdin, which are kept in a temporary file.
        names: Patterns of the names of those to round. Without them these are all arrays of floats with two or more
            axes, or, where there are none, all arrays of floats.
        unnamed: As of `npy.read_npy`.
        drop_nulls: Leave out rows of a table with nulls in a chosen column.

    Raises:
        InvalidInput: it cannot be read; there is nothing to round; a column has nulls or lists of unequal length.
        CorruptData: it is damaged, or in no format that is known.
        MissingDependency: a table of Parquet or Arrow without pyarrow.
    """
    with whole(path) as stream, _named(path):
        begun = stream.read(16)
        stream.seek(0)
        form = _form(begun, path)
        if form == "npy":
            return ArrayFile(form=form, arrays=[_one(npy.read_npy(stream, unnamed=unnamed), names)])
        if form == "codes" or (form == "npz" and is_archive(stream)):
            raise InvalidInput("it is encoded already; pass the arrays it was made of, or decode it first")
        if form == "npz":
            arrays = npz.read_npz(stream, unnamed)
            return ArrayFile(form=form, arrays=arrays, chosen=_chosen(arrays, names))
        if form == "safetensors":
            arrays, labels = safetensors.read_safetensors(stream)
            return ArrayFile(form=form, arrays=arrays, chosen=_chosen(arrays, names), notes={"labels": labels})
        if form == "csv":
            return _csv(stream, path, names, drop_nulls)
        table = tables.open_parquet(stream, path) if form == "parquet" else tables.open_arrow(stream, path, begun)
        if len(set(table.schema.names)) < len(table.schema.names):
            raise InvalidInput("it has several columns of one name; rename them")
        chosen = choose(table.kinds(), names)
        columns = tables.read_columns(table, chosen, drop_nulls=drop_nulls)
        notes = {"schema": base64.b64encode(table.schema.serialize().to_pybytes()).decode()}
        return ArrayFile(
            form=table.form, arrays=columns.arrays, chosen=chosen, rest=columns.rest, notes=notes,
            columns=[name for name in table.schema.names if name not in chosen],
            dropped=columns.dropped,
        )  # fmt: skip


def choose(kinds: Kinds, patterns: Sequence[str]) -> list[str]:
    """The names of the arrays to round, see `read_arrays`.

    Args:
        kinds: Dtype and number of axes of each.
        patterns: As the shell has them, or none.

    Raises:
        InvalidInput: a pattern fits none, or one that has no numbers; nothing is an array of floats.
    """
    if not patterns:
        floats = [name for name, (dtype, _) in kinds.items() if dtype in FLOATS]
        found = [name for name in floats if kinds[name][1] > 1] or floats
        if not found:
            if not kinds:
                raise NothingToRound("it has no array of numbers, which is all that can be rounded; pass another file")
            raise NothingToRound(f"it has no array of floats, but {told(kinds)}; choose by --name what to round")
        return found
    chosen = matching(list(kinds), patterns)
    for name in chosen:
        if kinds[name][0] not in ROUNDED:
            raise InvalidInput(f"array {name} is {kinds[name][0]}, but only {', '.join(ROUNDED)} can be rounded")
    return chosen


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Those names that are one of the patterns, or fit it.

    Raises:
        InvalidInput: a pattern fits none.
    """
    chosen: list[str] = []
    for pattern in patterns:
        fits = [name for name in names if name == pattern or fnmatch.fnmatchcase(name, pattern)]
        if not fits:
            known = ", ".join(map(repr, names[:MOST_NAMES])) + (" and more" if len(names) > MOST_NAMES else "")
            raise NothingToRound(f"it has no array of numbers {pattern!r}, but {known or 'none'}; name one of them")
        chosen += [name for name in fits if name not in chosen]
    return chosen


def told(kinds: Kinds) -> str:
    """The arrays in words."""
    words = [f"{name} ({dtype}, {axes} {'axis' if axes == 1 else 'axes'})" for name, (dtype, axes) in kinds.items()]
    more = f" and {len(words) - 10} more" if len(words) > 10 else ""
    return ", ".join(words[:10]) + more or "nothing"


def _chosen(arrays: Sequence[Stored], patterns: Sequence[str]) -> list[str]:
    return choose({array.name: (array.dtype, len(array.shape)) for array in arrays}, patterns)


def _one(array: Stored, patterns: Sequence[str]) -> Stored:
    if patterns:
        raise NothingToRound(f"name is {patterns[0]!r}, but it holds a single array without one; leave --name out")
    return array


def _csv(stream: BinaryIO, path: str, patterns: Sequence[str], drop_nulls: bool) -> ArrayFile:
    """Columns of floats, or those that were named, as one matrix of float64."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as copy:  # what came by a pipe has no path to be opened by again
        shutil.copyfileobj(stream, copy)
        copy.flush()
        nbytes = copy.tell()
        try:
            columns = csv_columns.read_columns(copy.name)
            if patterns:
                chosen = choose(dict.fromkeys(columns.names, ("float64", 1)), patterns)
            elif not (chosen := columns.of_floats()):
                raise NothingToRound("it has text, but no column of floats; choose by --name what to round")
            matrix, kept = columns.matrix(chosen, drop_nulls=drop_nulls)
        except BeforehandError as error:
            raise type(error)(str(error).replace(copy.name, path)) from error
    others = [name for name in columns.names if name not in chosen]
    notes: dict[str, Any] = {"columns": chosen if columns.header else []}
    if others:
        notes |= {
            "others": others if columns.header else [],
            "places": [columns.names.index(name) for name in chosen],
        }
    return ArrayFile(
        form="csv", arrays=[Stored.of(matrix)], notes=notes, columns=others, dropped=int((~kept).sum()),
        rest=columns.rows(others, kept) if others else None, nbytes=nbytes,
    )  # fmt: skip


def _form(begun: bytes, path: str) -> str:
    if begun.startswith(npy.MAGIC):
        return "npy"
    if begun.startswith(b"PK\x03\x04") or begun.startswith(b"PK\x05\x06"):
        return "npz"
    if begun.startswith(CODES):
        return "codes"
    if begun.startswith(b"PAR1"):
        return "parquet"
    if begun.startswith((b"ARROW1", STREAM)):
        return "arrow"
    if begun[8:9] == b"{" and begun[4:8] == bytes(4):
        return "safetensors"
    if not begun:
        raise CorruptData("it is empty; fetch or write it again")
    named = format_of(path)
    if named not in (None, "csv"):
        raise CorruptData(f"it is not {named}, as its ending says: it begins with {begun[:8]!r}; write it again")
    if named == "csv" or (begun and begun.isascii() and begun.translate(None, b"\r\n\t").decode().isprintable()):
        return "csv"
    raise CorruptData(
        f"it begins with {begun[:8]!r}, as no array does; pass .npy, npz, csv, Parquet, Arrow or safetensors"
    )


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors of our own, whatever parsers raise, with the name of the file."""
    told = "stdin" if path == "-" else path
    try:
        yield
    except BeforehandError as error:
        raise error if str(error).startswith(path) else type(error)(f"{told}: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise CorruptData(f"{told} cannot be read: {error}; check that it is whole") from error
    except Exception as error:  # the parsers of zip, Parquet and Arrow each raise what they like
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CorruptData(f"{told} cannot be read: {reason}; check that it is whole, or write it again") from error
