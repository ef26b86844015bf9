"""A database of RocksDB whose scans skip files."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from types import EllipsisType, MappingProxyType, TracebackType
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import Plan
from beforehand.integrations.rocksdb.families import settle_families
from beforehand.integrations.rocksdb.host import extension
from beforehand.integrations.rocksdb.options import FilterOptions, Keys
from beforehand.integrations.rocksdb.statistics import FilterStatistics, statistics_of
from beforehand.ranges.queries import Queries
from beforehand.ranges.recorder import QueryRecorder

DEFAULT: Final = "default"
NO_LIMIT: Final = 2**64 - 1
NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
OPERATIONS: Final = {
    "put": 2,
    "delete": 1,
    "single_delete": 1,
    "delete_range": 2,
}  # and how many byte strings each takes


@final
class DB:
    """A RocksDB database with a range filter for each SST file: a scan reads only files that may hold its rows.

    Every flush and compaction designs a filter for the file that it writes, by the keys of that file and by a sample of
    the scans that this database has seen, and stores it as a property of the file. A forward scan with an upper bound
    asks these filters, and RocksDB then leaves out the files that surely hold nothing. The library of RocksDB is an
    ordinary one, and so is the database: others can open it.

    Open it with `DB.open`, best in a `with` statement.

    Guarantee:
        A scan returns the same rows with filters and without, whatever was put, overwritten or deleted. Files without a
        filter, or with one that cannot be read, are searched.

    Cost:
        Filters take `bits_per_key` of memory for each key, beside RocksDB's block cache, and about 100 ns a key in
        flushes and compactions. Writes are otherwise as they were; `get` asks RocksDB's own Bloom filter, if
        `table_options` set one. Where most scans find rows in most files, filters do not help: `statistics` says so.

    Example:
        Orders by time, and those of a second in which mostly nothing happened::

            with DB.open("orders", key_type="uint64") as db:
                db.put(time.time_ns().to_bytes(8, "big"), b"order 7")
                orders = list(db.scan(first.to_bytes(8, "big"), last.to_bytes(8, "big")))

    Reference:
        Knorr, Lemaire, Lim, Luo, Zhang, Idreos, Mitzenmacher: Proteus: A Self-Designing Range Filter. SIGMOD 2022,
        arXiv 2207.01503.
    """

    def __init__(self, native: Any, path: str) -> None:
        """Not for users; see `open`."""
        self._native, self._path = native, path

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        filter: str | EllipsisType | None = ...,
        bits_per_key: float | None = None,
        key_type: Keys = "bytes",
        plan: Plan | None = None,
        queries: Queries | None = None,
        recorder: QueryRecorder | None = None,
        column_families: Mapping[str, FilterOptions] | None = None,
        filter_cache_bytes: int = 256 << 20,
        create_if_missing: bool = True,
        db_options: Mapping[str, str] = NO_OPTIONS,
        table_options: Mapping[str, str] = NO_OPTIONS,
    ) -> Self:
        """Open or create a database.

        Args:
            path: Its folder.
            filter: The kind of filters, a name in `beforehand.ranges.FILTERS`, or None for no filters. Left out, it is
                that of the plan, or `"proteus"`.
            bits_per_key: Of each filter, from 1 to 1024. Left out, it is that of the plan, or 12.
            key_type: `"bytes"` for keys of any kind, `"uint64"` where each has 8 bytes, most significant first.
            plan: What `beforehand.ranges.plan` chose. It serves the column families of its key type that are not in
                `column_families`. Left out, it is read from the file that the variable BEFOREHAND_PLAN names, if any.
            queries: A sample of closed ranges, which the recorder begins with; left out, the plan's.
            recorder: What samples the scans; left out, each column family has one of its own.
            column_families: Filters of column families that are to differ. Those that are not there yet are created.
            filter_cache_bytes: Memory for the directories of filters; their bits stay with RocksDB's open files.
            create_if_missing: Whether a database is made where there is none.
            db_options, table_options: Options of databases and column families, and of block-based tables, by
                RocksDB's names for them, read by RocksDB's own parser: `{"write_buffer_size": "64M"}`.

        Raises:
            InvalidInput: An option is out of range, unknown to RocksDB, or not one that filters can serve, such as
                another comparator; the plan is for other keys.
            MissingDependency: beforehand was built without RocksDB.
            StorageError: RocksDB cannot open the database.
        """
        native, place = extension(), os.fspath(path)
        if not isinstance(place, str) or "\0" in place:
            raise InvalidInput(f"path is {path!r}, but must be the name of a folder, as text")
        if isinstance(filter_cache_bytes, bool) or not isinstance(filter_cache_bytes, int) or filter_cache_bytes < 0:
            raise InvalidInput(
                f"filter_cache_bytes is {filter_cache_bytes!r}, but must be a whole number of at least 0"
            )
        common: dict[str, Any] = {"key_type": key_type, "recorder": recorder}
        common |= {} if filter is ... else {"filter": filter}
        common |= {} if bits_per_key is None else {"bits_per_key": bits_per_key}
        common |= {} if queries is None else {"queries": queries}
        families = settle_families([DEFAULT, *native.Database.families(place)], column_families or {}, common, plan)
        _check_options(db_options, table_options, filtered=any(family.options.filter for family in families))
        database = native.Database(
            place,
            [family.native() for family in families],
            dict(db_options),
            dict(table_options),
            create_if_missing,
            min(filter_cache_bytes, NO_LIMIT),
        )
        return cls(database, place)

    def put(self, key: bytes, value: bytes, *, column_family: str = DEFAULT) -> None:
        """Set the value of a key."""
        self.write([("put", key, value, column_family)])

    def get(self, key: bytes, *, column_family: str = DEFAULT) -> bytes | None:
        """The value of a key; None if there is none."""
        found: bytes | None = self._native.get(column_family, _bytes(key, "key"))
        return found

    def delete(self, key: bytes, *, column_family: str = DEFAULT) -> None:
        """Remove a key, if it is there."""
        self.write([("delete", key, column_family)])

    def delete_range(self, lo: bytes, hi: bytes, *, column_family: str = DEFAULT) -> None:
        """Remove all keys with lo <= key < hi.

        Raises:
            InvalidInput: lo is above hi.
        """
        self.write([("delete_range", lo, hi, column_family)])

    def write(self, batch: Iterable[tuple[Any, ...]], *, sync: bool = False, wal: bool = True) -> None:
        """Apply changes all at once, or none of them.

        Args:
            batch: Tuples: `("put", key, value)`, `("delete", key)`, `("single_delete", key)` for a key that was put
                once since it was last deleted, `("delete_range", lo, hi)`. The name of a column family may follow.
            sync: Whether to wait until the disk has them.
            wal: Whether they go to the log. What does not is lost in a crash before the next flush.

        Raises:
            InvalidInput: A tuple is none of these.
        """
        self._native.write([_operation(change) for change in batch], sync, wal)

    def scan(
        self,
        lo: bytes | None = None,
        hi: bytes | None = None,
        *,
        column_family: str = DEFAULT,
        limit: int | None = None,
        reverse: bool = False,
        keys_only: bool = False,
        use_filter: bool = True,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with lo <= key < hi, in order, as they were when the scan began.

        Args:
            lo, hi: Bounds; None for no bound. Filters help where there is an upper one.
            column_family: Where to look.
            limit: How many rows at most.
            reverse: From the last to the first, which no filter helps.
            keys_only: Whether values are left out, and come as b"".
            use_filter: Whether files may be skipped.

        Raises:
            InvalidInput: A bound is no bytes; there is no such column family.
            Closed: The database was closed meanwhile.
            StorageError: RocksDB cannot read a file.
        """
        lo, hi = _bound(lo, "lo"), _bound(hi, "hi")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise InvalidInput(f"limit is {limit!r}, but must be a whole number of at least 0, or None")
        most = NO_LIMIT if limit is None else min(limit, NO_LIMIT)
        return _each(self._native.scan(column_family, lo, hi, reverse, keys_only, use_filter, most))

    def scan_many(
        self, lo: Sequence[bytes], hi: Sequence[bytes], *, column_family: str = DEFAULT, use_filter: bool = True
    ) -> NDArray[np.uint32]:
        """How many rows each of many ranges has, without the interpreter's lock.

        Args:
            lo, hi: Equally many bounds: lo[i] <= key < hi[i].
            column_family: Where to look.
            use_filter: Whether files may be skipped.

        Raises:
            InvalidInput: A bound is no bytes; there are not equally many; there is no such column family.
        """
        lower, upper = [_bytes(key, "lo") for key in lo], [_bytes(key, "hi") for key in hi]
        if len(lower) != len(upper):
            raise InvalidInput(f"lo has {len(lower)} bounds, hi has {len(upper)}, but each range needs one of each")
        counts: NDArray[np.uint32] = self._native.count(column_family, lower, upper, use_filter)
        return counts

    def flush(self, *, column_family: str = DEFAULT) -> None:
        """Write what is in memory to a file, with its filter."""
        self._native.flush(column_family)

    def compact(self, lo: bytes | None = None, hi: bytes | None = None, *, column_family: str = DEFAULT) -> None:
        """Write the files between two keys anew, each with a filter for the workload as it is now."""
        self._native.compact(column_family, _bound(lo, "lo"), _bound(hi, "hi"))

    def write_sst(
        self,
        path: str | PathLike[str],
        rows: Iterable[tuple[bytes, bytes]],
        *,
        column_family: str = DEFAULT,
    ) -> None:
        """Write a file for `ingest`, with the filter that this column family gives its files.

        Args:
            path: The file to write.
            rows: Keys and values, in ascending order of the keys, each once.
            column_family: Whose options to write with.

        Raises:
            InvalidInput: A key or value is no bytes.
            StorageError: Keys do not ascend; there are none; the file cannot be written.
        """
        pairs = [(_bytes(key, "key"), _bytes(value, "value")) for key, value in rows]
        self._native.write_sst(column_family, os.fspath(path), pairs)

    def ingest(self, paths: Iterable[str | PathLike[str]], *, column_family: str = DEFAULT) -> None:
        """Copy SST files into the database, over what is there. Those from elsewhere have no filter until `compact`.

        Raises:
            StorageError: A file is no SST file made for this, or overlaps another of them.
        """
        self._native.ingest(column_family, [os.fspath(path) for path in paths])

    def statistics(self, *, column_family: str | None = None) -> FilterStatistics:
        """What filters have done since the database was opened: of one column family, or of all."""
        names = self._native.names() if column_family is None else [column_family]
        return statistics_of([self._native.statistics(name) for name in names])

    def close(self) -> None:
        """End all scans and close the database; once is enough."""
        self._native.close()

    def __enter__(self) -> Self:
        """The database."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Where it is."""
        return f"DB({self._path!r})"


def _each(rows: Any) -> Iterator[tuple[bytes, bytes]]:
    while batch := rows.next():
        yield from batch


def _bytes(given: Any, name: str) -> bytes:
    if not isinstance(given, bytes):
        raise InvalidInput(f"{name} is {given!r}, but must be bytes; encode it")
    return given


def _bound(given: bytes | None, name: str) -> bytes | None:
    return None if given is None else _bytes(given, name)


def _operation(change: tuple[Any, ...]) -> tuple[str, str, bytes, bytes]:
    name, *operands = change if isinstance(change, tuple) and change else ("",)
    count = OPERATIONS.get(name, 0) if isinstance(name, str) else 0
    family = operands.pop() if len(operands) == count + 1 else DEFAULT
    if not count or len(operands) != count or not isinstance(family, str):
        raise InvalidInput(
            f"the batch has {change!r}, but takes ('put', key, value), ('delete', key), ('single_delete', key) and "
            "('delete_range', lo, hi), and the name of a column family behind each"
        )
    first, second = (*(_bytes(each, f"an operand of {name}") for each in operands), b"")[:2]
    if name == "delete_range" and first > second:
        raise InvalidInput(f"lo is {first!r}, above hi, {second!r}; swap them")
    return str(name), family, first, second


def _check_options(db_options: Mapping[str, str], table_options: Mapping[str, str], *, filtered: bool) -> None:
    for name, options in (("db_options", db_options), ("table_options", table_options)):
        for key, value in options.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise InvalidInput(f"{name} have {key!r}: {value!r}, but must map text to text, as RocksDB parses it")
    conversion = "min_tombstones_for_range_conversion"
    if filtered and db_options.get(conversion, "0") != "0":
        raise InvalidInput(
            f"{conversion} is {db_options[conversion]}, but must be 0 with filters; RocksDB refuses both"
        )
