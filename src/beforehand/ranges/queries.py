"""Samples of range queries: two arrays, a trace of kind `ranges`, or a recorder."""

from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.ranges.bounds import encode_bounds, type_of_bounds
from beforehand.ranges.codes import Codes
from beforehand.ranges.keys import KeyCodes, as_array
from beforehand.ranges.strings import Strings, as_strings

KIND: Final = "ranges"


@runtime_checkable
class Recorded(Protocol):
    """What a recorder of queries offers."""

    def queries(self) -> tuple[Any, Any]:
        """First and last keys of the closed ranges that it kept."""


Queries: TypeAlias = tuple[Any, Any] | Trace | Recorded


def ends_of(queries: Queries, name: str = "queries") -> tuple[Any, Any]:
    """First and last keys of the closed ranges of a sample.

    Raises:
        InvalidInput: It is no sample of queries.
    """
    if isinstance(queries, Trace):
        check_trace(queries)
        dtype = queries.meta.get("dtype")
        return _column(queries["lo"], dtype), _column(queries["hi"], dtype)
    if isinstance(queries, Recorded):
        return queries.queries()
    if isinstance(queries, tuple | list) and len(queries) == 2:
        return queries[0], queries[1]
    raise InvalidInput(
        f"{name} are {type(queries).__name__}, but must be a pair (lo, hi) of arrays, a trace of kind {KIND!r}, or a "
        "QueryRecorder"
    )


def asked_rows(queries: Queries, name: str = "queries") -> tuple[NDArray[Any], NDArray[Any]]:
    """First and last keys, one a row, of a sample that `encode_queries` takes: also of scalars, which it broadcasts."""
    lo, hi = np.broadcast_arrays(*(as_array(side, name) for side in ends_of(queries, name)))
    return lo.ravel(), hi.ravel()


def ranges_trace(lo: Any, hi: Any, **columns: Any) -> Trace:
    """A trace of kind `ranges` of closed ranges.

    Args:
        lo, hi: Their first and last keys: arrays or lists. Datetimes and durations become their ticks, and the trace's
            `meta` says of which dtype.
        columns: `at`, seconds at which each was asked, and `rows`, how many each found, if they are known.

    Raises:
        InvalidInput: No trace can hold this; `at` or `rows` are no numbers.

    Example:
        >>> trace = ranges_trace(np.array(["2026-01-01"], "M8[D]"), np.array(["2026-01-31"], "M8[D]"), rows=[7])
        >>> trace["hi"] - trace["lo"], trace.meta
        (array([30]), {'dtype': 'datetime64[D]'})
    """
    ends = {"lo": np.asarray(lo), "hi": np.asarray(hi)}
    meta = {}
    if {end.dtype.kind for end in ends.values()} in ({"M"}, {"m"}):
        unit = np.result_type(*ends.values())  # the finer one, so that nothing is rounded
        meta["dtype"] = unit.name
        ends = {name: end.astype(unit).view(np.int64) for name, end in ends.items()}
    trace = Trace(KIND, ends | columns, meta=meta)
    check_trace(trace)
    return trace


def _column(values: Any, dtype: Any) -> Any:
    if dtype is None:
        return values
    try:
        found = np.dtype(str(dtype))
        if found.kind in "Mm" and values.dtype == np.int64:
            return values.view(found)
    except TypeError:
        pass
    raise InvalidInput(f"meta says that the bounds are {dtype!r}, but must name a datetime64 or timedelta64 of int64")


def check_trace(trace: Trace) -> None:
    """Raise unless a trace holds ranges.

    Raises:
        InvalidInput: Its kind is another, a column is missing, or `at` or `rows` are no numbers.
    """
    if trace.kind != KIND:
        raise InvalidInput(f"the trace is of kind {trace.kind!r}, but a sample of ranges must be of kind {KIND!r}")
    if missing := [name for name in ("lo", "hi") if name not in trace.columns]:
        raise InvalidInput(
            f"the trace has no column {missing[0]}, but ranges need lo and hi; it has {', '.join(trace.columns)}"
        )
    for name in ("lo", "hi", "at", "rows"):
        if name in trace.columns and trace[name].ndim != 1:
            raise InvalidInput(f"column {name} has {trace[name].ndim} dimensions, but must have one")
    for name in ("at", "rows"):
        if name in trace.columns and trace[name].dtype.kind not in "iuf":
            raise InvalidInput(f"column {name} has dtype {trace[name].dtype}, but must hold numbers")


def encode_queries(keys: KeyCodes, queries: Queries | None, name: str = "queries") -> tuple[Any, Any]:
    """First and last codes of a sample's closed ranges, without those that no key of the type can lie in.

    None is a sample of none.

    Raises:
        InvalidInput: It is no sample of queries, or none of keys of this type.
    """
    lo, hi = ([], []) if queries is None else ends_of(queries, name)
    asked = type_of_bounds(keys.type, len(keys), lo)
    bounds = encode_bounds(asked, keys.width, lo, hi)
    if asked.textual and not keys.type.textual:  # an empty list of keys, for which there is nothing to design
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    kept = np.flatnonzero(~bounds.empty)
    return _rows(bounds.lo, kept), _rows(bounds.hi, kept)


def _rows(codes: Codes | Strings, kept: NDArray[np.int64]) -> Any:
    if isinstance(codes, Strings):
        return codes if kept.size == len(codes) else as_strings([codes[int(row)] for row in kept])
    return np.ascontiguousarray(codes[kept], np.uint64)
