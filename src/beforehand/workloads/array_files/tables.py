"""Columns of Parquet files and of Arrow's own format as arrays, read batch by batch; needs pyarrow."""

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module  # pyarrow is optional, and has no types
from typing import Any, BinaryIO, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.workloads.array_files.stored import PIECE, Spool, Stored

DTYPES: Final = {"halffloat": "float16", "float": "float32", "double": "float64"} | {
    name: name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}
MOST_ROWS: Final = 1 << 16  # of a batch


@final
@dataclass(kw_only=True)
class Table:
    """A file of columns, open.

    Attributes:
        form: "parquet", "arrow" or "arrow_stream".
        schema: Of Arrow.
        batches: Gives the file's rows, some megabytes at a time.
    """

    form: str
    schema: Any
    batches: Callable[[], Iterator[Any]]

    def kinds(self) -> dict[str, tuple[str, int]]:
        """The dtype and the number of axes of each column that holds numbers, rows included."""
        return {each.name: kind for each in self.schema if (kind := kind_of(each.type)) is not None}


@final
@dataclass(kw_only=True)
class Columns:
    """What was read of a table.

    Attributes:
        arrays: The columns that were asked for.
        rest: All others, as the bytes of a file of Parquet; None where there are none.
        dropped: How many rows were left out, as they had nulls.
    """

    arrays: list[Stored]
    rest: NDArray[np.uint8] | None
    dropped: int


def arrow(path: object, module: str = "pyarrow") -> Any:
    """A module of pyarrow.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependency(
            f"{path} is a table of Arrow or Parquet, which needs pyarrow; pip install 'beforehand[parquet]'"
        ) from error


def open_parquet(stream: BinaryIO, path: object) -> Table:
    """A file of Parquet; a row group is decoded page by page.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    file = arrow(path, "pyarrow.parquet").ParquetFile(stream, buffer_size=1 << 20, pre_buffer=False)
    sizes = [file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups)]
    rows = max(1, min(MOST_ROWS, PIECE * max(1, file.metadata.num_rows) // max(1, sum(sizes))))
    return Table(
        form="parquet", schema=file.schema_arrow, batches=lambda: file.iter_batches(batch_size=rows, use_threads=False)
    )


def column_names(rest: NDArray[np.uint8]) -> list[str]:
    """The columns of a file of Parquet in memory.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    names = arrow("it", "pyarrow.parquet").ParquetFile(arrow("it").BufferReader(arrow("it").py_buffer(rest)))
    return list(names.schema_arrow.names)


def open_arrow(stream: BinaryIO, path: object, begun: bytes) -> Table:
    """A file or a stream of Arrow's own format, mapped.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    pa = arrow(path)
    whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(stream.fileno()).st_size else b""
    source = pa.BufferReader(pa.py_buffer(whole))
    if begun.startswith(b"ARROW1"):
        file = pa.ipc.open_file(source)

        def batches() -> Iterator[Any]:
            for place in range(file.num_record_batches):
                yield from _cut(file.get_batch(place))

        return Table(form="arrow", schema=file.schema, batches=batches)
    reader = pa.ipc.open_stream(source)
    return Table(
        form="arrow_stream", schema=reader.schema, batches=lambda: (part for batch in reader for part in _cut(batch))
    )


def read_columns(table: Table, names: Sequence[str], *, drop_nulls: bool) -> Columns:
    """These columns as arrays, whose first axis are the rows.

    Raises:
        InvalidInput: a column has nulls, and `drop_nulls` is not set; or its lists are not equally long.
    """
    kinds = table.kinds()
    chosen = [_Column(name=name, dtype=kinds[name][0]) for name in names]
    others = [name for name in table.schema.names if name not in names]
    spool = Spool()
    with ExitStack() as writers:
        dropped = _copy(table, chosen, others, spool, drop_nulls, writers)
    return Columns(
        arrays=[column.stored() for column in chosen],
        rest=spool.array(np.uint8, (spool.size,)) if spool.size else None,
        dropped=dropped,
    )


def _copy(
    table: Table, chosen: Sequence["_Column"], others: Sequence[str], spool: Spool, drop_nulls: bool, writers: ExitStack
) -> int:
    """All batches into the spools of the columns and that of the others; how many rows were left out."""
    rest: Any = None
    dropped = rows = 0
    for batch in table.batches():
        keep = np.ones(batch.num_rows, dtype=bool)
        for column in chosen:
            gone = missing(batch.column(column.name))
            column.nulls += int(gone.sum())
            keep &= ~gone
        if drop_nulls and not keep.all():
            dropped += int((~keep).sum())
            batch = batch.filter(arrow("the file").array(keep))
        if not drop_nulls and any(column.nulls for column in chosen):
            continue  # count them all
        for column in chosen:
            column.add(batch.column(column.name), rows)
        rows += batch.num_rows
        if others:
            part = batch.select(others)
            if rest is None:
                rest = writers.enter_context(_writer(spool, part.schema))
            rest.write_batch(part)
    for column in chosen:
        if column.nulls and not drop_nulls:
            raise InvalidInput(
                f"column {column.name} has {column.nulls} rows with nulls, which are no numbers; pass --drop-nulls to "
                "leave these rows out, or name other columns by --name"
            )
    return dropped


def _writer(spool: Spool, schema: Any) -> Any:
    try:
        return arrow("the file", "pyarrow.parquet").ParquetWriter(spool.file, schema, compression="zstd")
    except arrow("the file").ArrowNotImplementedError as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(f"its other columns cannot be kept as Parquet ({reason}); write it without these") from error


def kind_of(type_: Any) -> tuple[str, int] | None:
    """The dtype of numbers, and the number of axes with that of the rows; None of what holds something else."""
    axes = 1
    while (inner := _inside(type_)) is not None:
        type_, axes = inner, axes + 1
    type_ = getattr(type_, "storage_type", type_)
    dtype = DTYPES.get(str(type_))
    return None if dtype is None else (dtype, axes)


def missing(column: Any) -> NDArray[np.bool_]:
    """The rows that are null, or have a null somewhere inside."""
    column = _plain(column)
    gone: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    if _inside(column.type) is None:
        return gone
    values = column.flatten()
    inner = missing(values)
    if inner.any():
        lengths = arrow("it", "pyarrow.compute").list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(column)), lengths)
        gone = gone.copy()
        gone[rows[inner]] = True
    return gone


def _inside(type_: Any) -> Any:
    """What a list of Arrow holds; None of what is no list."""
    kinds = arrow("it").types
    type_ = getattr(type_, "storage_type", type_)
    lists = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list, kinds.is_list_view, kinds.is_large_list_view)
    return type_.value_type if any(is_list(type_) for is_list in lists) else None


def _plain(column: Any) -> Any:
    """The same without an extension's name."""
    return getattr(column, "storage", column)


def _cut(batch: Any) -> Iterator[Any]:
    """A batch whose offsets have been checked, in runs of rows."""
    batch.validate(full=True)
    rows = max(1, min(MOST_ROWS, PIECE * batch.num_rows // max(1, batch.nbytes)))
    for first in range(0, batch.num_rows, rows):
        yield batch.slice(first, rows)


@final
@dataclass(kw_only=True)
class _Column:
    """A column on its way to an array."""

    name: str
    dtype: str
    nulls: int = 0
    inner: tuple[int, ...] | None = None
    rows: int = 0
    spool: Spool = field(default_factory=Spool)

    def add(self, column: Any, first: int) -> None:
        """Append rows without nulls."""
        if not len(column):
            return
        widths: list[int] = []
        column = _plain(column)
        rows = len(column)
        while _inside(column.type) is not None:
            lengths = arrow("it", "pyarrow.compute").list_value_length(column).to_numpy(zero_copy_only=False)
            wanted = self.inner[len(widths)] if self.inner is not None else int(lengths[0]) if len(lengths) else 0
            if (odd := np.flatnonzero(lengths != wanted)).size:
                row = int(odd[0]) // max(1, len(lengths) // rows)
                raise InvalidInput(
                    f"column {self.name} has lists of {wanted} values, but row {first + row} has one of "
                    f"{int(lengths[odd[0]])}; lists must be equally long to be an array: make them so, or name other "
                    "columns by --name, and this one is kept"
                )
            widths.append(wanted)
            column = _plain(column.flatten())
        self.inner = tuple(widths)
        self.rows += rows
        self.spool.write(np.ascontiguousarray(column.to_numpy(zero_copy_only=False)))

    def stored(self) -> Stored:
        """The whole."""
        return Stored.of(self.spool.array(self.dtype, (self.rows, *(self.inner or ()))), self.name)
