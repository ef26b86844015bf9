"""What a system saw: named columns of equal length, perhaps with child tables below the rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import load_tables, save_tables
from beforehand.tables.naming import below

Columns = Mapping[str, NDArray[Any]]


@final
@dataclass(frozen=True, eq=False)
class Child:
    """A table below the rows: row `i` owns the child rows `offsets[i]` to `offsets[i + 1]`."""

    offsets: NDArray[np.int64]
    columns: Columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The column of that name."""
        return _get(self.columns, name)

    def __len__(self) -> int:
        """How many child rows all rows own together."""
        return int(self.offsets[-1])


@final
class Trace:
    """An immutable table of what a system saw, which planning can split from what checks it.

    Args:
        kind: What the rows are, such as `"vectors"` or `"jobs"`; each area says which columns its kinds need.
        columns: Arrays by name, all of one length: 1-D, or 2-D with one line a row. Booleans, integers, floats,
            strings or byte strings. Writable arrays are copied; the trace's own are read-only.
        children: By name a pair `(offsets, columns)`: `offsets` holds rows + 1 ascending integers from 0 to the number
            of child rows, the columns are 1-D.
        meta: What JSON can hold.

    Guarantee:
        Nothing changes a trace, so `fingerprint` names its content; the order of the columns does not matter.

    Raises:
        InvalidInput: lengths differ, offsets do not fit, a dtype cannot be held, `meta` is not JSON.

    Example:
        >>> trace = Trace("jobs", {"size": [3.0, 1.0, 2.0, 5.0]}, meta={"unit": "seconds"})
        >>> sample, holdout = trace.split(0.5)
        >>> sample["size"], holdout["size"]
        (array([3., 1.]), array([2., 5.]))
    """

    kind: str
    columns: Columns
    children: Mapping[str, Child]
    _meta: str

    def __init__(
        self,
        kind: str,
        columns: Mapping[str, ArrayLike],
        *,
        children: Mapping[str, tuple[ArrayLike, Mapping[str, ArrayLike]]] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(kind, str) or not kind:
            raise InvalidInput(f"kind is {kind!r}, but must say what the rows are, such as 'vectors'")
        try:
            text = json.dumps(dict(meta or {}), allow_nan=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"meta cannot be written as JSON ({error}); keep to what JSON can hold") from None
        table = {name: _column(name, column) for name, column in columns.items()}
        tables = {name: _child(name, *pair) for name, pair in (children or {}).items()}
        rows = [(name, len(column)) for name, column in table.items()]
        rows += [(name, len(child.offsets) - 1) for name, child in tables.items()]
        if len(dict(rows)) < len(rows) or len({count for _, count in rows}) != 1:
            found = ", ".join(f"{name} has {count}" for name, count in rows) or "there are none"
            raise InvalidInput(f"columns and child tables need names of their own and equally many rows, but {found}")
        content = {"kind": kind, "columns": table, "children": tables, "_meta": text}
        for name, value in content.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)

    def __setattr__(self, name: str, value: object) -> None:
        """Refused: a trace never changes."""
        raise AttributeError(f"a Trace is immutable, so {name} cannot be set; make a new one")

    @property
    def meta(self) -> dict[str, Any]:
        """A fresh copy of the metadata."""
        copy: dict[str, Any] = json.loads(self._meta)
        return copy

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that identify kind, columns, child tables and metadata."""
        digest = hashlib.sha256(json.dumps([self.kind, self._meta]).encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:32]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The column of that name."""
        return _get(self.columns, name)

    def __len__(self) -> int:
        """The number of rows."""
        return next(len(array) - name.endswith("/") for name, array in self._arrays().items())

    def __repr__(self) -> str:
        """Kind, rows and names."""
        return f"Trace({self.kind!r}, {len(self)} rows of {', '.join([*self.columns, *self.children])})"

    def split(self, fraction: float, *, by: Literal["time", "hash"] = "time", seed: int = 0) -> tuple[Self, Self]:
        """Part the rows into a sample for planning and a holdout for the audit.

        Args:
            fraction: The sample's share, above 0 and below 1; rounded to whole rows, at least one on either side.
            by: `"time"` gives the sample the first rows; `"hash"` draws rows by a hash of their number, for rows that
                stand in no order of time, such as range queries.
            seed: From 0 to 2**64 - 1; another seed draws other rows by hash.

        Guarantee:
            Every row, with its child rows, is in exactly one of the two, in the order it had. The same arguments give
            the same split on every machine.

        Raises:
            InvalidInput: an argument is out of range; the trace has fewer than two rows.
        """
        rows = len(self)
        if rows < 2:
            raise InvalidInput(f"the trace has {rows} rows, but a split needs at least 2; record more")
        if not 0 < fraction < 1:
            raise InvalidInput(f"fraction is {fraction}, but must be above 0 and below 1")
        if by not in ("time", "hash"):
            raise InvalidInput(f"by is {by!r}, but must be 'time' or 'hash'")
        if not 0 <= seed < 2**64:
            raise InvalidInput(f"seed is {seed}, but must be from 0 to 2**64 - 1")
        size = min(max(round(fraction * rows), 1), rows - 1)
        if by == "time":
            return self._take(slice(0, size)), self._take(slice(size, rows))  # views, as traces never change
        order = np.argsort(_mix(rows, seed))
        return self._take(np.sort(order[:size])), self._take(np.sort(order[size:]))

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file in the format that its ending names.

        npz and parquet hold everything, jsonl all but 2-D columns and byte strings, csv only the values of 1-D
        columns without byte strings.

        Raises:
            InvalidInput: the format cannot hold the trace; the file cannot be written; the ending is unknown.
            MissingDependency: parquet without pyarrow.
        """
        save_tables(self._arrays(), {"kind": self.kind, "meta": self.meta}, path)

    @classmethod
    def load(cls, path: str | PathLike[str], *, kind: str | None = None) -> Self:
        """Read a file that `save` wrote, or a foreign one of the same formats.

        Args:
            path: The file; its ending names the format.
            kind: What the rows are; needed where the file does not say it, as csv never does.

        Raises:
            InvalidInput: the file cannot be read; its ending is unknown; `kind` is missing or not the file's own.
            CorruptData: the file is damaged, or not what its ending says.
            MissingDependency: parquet without pyarrow.
        """
        arrays, mark = load_tables(path)
        if kind is None and "kind" not in mark:
            raise InvalidInput(f"{path} does not say what its rows are; pass kind=, such as kind='vectors' (--kind)")
        if kind is not None and mark.get("kind", kind) != kind:
            raise InvalidInput(f"kind is {kind!r}, but {path} holds {mark['kind']!r}; leave kind out")
        columns = {name: array for name, array in arrays.items() if "/" not in name}
        children = {}
        for name in dict.fromkeys(name.partition("/")[0] for name in arrays if "/" in name):
            table = below(arrays, name)
            children[name] = (table.pop("", ()), table)
        try:
            return cls(mark.get("kind", kind) or "", columns, children=children, meta=mark.get("meta"))
        except InvalidInput as error:
            raise CorruptData(f"{path} holds no trace: {error}") from error

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays under the names that files give them."""
        arrays = dict(self.columns)
        for name, child in self.children.items():
            arrays |= {f"{name}/": child.offsets} | {f"{name}/{key}": column for key, column in child.columns.items()}
        return arrays

    def _take(self, rows: NDArray[np.int64] | slice) -> Self:
        children = {}
        for name, child in self.children.items():
            counts = np.diff(child.offsets)[rows]
            offsets = np.concatenate(([0], np.cumsum(counts)))
            members = np.repeat(child.offsets[rows] - offsets[:-1], counts) + np.arange(offsets[-1])
            children[name] = (offsets, {key: column[members] for key, column in child.columns.items()})
        columns = {name: column[rows] for name, column in self.columns.items()}
        return type(self)(self.kind, columns, children=children, meta=self.meta)


def _get(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise InvalidInput(f"there is no column {name!r} among {', '.join(columns)}; name one of them")
    return columns[name]


def _column(name: str, values: ArrayLike, dimensions: int = 2) -> NDArray[Any]:
    if not isinstance(name, str) or not name.isprintable() or "/" in name or not name:
        raise InvalidInput(f"{name!r} cannot name a column; use printable characters other than '/'")
    try:
        array = np.asarray(values)
    except ValueError as error:  # lines of unequal length
        raise InvalidInput(
            f"column {name} is not an array ({error}); use a child table for lines of unequal length"
        ) from None
    if array.dtype.kind not in "biufUS" or array.dtype == np.longdouble:
        raise InvalidInput(
            f"column {name} has dtype {array.dtype}, but must hold numbers, booleans or strings; convert it"
        )
    if not 1 <= array.ndim <= dimensions or array.shape[1:] == (0,):
        raise InvalidInput(
            f"column {name} has shape {array.shape}, but must be 1-D or rows x width (1-D in a child table)"
        )
    if array.dtype.kind in "US":
        width = max(1, int(np.char.str_len(array).max(initial=0)))
        array = array.astype(f"{array.dtype.kind}{width}", copy=False)
    array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=array.flags.writeable or None)
    array.flags.writeable = False
    return array


def _child(name: str, offsets: ArrayLike, columns: Mapping[str, ArrayLike]) -> Child:
    table = {key: _column(key, column, 1) for key, column in columns.items()}
    bounds = _column(name, offsets, 1)
    lengths = {len(column) for column in table.values()}
    if len(lengths) != 1 or bounds.dtype.kind not in "iu" or [*bounds[:1], *bounds[-1:]] != [0, *lengths]:
        raise InvalidInput(f"child table {name} needs columns of one length, and integer offsets from 0 to that length")
    if (bounds[1:] < bounds[:-1]).any():
        raise InvalidInput(f"offsets of child table {name} descend, but each row must end where the next begins")
    bounds = bounds.astype(np.int64)
    bounds.flags.writeable = False
    return Child(bounds, MappingProxyType(table))


def _mix(rows: int, seed: int) -> NDArray[np.uint64]:
    """Row numbers through splitmix64, a bijection, so that no two rows tie."""
    z = np.arange(1, rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
