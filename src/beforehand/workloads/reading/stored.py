"""Columns of npz and Parquet files; those that nobody asked for are not even opened."""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module  # pyarrow is optional, and has no types
from typing import Any

import numpy as np

from beforehand.core.errors import BeforehandError, CorruptData, MissingDependency
from beforehand.tables.naming import MARK
from beforehand.workloads.reading.options import Reading
from beforehand.workloads.reading.sources import seekable

Columns = dict[str, Any]
Mark = dict[str, Any]


def npz_names(path: str) -> tuple[tuple[str, ...], Mark]:
    """The names of the arrays, and our own mark."""
    with _archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        mark = json.loads(str(_member(archive, MARK))) if MARK in names else {}
        return tuple(name for name in names if name != MARK), mark


def read_npz(path: str, names: Sequence[str]) -> Columns:
    """Columns of these names, as arrays or lists."""
    columns: Columns = {}
    with _archive(path) as archive:
        for name in names:
            array = _member(archive, name)
            if array.dtype.kind == "S":
                array = np.char.decode(array, "utf-8", "replace")
            columns[name] = array if array.ndim == 1 and array.dtype.kind in "biufmM" else np.atleast_1d(array).tolist()
    if len(set(map(len, columns.values()))) > 1:
        told = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
        raise CorruptData(
            f"{path} has columns of unequal length ({told}), but each row needs a value of each; take others"
        )
    return columns


def parquet_names(path: str) -> tuple[tuple[str, ...], Mark]:
    """The names of the columns, those inside a structure with a dot, and our own mark."""
    with _parquet(path) as file:
        schema = file.schema_arrow
        mark = json.loads((schema.metadata or {}).get(MARK.encode(), "{}"))
        return tuple(_fields(schema)), mark


def read_parquet(path: str, names: Sequence[str], reading: Reading) -> Columns:
    """Columns of these names, as arrays, lists or text in Arrow."""
    with _parquet(path) as file:
        if not names:
            return {}
        table = file.read(columns=list(names), use_threads=False)
        return {name: _plain(_found(table, name), reading) for name in names}


def rows_of_parquet(path: str) -> int:
    """How many rows there are."""
    with _parquet(path) as file:
        return int(file.metadata.num_rows)


@contextmanager
def _archive(path: str) -> Iterator[zipfile.ZipFile]:
    with seekable(path) as stream, _damaged(path), zipfile.ZipFile(stream) as archive:
        yield archive


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependency(f"{path} is Parquet, which needs pyarrow; pip install 'beforehand[parquet]'") from error
    with seekable(path) as stream, _damaged(path):
        yield parquet.ParquetFile(stream)


@contextmanager
def _damaged(path: str) -> Iterator[None]:
    try:
        yield
    except BeforehandError:
        raise
    except Exception as error:  # the parsers of zip, npy and Parquet each raise what they like
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CorruptData(f"{path} cannot be read: {reason}; check that it is whole, or write it again") from error


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _fields(schema: Any, before: str = "") -> Iterator[str]:
    is_struct: Callable[[Any], bool] = import_module("pyarrow").types.is_struct
    for field in schema:
        yield before + field.name
        if is_struct(field.type):
            yield from _fields(field.type, f"{before}{field.name}.")


def _found(table: Any, name: str) -> Any:
    """The column of that name, perhaps inside a structure."""
    if name in table.column_names:
        return table[name]
    compute = import_module("pyarrow.compute")
    outer, *inner = name.split(".")
    return compute.struct_field(table[outer], inner)


def _plain(column: Any, reading: Reading) -> Any:
    """A column as an array where numpy holds it exactly, as text in Arrow, or as a list."""
    pa = import_module("pyarrow")
    kinds = pa.types
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_date(kind):
        kind = pa.timestamp("s")
        column = column.cast(kind)
    if kinds.is_time(kind):
        width, unit = (pa.int32(), kind.unit) if kinds.is_time32(kind) else (pa.int64(), kind.unit)
        kind = pa.duration(unit)
        column = column.cast(width).cast(pa.int64()).cast(kind)
    if kinds.is_timestamp(kind) and kind.tz is None and reading.time_zone != "UTC":
        return column.cast(pa.string())
    if kinds.is_string(kind):
        return column
    if kinds.is_large_string(kind) or kinds.is_decimal(kind):
        return column.cast(pa.string())
    if kinds.is_floating(kind) or kinds.is_temporal(kind) or (kinds.is_integer(kind) and not column.null_count):
        return column.to_numpy()
    values = column.to_pylist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
