"""Files of codes that commands look at and turn back into arrays: single ones, archives and folders."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, final

import numpy as np
from numpy.typing import NDArray

from beforehand import quantization as area
from beforehand.cli.inputs import keep_input, naming
from beforehand.cli.quantization_table import explaining_tables
from beforehand.cli.quantized_files import (
    STDOUT,
    Done,
    check_named,
    check_single,
    files_in,
    opened_output,
    targets,
    told_of,
)
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput, MissingDependency
from beforehand.quantization.dtypes import as_bits
from beforehand.workloads import array_files
from beforehand.workloads.array_files.archive import CODES, Contents, form_of, read_archive
from beforehand.workloads.array_files.stored import BITS, Stored, mapped
from beforehand.workloads.array_files.tables import column_names
from beforehand.workloads.array_files.writing import write_arrays
from beforehand.workloads.reading.sources import whole

TABLES = ("parquet", "arrow", "arrow_stream")
ARCHIVE = b"PK"  # how archives begin
TABLE = b"\x89BHVL\r\n\x1a"  # how tables of levels begin
ENCODED = "beforehand quantization encode"


def decode_path(
    source: str, output: str, names: Sequence[str] = (), *, dtype: str | None = None, threads: int = 1
) -> Done:
    """Turn a file of codes into a file of arrays, or each file in a folder, of which one that fails stops no others.

    Raises:
        BeforehandError: a single file cannot be read or written; a folder holds no codes.
    """
    check_named(output)
    if not Path(source).is_dir():
        keep_input(source, output)
        _check_ending(output)
        return Done(lines=[_decode(source, output, names, dtype, threads)])
    lines, failed = [], []
    endings: dict[Path, str] = {}
    for path in files_in(source, (".bhq",))[0]:
        try:
            endings[path] = f".{_form_of(path).removesuffix('_stream')}"
        except (BeforehandError, OSError) as error:
            failed.append(str(error))
    for path, target in targets(list(endings), source, output, endings.__getitem__):
        try:
            lines.append(_decode(str(path), str(target), names, dtype, threads))
        except BeforehandError as error:
            failed.append(str(error))
    return Done(lines=lines, failed=failed)


def read_codes(source: str) -> tuple[str, Iterator[tuple[str, area.Codes | area.Levels | Stored | None]]]:
    """The format of the source; then name by name the codes, or what was kept as it was; of other columns only names.

    A table that --save-table kept is of the format "table".

    Raises:
        BeforehandError: it cannot be read.
    """
    check_single(source)
    with whole(source) as stream, _reading(source):
        begun = stream.read(len(TABLE))
        if begun == TABLE:
            with explaining_tables():
                return "table", iter([("", area.Levels.from_bytes(begun + stream.read()))])
        contents = _held(stream)
        rounded = ", ".join(contents.notes.get("columns", [])) if contents.form == "csv" else ""
        others = _others(contents)

    def each() -> Iterator[tuple[str, area.Codes | Stored | None]]:
        for found in contents.arrays:
            yield (found.name, found) if isinstance(found, Stored) else (found[0] or rounded, _codes(source, *found))
        yield from ((name, None) for name in others)

    return contents.form, each()


def _decode(source: str, output: str, names: Sequence[str], dtype: str | None, threads: int) -> str:
    keep_input(source, output)
    contents = _contents(source)
    found = contents.arrays
    if names and found and not isinstance(found[0], Stored) and not found[0][0]:
        raise InvalidInput(f"{source}: name is {names[0]!r}, but it holds a single array without one; leave --name out")
    if names:
        with naming(Path(source)):
            chosen = array_files.matching([_name(each) for each in found], names)
        found = [each for each in found if _name(each) in chosen]
    wanted = array_files.format_of(output) or contents.form
    if wanted == "arrow" and contents.form == "arrow_stream":
        wanted = contents.form
    holds = contents.form == wanted == "csv" or (contents.form in TABLES and wanted in TABLES)
    arrays = [each if isinstance(each, Stored) else _decoded(source, *each, dtype, threads) for each in found]
    with opened_output(output, source) as stream, naming(Path(told_of(output))):
        separator = "\t" if Path(output).suffix.lower() == ".tsv" else ","
        write_arrays(stream, wanted, arrays, contents.notes, contents.rest if holds else None, separator=separator)
    holder = "csv" if contents.form == "csv" else "Parquet"
    left = "" if holds or contents.rest is None else f"; left out other columns, which {holder} would hold"
    told = ", ".join(f"{array.name} {array.dtype} of shape {array.shape}".lstrip() for array in arrays[:5])
    more = f" and {len(arrays) - 5} more" if len(arrays) > 5 else ""
    return f"wrote {told_of(output)}: {told}{more}{left}{_foreign(arrays, wanted)}"


def _check_ending(output: str) -> None:
    """Raise if a file's ending names no format; without one, the format is that which was encoded."""
    ending = Path(output).suffix
    if output not in STDOUT and ending and array_files.format_of(output) is None:
        known = ", ".join(array_files.ENDINGS)
        raise InvalidInput(
            f"output is {output}, but {ending} is no ending of a format that can be written; take one of {known}, or "
            "none for the format that was encoded"
        )


def _foreign(arrays: Sequence[Stored], form: str) -> str:
    """A hint where numpy would load bytes instead of numbers."""
    found = sorted({array.dtype for array in arrays if array.dtype in BITS}) if form in ("npy", "npz") else []
    return (
        f"; numpy.load has no {' or '.join(found)}, decode with --dtype float32 for numbers it reads" if found else ""
    )


def _contents(source: str) -> Contents:
    """What a file holds; the bytes of codes are mapped, and not looked at yet."""
    with whole(source) as stream, _reading(source):
        return _held(stream)


def _held(stream: BinaryIO) -> Contents:
    stream.seek(0)
    begun = stream.read(2)
    stream.seek(0)
    if begun == ARCHIVE:
        return read_archive(stream)
    _check_codes(stream.read(len(CODES)))
    data = mapped(stream, np.uint8, (stream.seek(0, 2),))
    return Contents(form="npy", notes={}, arrays=[("", data)], rest=None)


def _others(contents: Contents) -> list[str]:
    """The names of other columns of a table; of Parquet none without pyarrow."""
    if contents.form == "csv":
        return list(contents.notes.get("others", []))
    if contents.rest is None:
        return []
    with suppress(MissingDependency):
        names: list[str] = column_names(contents.rest)
        return names
    return []


def _check_codes(begun: bytes) -> None:
    """Raise if a file does not begin as codes do."""
    if not begun:
        raise CorruptData(f"it is empty; pass what {ENCODED} wrote")
    if begun == TABLE:
        raise InvalidInput("it is a table of levels without codes; pass it to encode by --table, or to inspect")
    if begun.startswith(b"{"):
        raise InvalidInput("it is JSON, as no codes are; of a plan, beforehand explain tells what it says")
    if not CODES.startswith(begun):
        raise CorruptData(f"it begins with {begun!r}, as no codes do; pass what {ENCODED} wrote")


def _form_of(path: Path) -> str:
    with open(path, "rb") as stream, _reading(str(path)):
        begun = stream.read(2)
        stream.seek(0)
        return form_of(stream) if begun == ARCHIVE else "npy"


def _codes(source: str, name: str, data: NDArray[np.uint8]) -> area.Codes:
    with _reading(source):
        try:
            return area.Codes.from_bytes(data.tobytes())
        except BeforehandError as error:
            words = str(error).replace(
                "pass the complete output of to_bytes()", f"pass the whole of what {ENCODED} wrote"
            )
            raise type(error)(f"array {name}: {words}" if name else words) from error


def _decoded(source: str, name: str, data: NDArray[np.uint8], dtype: str | None, threads: int) -> Stored:
    """An array that is decoded when its rows are asked for; what is rotated, or stands for few bytes, at once.

    Its codes are held from its first row on until its last one was asked for.
    """
    codes = _codes(source, name, data)
    if dtype is None:
        dtype = codes.dtype if "float" in codes.dtype else codes.levels.dtype.name
    rows = _Rows(lambda: _codes(source, name, data), len(codes) if codes.shape else 1, dtype, threads)
    return Stored(name=name, dtype=dtype, shape=codes.shape, rows=rows)


@final
class _Rows:
    """Rows of an array, decoded."""

    def __init__(self, load: Callable[[], area.Codes], length: int, dtype: str, threads: int) -> None:
        self._load, self._length, self._dtype, self._threads = load, length, dtype, threads
        self._codes: area.Codes | None = None
        self._whole: NDArray[Any] | None = None

    def __call__(self, first: int, last: int) -> NDArray[Any]:
        """Those from the first up to but without the last."""
        if self._codes is None:
            self._codes = self._load()
        codes = self._codes
        if codes.shape and codes.bits and codes.method != "rotation":
            values = area.decode(codes, rows=slice(first, last), threads=self._threads)
        else:
            if self._whole is None:
                self._whole = area.decode(codes, threads=self._threads).reshape(codes.shape or (1,))
            values = self._whole[first:last]
        if last >= self._length:
            self._codes = self._whole = None
        return as_bits(values, self._dtype)


def _name(found: tuple[str, NDArray[np.uint8]] | Stored) -> str:
    return found.name if isinstance(found, Stored) else found[0]


@contextmanager
def _reading(source: str) -> Iterator[None]:
    """Errors of our own, whatever parsers raise, with the name of the file."""
    with naming(Path("stdin" if source == "-" else source)):
        try:
            yield
        except (BeforehandError, OSError):
            raise
        except Exception as error:  # the parsers of zip and JSON each raise what they like
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise CorruptData(f"it cannot be read: {reason}; check that it is whole") from error
