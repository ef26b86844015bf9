"""Keys and weights from tables, batch by batch; only Parquet needs pyarrow."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module  # pyarrow is optional, and has no types
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from beforehand.cli.interrupts import Interrupted

if TYPE_CHECKING:
    import _csv

ROWS = 1 << 16  # of a batch
HEAD = 1 << 16  # bytes to read at a time for the names of columns
LONGEST = 1 << 24  # bytes of a line
BYTE_ORDER_MARK = "\ufeff"
Heard: TypeAlias = Callable[[int], object]
T = TypeVar("T")


class Batch(NamedTuple):
    """Arrivals as `update` takes them."""

    keys: Any
    weights: Any = None


def csv_batches(blocks: Iterable[bytes], column: str | None, weights: str | None) -> Iterator[Batch]:
    """Cells of a column below its name in the first row; keys are text, even where they look like numbers.

    Raises:
        InvalidInput: there is no such column, or a weight is no integer.
        CorruptData: a row has other cells than the first, or a quote never ends.
    """
    from beforehand.core.errors import CorruptData, InvalidInput

    reader = csv.reader(_text_lines(blocks), strict=True)
    try:
        names = _names(reader)
        if not names:
            return
        key, weight = _chosen(names, column, weights)

        def cells() -> Iterator[tuple[str, int | None]]:
            for row in filter(None, reader):
                if len(row) != len(names):
                    raise CorruptData(
                        f"line {reader.line_num} has {len(row)} cells, but the first has {len(names)}; repair it"
                    )
                try:
                    yield row[key], None if weight is None else int(row[weight])
                except ValueError:
                    raise InvalidInput(
                        f"line {reader.line_num} has the weight {row[weight or 0]!r}, but weights are integers from 1 "
                        "on; repair it, or leave --weights out"
                    ) from None

        yield from _batches(cells(), weighted=weight is not None)
    except csv.Error as error:
        raise CorruptData(f"line {reader.line_num} is no csv: {error}; repair it") from error


def csv_file_batches(path: Path, column: str | None, weights: str | None, heard: Heard) -> Iterator[Batch]:
    """The same from a file by pyarrow, ten times as fast.

    Raises:
        InvalidInput: there is no such column.
        CorruptData: a row has other cells than the first, or a weight is no integer.
        ImportError: pyarrow is not installed.
    """
    from beforehand.core.errors import CorruptData

    pa, arrow_csv = import_module("pyarrow"), import_module("pyarrow.csv")
    with open(path, "rb") as stream:
        head = csv.reader(_text_lines(iter(lambda: stream.read(HEAD), b"")), strict=True)
        names = _names(head)
        if not names:
            return
        key, weight = _chosen(names, column, weights)
        stream.seek(0)
        for _ in range(head.line_num):
            stream.readline()
        if not stream.peek(1):  # there are no rows
            return
        types = {str(key): pa.string()} | ({} if weight is None else {str(weight): pa.int64()})
        stream.seek(0)
        try:
            with arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(  # columns by number, as names may be twice there, or no UTF-8
                    use_threads=False, column_names=list(map(str, range(len(names)))), skip_rows=head.line_num
                ),
                parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    check_utf8=False, column_types=types, include_columns=list(types), null_values=[]
                ),
            ) as reader:
                before = 0
                for table in reader:
                    yield Batch(table[str(key)], None if weight is None else table[str(weight)])
                    heard(stream.tell() - before)
                    before = stream.tell()
        except pa.ArrowInvalid as error:
            raise CorruptData(f"it is no csv: {str(error).partition(chr(10))[0]}; repair it") from error


def _names(reader: "_csv.Reader") -> list[str]:
    """What the first row says that is not empty; nothing if there is none.

    Raises:
        CorruptData: it is no row.
    """
    from beforehand.core.errors import CorruptData

    try:
        names = next(filter(None, reader), [])
    except csv.Error as error:
        raise CorruptData(f"line {reader.line_num} is no csv: {error}; repair it") from error
    return [name.removeprefix(BYTE_ORDER_MARK) for name in names[:1]] + names[1:]


def jsonl_batches(blocks: Iterable[bytes], column: str | None, weights: str | None) -> Iterator[Batch]:
    """A field of each object, one object a line; a key is a string or an integer, and null is none.

    Raises:
        InvalidInput: an object has no such field.
        CorruptData: a line is no object.
    """
    from beforehand.core.errors import CorruptData, InvalidInput

    def cells() -> Iterator[tuple[Any, Any]]:
        key = weight = None
        for number, line in enumerate(_text_lines(blocks), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise CorruptData(f"line {number} is no JSON: {error}; repair it") from error
            if not isinstance(record, dict):
                raise CorruptData(f"line {number} is no object, but {line.strip()[:40]}; repair it")
            if key is None:
                names = list(record)
                place, weight_place = _chosen(names, column, weights)
                key, weight = names[place], None if weight_place is None else names[weight_place]
            try:
                yield record[key], None if weight is None else record[weight]
            except KeyError as error:
                raise InvalidInput(f"line {number} has no field {error} as the first has; repair it") from None

    yield from _batches(cells(), weighted=weights is not None)


def parquet_batches(path: Path, column: str | None, weights: str | None, heard: Heard) -> Iterator[Batch]:
    """A column of a Parquet file.

    Raises:
        InvalidInput: there is no such column.
        CorruptData: the file is damaged.
        MissingDependency: pyarrow is not installed.
    """
    from beforehand.core.errors import CorruptData, MissingDependency

    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependency("Parquet files need pyarrow; pip install 'beforehand[parquet]'") from error
    with open(path, "rb") as stream:
        try:
            file = parquet.ParquetFile(stream)
            names = file.schema_arrow.names
            key, weight = _chosen(names, column, weights)
            wanted = [names[key]] + ([] if weight is None else [names[weight]])
            before = 0
            for table in file.iter_batches(ROWS, columns=wanted):
                yield Batch(table[names[key]], None if weight is None else table[names[weight]])
                position = stream.tell()
                heard(max(0, position - before))
                before = max(before, position)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise CorruptData(f"it is no whole Parquet file: {reason}; write it again") from error


def trace_batches(path: Path, column: str | None, weights: str | None, heard: Heard) -> Iterator[Batch]:
    """A column of a trace of kind `stream`, or of packets from tshark; an array in .npy is a column of keys.

    Raises:
        InvalidInput: there is no such column; an array has more than one dimension.
        CorruptData: the file is damaged.
    """
    from beforehand.cli.inputs import read_array, read_trace
    from beforehand.core import Trace

    if path.suffix.lower() == ".npy":
        trace = Trace("stream", {"key": read_array(path)})
    else:
        trace = read_trace(path, "stream")
    names = list(trace.columns)
    key, weight = _chosen(names, column, weights)
    for first in range(0, len(trace), ROWS):
        rows = slice(first, first + ROWS)
        yield Batch(trace[names[key]][rows], None if weight is None else trace[names[weight]][rows])
    heard(path.stat().st_size)


def _chosen(names: Sequence[str], column: str | None, weights: str | None) -> tuple[int, int | None]:
    """Which columns hold keys and weights."""
    from beforehand.core.errors import InvalidInput

    if column is None and "key" not in names and len(names) != 1:
        raise InvalidInput(f"it has the columns {', '.join(names)}; say by --column which one holds the keys")
    for option, name in (("column", column), ("weights", weights)):
        if name is not None and names.count(name) != 1:
            many = "no" if name not in names else "more than one"
            raise InvalidInput(f"it has {many} column {name!r} among {', '.join(names)}; name one by --{option}")
    key = names.index(column or "key") if column or "key" in names else 0
    return key, None if weights is None else names.index(weights)


def unmarked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text without the byte order mark that it may begin with."""
    mark, begun = BYTE_ORDER_MARK.encode(), b""
    rest = iter(blocks)
    for block in rest:
        begun += block
        if begun == mark or not mark.startswith(begun):
            break
    yield begun.removeprefix(mark)
    yield from rest


def _text_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends; bytes that are no UTF-8 become \\xNN.

    Raises:
        InvalidInput: a line is so long that this is no text.
    """
    from beforehand.core.errors import InvalidInput

    rest, number = b"", 0
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "backslashreplace") + "\n"
        number += len(lines)
        if len(rest) > LONGEST:
            raise InvalidInput(
                f"line {number + 1} is longer than {LONGEST:,} bytes, the longest that is read; is this text?"
            )
    if rest:
        yield rest.decode("utf-8", "backslashreplace")


def _batches(cells: Iterator[tuple[T, int | None]], *, weighted: bool) -> Iterator[Batch]:
    """Cells in batches; those before Ctrl-C still come, and so do those before an error."""
    keys: list[T] = []
    weights: list[int | None] = []
    failure: Exception | None = None
    try:
        for key, weight in cells:
            keys.append(key)
            weights.append(weight)
            if len(keys) == ROWS:
                yield Batch(keys, weights if weighted else None)
                keys, weights = [], []
    except Interrupted:
        pass
    except Exception as error:
        failure = error
    if keys:
        yield Batch(keys, weights if weighted else None)
    if failure:
        raise failure
