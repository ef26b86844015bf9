"""Indexed Parquet files as a lazy frame of polars, whose own filters leave out row groups."""

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beforehand.core.errors import MissingDependency
from beforehand.integrations.parquet.host import polars
from beforehand.integrations.parquet.predicates import may_match
from beforehand.integrations.parquet.range_index import RangeIndex

if TYPE_CHECKING:
    import polars as pl


def scan_parquet_ranges(source: RangeIndex | str | os.PathLike[str]) -> "pl.LazyFrame":
    """Scan indexed Parquet files with polars: `filter` alone leaves out row groups, without a word about the index.

    Understood are comparisons of indexed columns with literals, `is_between`, `is_in`, and what `&` and `|` make of
    them. Any other expression reads everything. polars itself decodes and compares, so results are those of
    `scan_parquet`, in the same order.

    Args:
        source: The index, or where it is: see `RangeIndex.load`.

    Raises:
        InvalidInput, CorruptData, StaleData: As `RangeIndex.load`; the last also when the frame is collected.
        MissingDependency: polars is not installed, or lacks the interface for sources, which it calls unstable.

    Example:
        >>> import pathlib, tempfile, polars as pl
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.parquet"
        >>> pl.DataFrame({"id": [5, 900, 7, 950]}).write_parquet(path, row_group_size=2)
        >>> _ = RangeIndex.build(path, columns=["id"]).save()
        >>> scan_parquet_ranges(path).filter(pl.col("id").is_between(6, 8)).collect()["id"].to_list()
        [7]
    """
    index = source if isinstance(source, RangeIndex) else RangeIndex.load(source)
    try:
        register = import_module("polars.io.plugins").register_io_source
    except (ImportError, AttributeError) as error:
        raise MissingDependency(
            "this polars has no polars.io.plugins.register_io_source; take polars 1.20 or newer, or use dataset()"
        ) from error
    scan = Scan(index)
    return register(scan.read, schema=scan.schema, is_pure=True)  # type: ignore[no-any-return]


class Scan:
    """What polars asks for when it collects."""

    def __init__(self, index: RangeIndex) -> None:
        self.index = index
        self.schema: Any = None
        self.schema = self._whole().collect_schema()

    def read(
        self, columns: Sequence[str] | None, predicate: Any, n_rows: int | None, batch_size: int | None
    ) -> Iterator[Any]:
        """Frames with these columns of the rows that match; `n_rows` are counted before the predicate."""
        self.index.check()
        if n_rows is not None:
            yield _shaped(self._whole().head(n_rows), predicate, columns)
            return
        runs = 0
        for frame in self._kept(predicate):
            yield _shaped(frame, predicate, columns)
            runs += 1
        if not runs:
            yield _shaped(self._whole().head(0), predicate, columns)

    def _whole(self) -> Any:
        return self._scan(self.index.every_file())

    def _scan(self, paths: Sequence[str]) -> Any:
        partitions = None
        if self.schema is not None and self.index.directory:  # of one file alone, polars may read values otherwise
            names = {part.partition("=")[0] for path in paths for part in Path(path).parent.parts if "=" in part}
            partitions = {name: dtype for name, dtype in self.schema.items() if name in names} or None
        return polars().scan_parquet(
            list(paths), hive_partitioning=self.index.directory, hive_schema=partitions, glob=False
        )

    def _kept(self, predicate: Any) -> Iterator[Any]:
        """Runs of rows without the row groups that are left out."""
        usable = {name: groups for name, groups in self.index.groups().items() if self._is_ordered(name)}
        mask = None if predicate is None else may_match(predicate, usable)
        if mask is None:
            yield self._whole()
            return
        for path, runs in self.index.runs(mask):
            for first, count in runs:
                frame = self._scan([path])
                yield frame if count is None else frame.slice(first, count)

    def _is_ordered(self, column: str) -> bool:
        """Whether the name means one column, and polars orders its values as the codes do, not as categories."""
        pl = polars()
        found = list(_meanings(column, dict(self.schema)))
        return len(found) == 1 and not isinstance(found[0], pl.Categorical | pl.Enum)


def _meanings(column: str, fields: dict[str, Any]) -> Iterator[Any]:
    """The types of all that a dotted name may mean: "a.b" is a column, a member of a struct, or there are both."""
    if column in fields:
        yield fields[column]
    for name, dtype in fields.items():
        if column.startswith(f"{name}.") and isinstance(dtype, polars().Struct):
            yield from _meanings(column[len(name) + 1 :], {field.name: field.dtype for field in dtype.fields})


def _shaped(frame: Any, predicate: Any, columns: Sequence[str] | None) -> Any:
    if predicate is not None:
        frame = frame.filter(predicate)
    if columns is not None:
        frame = frame.select(columns)
    return frame.collect()
