"""An index that says which row groups of Parquet files may hold values of a range."""

import mmap
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import writing
from beforehand.integrations.parquet.bounds import Closed, Range
from beforehand.integrations.parquet.building import Progress, built_index
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.freshness import Freshness
from beforehand.integrations.parquet.groups import Groups
from beforehand.integrations.parquet.host import arrow
from beforehand.integrations.parquet.layout import Description, IndexedFile, packed, refuse_to_replace, unpacked
from beforehand.integrations.parquet.reading import Reader, field_at, shown_columns
from beforehand.integrations.parquet.scanning import Whole, has_views, kept_of, reading, whole_of, without_views
from beforehand.integrations.parquet.sources import ENDING, Source, default_index, files_of
from beforehand.ranges.queries import Queries


@final
class RangeIndex:
    """Which row groups of Parquet files may hold values between two bounds: one range filter for each, and each column.

    Minima and maxima, which Parquet has itself, leave nothing out where a column is not sorted. Filters do: they know
    what lies between. They are kept in a file beside the data, which is not touched.

    Guarantee:
        A row group that is left out holds no value of the range, whichever of pyarrow, DuckDB and polars asks: bounds
        are rounded outwards where an engine rounds them to the column's type, nulls match no range, and a row group
        with NaN is kept where there is no upper bound. A file that was written anew since is refused. Results never
        change: the engine applies its predicate to what is kept.

    Cost:
        `build` decodes the columns once, and takes some 100 ns a value besides. The index has `bits_per_key` bits for
        each distinct value of a row group. `prune` asks all filters of a column in one go.

    Example:
        >>> import pathlib, tempfile, numpy as np, pyarrow as pa, pyarrow.parquet as pq
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> ids = np.random.default_rng(0).integers(0, 2**62, 50_000)
        >>> pq.write_table(pa.table({"id": ids, "row": range(50_000)}), folder / "a.parquet", row_group_size=5_000)
        >>> index = RangeIndex.build(folder / "a.parquet", columns=["id"])
        >>> wanted = int(ids[12_345])
        >>> index.prune("id", wanted - 5, wanted + 5)
        {'a.parquet': [2]}
        >>> index.to_table("id", wanted - 5, wanted + 5)["row"].to_pylist()
        [12345]

    See also:
        `scan_parquet_ranges`, for polars.
    """

    def __init__(self, folder: Path, description: Description, data: Any) -> None:
        """Not for users: `build` and `load` make one.

        Args:
            folder: What the paths of files count from.
            description: The files and columns.
            data: The filters as bytes, from where their offsets count.
        """
        self._folder, self._description, self._data = folder, description, data
        self._columns = {column.path: Groups(column, data) for column in description.columns}
        self._since = Freshness(folder, description)
        self._watches = True
        self._whole: Whole | None = None

    @classmethod
    def build(
        cls,
        source: Source,
        *,
        columns: Sequence[str],
        bits_per_key: float | None = None,
        queries: Mapping[str, Queries] | None = None,
        filter: str | None = None,
        plan: Any = None,
        progress: Progress | None = None,
        executor: Executor | None = None,
        seed: int | None = None,
    ) -> Self:
        """Read columns of Parquet files, and build a filter for each row group.

        Args:
            source: A file, a list of files, a folder, or a dataset of pyarrow, on this machine's file systems.
            columns: What ranges are asked about: names, dotted for members of structs. Integers, floats, decimals,
                strings (by their bytes, not by a language's order), binary, dates, times, durations, and dictionaries
                of these.
            bits_per_key: Of each filter; 12 unless a plan says otherwise.
            queries: By column, a sample of closed ranges: (lo, hi), a trace of kind `ranges`, or a recorder. For a
                column without one, short ranges just behind its values are made up.
            filter: Name in `beforehand.ranges.FILTERS`; "proteus" unless a plan says otherwise.
            plan: Of `beforehand.ranges.plan`: filter, options and sample for the columns of its type of keys. None:
                the one that the variable BEFOREHAND_PLAN names, if any.
            progress: Called with how many row groups are done, and of how many.
            executor: Where pieces of the work are done, such as `ProcessPoolExecutor()`, or `RayExecutor()` of
                `beforehand.integrations.ray` on many machines; None: here. The index is the same.
            seed: Of hashes and of queries that are made up; 0 unless a plan says otherwise.

        Raises:
            InvalidInput: A file cannot be read; there is no such column, or it has no order; files differ in its type;
                an option is out of range; the plan serves no column, or says not to bother.
            CorruptData: A file is damaged.
            MissingDependency: pyarrow is not installed.
        """
        files = files_of(source)
        options = {"bits_per_key": bits_per_key, "filter": filter, "seed": seed}
        given = {name: value for name, value in options.items() if value is not None}
        return cls(files.folder, *built_index(files, columns, queries or {}, plan, given, executor, progress))

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the index, and return where it is.

        Of files that `check` found to be the same, though at another time, the new times are written: see `load`.

        Args:
            path: In the folder of the files or above it. None: `_NAME.bhri` beside the file, or `_ranges.bhri` in the
                folder that has all files: pyarrow and Spark pass over such names when they read a folder.

        Raises:
            InvalidInput: It cannot be written there, or there is a file that is no index.
        """
        target = self._default if path is None else Path(os.path.abspath(path))
        refuse_to_replace(target)
        description = replace(self._description, files=self._since.files())
        if target.parent != self._folder:
            try:
                inside = self._folder.relative_to(target.parent)
            except ValueError:
                raise InvalidInput(
                    f"{target} is not in {self._folder} or above it, but an index finds its files from where it is; "
                    f"save it as {self._default}"
                ) from None
            moved = [file.moved((inside / file.path).as_posix()) for file in description.files]
            description = Description(False, tuple(moved), description.columns)
        with writing(target) as stream:
            for piece in packed(description, self._data):
                stream.write(piece)
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, check: bool = True) -> Self:
        """Open an index, without reading its filters yet.

        Args:
            path: Of the index, or of the file or folder that has it in the place where `save` puts it.
            check: Whether all its files must be as they were, now and when `prune` and `files` are asked. A file whose
                time is another, such as a copy, is read in the indexed columns to make sure; `save()` the index again,
                and the next `load` need not.

        Raises:
            InvalidInput: It cannot be read.
            CorruptData: It is no index, or was damaged.
            StaleData: A file has changed since, or is gone.
        """
        place = Path(os.path.abspath(path))
        if place.is_dir() or place.suffix == ENDING or (place.suffix != ".bhri" and default_index(place).exists()):
            place = default_index(place)
        try:
            with open(place, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")
        except OSError as error:
            given = Path(os.path.abspath(path))
            if not given.exists():
                raise InvalidInput(f"{given} does not exist; check the path") from error
            raise InvalidInput(
                f"{place} cannot be read: {error.strerror}; "
                f"build it with beforehand ranges index {shlex.quote(str(path))} --column NAME"
            ) from error
        try:
            description, begin = unpacked(data)
        except CorruptData as error:
            raise CorruptData(f"{place}: {error}") from None
        index = cls(place.parent, description, data[begin:])
        index._watches = check
        if check:
            index.check()
        return index

    def prune(self, column: str, lo: Any = None, hi: Any = None, *, closed: Closed = "both") -> dict[str, list[int]]:
        """By file, from the folder of the index, the row groups that may hold a match; files without any are left out.

        Args:
            column: One that is indexed.
            lo: Values below it do not match; None: none is too small. Of the column's kind: a number, str, bytes, a
                Decimal, a date, time, datetime or timedelta, numpy's or pyarrow's.
            hi: Values above it do not match; None: none is too large.
            closed: "both", or "left" where `hi` itself does not match.

        Raises:
            InvalidInput: The column is not indexed, a bound is of another kind, or lo is above hi.
            CorruptData: The index was damaged.
            StaleData: A file has changed since the index was built, unless `load` was told not to check.
        """
        if self._watches:
            self.check()
        found = self._kept(column, lo, hi, closed, self._since.added())
        return {path: self._all_groups(path) if groups is None else groups for path, groups in found.items()}

    def files(self, column: str, lo: Any = None, hi: Any = None, *, closed: Closed = "both") -> list[str]:
        """Paths of the files that may hold a match, for engines that take lists; all else as for `prune`."""
        if self._watches:
            self.check()
        return [str(self._folder / path) for path in self._kept(column, lo, hi, closed, self._since.added())]

    def dataset(self, column: str, lo: Any = None, hi: Any = None, *, closed: Closed = "both") -> Any:
        """A dataset of pyarrow with only the row groups that may hold a match, for pyarrow, DuckDB and polars.

        Apply the predicate itself in the engine: what is kept holds other rows too. `count_rows()` without a filter
        counts whole files. polars' `scan_pyarrow_dataset` loses NaN, as it lets pyarrow compare: see
        `scan_parquet_ranges`.

        Args:
            column: As for `prune`, with the other arguments.

        Raises:
            InvalidInput, CorruptData: As for `prune`.
            StaleData: A file has changed since the index was built.
        """
        self.check()
        added = self._since.added()
        kept = self._kept(column, lo, hi, closed, added)
        paths, stamps = tuple(self._paths(added)), self._since.stamps(added)
        if self._whole is None or (self._whole.paths, self._whole.stamps) != (paths, stamps):
            self._whole = whole_of(self._folder, paths, stamps, self._description)
        return kept_of(self._whole, kept)

    def to_table(
        self,
        column: str,
        lo: Any = None,
        hi: Any = None,
        *,
        closed: Closed = "both",
        columns: Sequence[str] | None = None,
        filter: Any = None,
    ) -> Any:
        """The rows in a range, by pyarrow, from the row groups that may hold some.

        Args:
            column: As for `prune`, with `lo`, `hi` and `closed`. Bounds are compared exactly: never rounded.
            columns: What to return; None: all columns.
            filter: A further predicate, an expression of pyarrow.

        Raises:
            InvalidInput, CorruptData, StaleData: As for `dataset`.
        """
        dataset = self.dataset(column, lo, hi, closed=closed)
        asked = Range.read(self.type_of(column), lo, hi, closed)
        names, type_ = field_at(dataset.schema, column, self._folder)
        wanted = None if columns is None else shown_columns(dataset.schema, columns, self._folder)
        pc = arrow("pyarrow.compute")
        if not has_views(dataset.schema):
            predicate = asked.expression(pc.field(*names), type_)
            if filter is not None:
                predicate = filter if predicate is None else predicate & filter
            with reading():
                return dataset.to_table(columns=wanted, filter=predicate)
        with reading():
            table = without_views(dataset.to_table())
        predicate = asked.expression(pc.field(*names), field_at(table.schema, column, self._folder)[1])
        for each in (predicate, filter):
            table = table if each is None else table.filter(each)
        return table if wanted is None else table.select(wanted)

    def check(self) -> None:
        """Raise if a file is not what it was when the index was built.

        A file whose time and size are as this object saw them is not read again.

        Raises:
            StaleData: One is gone or was written anew. Further files in a folder are no error: they are kept whole.
        """
        self._since.check()

    def explain(self) -> str:
        """What is indexed and how, in words."""
        files, described = self._description.files, self._description
        rows = sum(sum(file.rows) for file in files)
        groups = sum(len(file.rows) for file in files)
        stored = sum(file.bytes for file in files)
        lines = [
            f"{_files(len(files))} in {self._folder}, {groups:,} row groups, {rows:,} rows, {stored:,} bytes",
            f"filters of {self.nbytes:,} bytes, {self.nbytes / max(stored, 1):.2%} of the files",
        ]
        for column in described.columns:
            lines.append(self._groups(column.path).explain())
        if added := len(self._since.added()):
            lines.append(f"{_files(added)} not in the index, always read whole; {self._since.remedy()}")
        return "\n".join(lines)

    @property
    def nbytes(self) -> int:
        """Bytes of all filters."""
        return len(self._data)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is indexed."""
        return tuple(self._columns)

    def __repr__(self) -> str:
        """How much it covers."""
        return f"RangeIndex({_files(len(self._description.files))}, {', '.join(self._columns)}, {self.nbytes:,} bytes)"

    # What the source for polars needs besides.
    @property
    def directory(self) -> bool:
        """Whether it is the index of a whole folder, whose inner folders may name partitions."""
        return self._description.directory

    def every_file(self) -> list[str]:
        """The paths of all files, those among them that have come since."""
        return [str(self._folder / path) for path in self._paths(self._since.added())]

    def groups(self) -> dict[str, Groups]:
        """The filters by column."""
        return self._columns

    def type_of(self, column: str) -> ColumnType:
        """What an indexed column holds."""
        return self._groups(column).column.type

    def stored_bytes(self) -> dict[str, list[int]]:
        """By file, how many bytes each row group takes in it."""
        found = {}
        for path in self._paths(self._since.added()):
            with Reader(self._folder / path) as reader:
                found[path] = reader.stored_bytes()
        return found

    def runs(self, mask: NDArray[np.bool_]) -> Iterator[tuple[str, list[tuple[int, int | None]]]]:
        """By path, runs of rows that a mask of row groups keeps: the first, and how many. None: the whole file."""
        for file, kept in self._by_file(mask):
            ends = np.cumsum((0, *file.rows))
            edges = np.flatnonzero(np.diff(kept.astype(np.int8), prepend=0, append=0))
            yield (
                str(self._folder / file.path),
                [(int(ends[a]), int(ends[b] - ends[a])) for a, b in edges.reshape(-1, 2).tolist()],
            )
        for path in self._since.added():
            yield str(self._folder / path), [(0, None)]

    def _by_file(self, mask: NDArray[np.bool_]) -> Iterator[tuple[IndexedFile, NDArray[np.bool_]]]:
        first = 0
        for file in self._description.files:
            yield file, mask[first : first + len(file.rows)]
            first += len(file.rows)

    @property
    def _default(self) -> Path:
        files = self._description.files
        whole = self._description.directory or len(files) > 1
        return default_index(self._folder if whole else self._folder / files[0].path)

    def _kept(self, column: str, lo: Any, hi: Any, closed: Closed, added: Sequence[str]) -> dict[str, list[int] | None]:
        """By file the row groups that may match, where there are some; None for all of a file that is not indexed."""
        groups = self._groups(column)
        may_hold = groups.may_hold(Range.read(groups.column.type, lo, hi, closed))
        found = {file.path: mask.nonzero()[0].tolist() for file, mask in self._by_file(may_hold)}
        kept: dict[str, list[int] | None] = {path: groups for path, groups in found.items() if groups}
        kept.update(dict.fromkeys(added))
        return kept

    def _groups(self, column: str) -> Groups:
        if column not in self._columns:
            raise InvalidInput(f"column {column!r} is not indexed, only {', '.join(self._columns)}; index it too")
        return self._columns[column]

    def _paths(self, added: Sequence[str]) -> list[str]:
        return [*(file.path for file in self._description.files), *added]

    def _all_groups(self, path: str) -> list[int]:
        with Reader(self._folder / path) as reader:
            return list(range(len(reader.rows)))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
