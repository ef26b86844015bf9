"""Arrays back into the kinds of files that they came from, a run of rows at a time."""

import base64
import csv
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.array_files.csv_columns import read_rows
from beforehand.workloads.array_files.npy import npy_pieces
from beforehand.workloads.array_files.npz import write_npz
from beforehand.workloads.array_files.safetensors import write_safetensors
from beforehand.workloads.array_files.stored import BITS, PIECE, Stored
from beforehand.workloads.array_files.tables import DTYPES, arrow

ONLY_NAME = "values"  # of an array that has none


def write_arrays(
    stream: BinaryIO,
    form: str,
    arrays: Sequence[Stored],
    notes: Mapping[str, Any],
    rest: NDArray[np.uint8] | None,
    *,
    separator: str = ",",
) -> None:
    """A file of these arrays.

    Args:
        stream: Where to; never sought in.
        form: See `ArrayFile`.
        arrays: At least one.
        notes: As they were read; those of another format mean nothing.
        rest: Other columns of the same rows, for a table or csv, each as `ArrayFile` has them; None elsewhere.
        separator: Of the cells of csv.

    Raises:
        InvalidInput: the format cannot hold such arrays.
        MissingDependency: a table without pyarrow.
    """
    if form in ("npy", "csv") and len(arrays) > 1:
        names = ", ".join(array.name for array in arrays[:10])
        raise InvalidInput(f"{form} holds one array, but there are {names}; write .npz, or choose one by --name")
    if form == "npy":
        for piece in npy_pieces(arrays[0]):
            stream.write(piece)
    elif form == "npz":
        write_npz(stream, map(_named, arrays))
    elif form == "safetensors":
        write_safetensors(stream, list(map(_named, arrays)), notes.get("labels", {}))
    elif form == "csv":
        _write_csv(stream, arrays[0], notes, rest, separator)
    else:
        _write_table(stream, form, list(map(_named, arrays)), notes.get("schema"), rest)


def _named(array: Stored) -> Stored:
    return array if array.name else Stored(name=ONLY_NAME, dtype=array.dtype, shape=array.shape, rows=array.rows)


def _write_csv(
    stream: BinaryIO, array: Stored, notes: Mapping[str, Any], rest: NDArray[np.uint8] | None, separator: str
) -> None:
    if len(array.shape) not in (1, 2) or array.dtype in BITS:
        raise InvalidInput(
            f"csv holds rows of numbers, but the array is {array.dtype} of shape {array.shape}; write .npy"
        )
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    names = notes.get("columns") or []
    width = array.shape[1] if len(array.shape) == 2 else 1
    rows: Iterator[Any] = (row for piece in array.pieces() for row in piece.reshape(len(piece), -1).astype(str))
    if rest is not None:
        places = notes.get("places")
        if type(places) is not list or len(places) != width or not all(type(place) is int for place in places):
            raise CorruptData(f"it has {width} columns, but says of {places} where they were; encode the source again")
        rows = (_among(others, places, row) for others, row in _alike(read_rows(rest), rows))
        if len(names) == width:
            writer.writerow(_among(notes.get("others") or [], places, names))
    elif len(names) == width:
        writer.writerow(names)
    writer.writerows(rows)
    text.detach()


def _among(others: Sequence[str], places: Sequence[int], cells: Sequence[str]) -> list[str]:
    """A row of the other cells, with these at their places."""
    row = list(others)
    for place, cell in sorted(zip(places, cells, strict=True)):
        row.insert(place, cell)
    return row


def _alike(others: Iterator[list[str]], rows: Iterator[Any]) -> Iterator[tuple[list[str], Any]]:
    """Both row by row.

    Raises:
        CorruptData: they are not equally many.
    """
    for other, row in itertools.zip_longest(others, rows):
        if other is None or row is None:
            raise CorruptData("its other columns have not as many rows as its numbers; encode the source again")
        yield other, row


def _write_table(
    stream: BinaryIO, form: str, arrays: Sequence[Stored], schema: str | None, rest: NDArray[np.uint8] | None
) -> None:
    pa, parquet = arrow("the output"), arrow("the output", "pyarrow.parquet")
    lengths = {array.length for array in arrays}
    if len(lengths) > 1:
        raise InvalidInput(f"arrays have {' and '.join(map(str, sorted(lengths)))} rows, but columns are equally long")
    for array in arrays:
        if array.dtype in BITS or array.dtype not in DTYPES.values() or not array.shape:
            raise InvalidInput(
                f"array {array.name} is {array.dtype} of shape {array.shape}, which no column holds; pass --dtype "
                "float32"
            )
    by_name = {array.name: array for array in arrays}
    source = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema))) if schema else pa.schema([])
    kept = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(rest))) if rest is not None else None
    others = {} if kept is None else {each.name: each for each in kept.schema_arrow}
    names = [name for name in source.names if name in by_name or name in others]
    names += [name for name in by_name if name not in names]
    fields = [
        others[name] if name in others and name not in by_name else _field(by_name[name], source) for name in names
    ]
    made = pa.schema(fields, source.metadata)
    if form == "parquet":
        writer = parquet.ParquetWriter(stream, made)
    else:
        writer = pa.ipc.new_file(stream, made) if form == "arrow" else pa.ipc.new_stream(stream, made)
    with writer:
        for first, count, part in _runs(arrays, kept):
            columns = [
                _column(by_name[name].rows(first, first + count), each.type) if name in by_name else part.column(name)
                for name, each in zip(names, fields, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=made))


def _runs(arrays: Sequence[Stored], rest: Any) -> Iterator[tuple[int, int, Any]]:
    """First row, number of rows, and the other columns of some megabytes of rows."""
    length = arrays[0].length
    step = max(1, min(1 << 16, PIECE * max(1, length) // max(1, sum(8 * array.size for array in arrays))))
    if rest is None:
        yield from ((first, min(step, length - first), None) for first in range(0, length, step))
        return
    if rest.metadata.num_rows != length:
        raise InvalidInput(f"arrays have {length} rows, but the other columns {rest.metadata.num_rows}; encode again")
    first = 0
    for part in rest.iter_batches(batch_size=step, use_threads=False):
        yield first, part.num_rows, part
        first += part.num_rows


def _field(array: Stored, source: Any) -> Any:
    """The field of a column: as it was, or where dtype or shape are others, a list of fixed size."""
    pa = arrow("the output")
    if array.name in source.names:
        found = source.field(array.name)
        if _fits(found.type, array.shape[1:], array.dtype):
            return found
    type_ = pa.from_numpy_dtype(np.dtype(array.dtype))
    for width in reversed(array.shape[1:]):
        type_ = pa.list_(type_, width)
    return pa.field(array.name, type_)


def _fits(type_: Any, inner: tuple[int, ...], dtype: str) -> bool:
    type_ = getattr(type_, "storage_type", type_)
    if not hasattr(type_, "value_type"):
        return not inner and DTYPES.get(str(type_)) == dtype
    fixed = getattr(type_, "list_size", inner[0] if inner else 0)
    return bool(inner) and fixed == inner[0] and _fits(type_.value_type, inner[1:], dtype)


def _column(values: NDArray[Any], type_: Any) -> Any:
    """Rows as a column of Arrow."""
    pa = arrow("the output")
    if hasattr(type_, "storage_type"):
        return pa.ExtensionArray.from_storage(type_, _column(values, type_.storage_type))
    if values.ndim == 1:
        return pa.array(np.ascontiguousarray(values), type_)
    rows, width = values.shape[:2]
    inner = _column(values.reshape(rows * width, *values.shape[2:]), type_.value_type)
    kinds = pa.types
    if kinds.is_fixed_size_list(type_):
        return pa.FixedSizeListArray.from_arrays(inner, type=type_)
    large = kinds.is_large_list(type_) or kinds.is_large_list_view(type_)
    offsets = pa.array(np.arange(rows + 1) * width, pa.int64() if large else pa.int32())
    if kinds.is_list(type_) or kinds.is_large_list(type_):
        return (pa.LargeListArray if large else pa.ListArray).from_arrays(offsets, inner, type=type_)
    return (pa.LargeListArray if large else pa.ListArray).from_arrays(offsets, inner).cast(type_)
