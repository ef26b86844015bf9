"""A column of text in Arrow as numbers and times, by pyarrow: for whole columns at once, where all cells are plain.

What pyarrow does not read, such as a comma as decimal sign, goes cell by cell through `cells` and `stamps`. `to_numpy`,
`pyarrow.array` and `pyarrow.scalar` are not called here: each imports pandas where it is, some 40 MB.
"""

from collections.abc import Iterator
from datetime import UTC, tzinfo
from importlib import import_module  # pyarrow is optional, and has no types
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.reading.cells import MISSING, Floats
from beforehand.workloads.reading.stamps import NANO, Ticks, scaled


def numbers(column: Any) -> Floats | None:
    """The numbers of a column, nan where missing; None if pyarrow cannot tell."""
    pa = import_module("pyarrow")
    for tried in _with_and_without_missing(column):
        found = _cast(tried, pa.float64())
        if found is not None:
            values = _floats(found)
            return values if _only_missing_are_nan(tried, values) else None
    return None


def times(column: Any, zone: tzinfo) -> tuple[Floats, int | None] | None:
    """The times of a column, see `Table.times`; None if pyarrow cannot tell."""
    ticks = _ticks_of(column, zone)
    return None if ticks is None else ticks.since_earliest()


def missing(column: Any) -> NDArray[np.bool_]:
    """Where a column says that there is nothing."""
    return _bools(_missing(column))


def _missing(column: Any) -> Any:
    pa, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    ends = np.cumsum([0, *map(len, MISSING)], dtype=np.int32)
    words = pa.StringArray.from_buffers(len(MISSING), pa.py_buffer(ends), pa.py_buffer("".join(MISSING).encode()))
    lowered = compute.utf8_lower(compute.utf8_trim_whitespace(column))
    return compute.or_(compute.is_in(lowered, words), column.is_null())


def _ticks_of(column: Any, zone: tzinfo) -> Ticks | None:
    pa = import_module("pyarrow")
    dates = (pa.timestamp("ns"), pa.timestamp("ns", "UTC")) if zone is UTC else ()
    for tried in _with_and_without_missing(column):
        floats = _cast(tried, pa.float64())
        if floats is not None:
            integers = _cast(tried, pa.int64())  # which alone would also take 0x1
            if integers is None:
                values = _floats(floats)
                return _decimals(tried, values) if _only_missing_are_nan(tried, values) else None
            del floats
            return _ticks(integers, 1, dated=False)
        for kind in dates:
            found = _cast(tried, kind)
            if found is not None:
                return _ticks(found.cast(pa.int64()), NANO, dated=True)
    return None


def _ticks(integers: Any, per_second: int, *, dated: bool) -> Ticks:
    if not integers.null_count:
        return Ticks(_values(integers), np.ones(len(integers), dtype=bool), per_second, dated)
    return Ticks(_values(_filled(integers, np.int64(0))), ~_bools(integers.is_null()), per_second, dated)


def _with_and_without_missing(column: Any) -> Iterator[Any]:
    """The column as it is, for where nothing is missing; then with nulls where something is, and without blanks."""
    yield column
    pa, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    null = pa.nulls(1, pa.string())[0]
    yield compute.if_else(_missing(column), null, compute.utf8_trim_whitespace(column))


def _decimals(column: Any, values: Floats) -> Ticks | None:
    compute = import_module("pyarrow.compute")
    if compute.any(compute.match_substring(column, "e", ignore_case=True)).as_py() or np.isinf(values).any():
        return None
    point = compute.find_substring(column, ".")
    digits = compute.subtract(compute.subtract(compute.binary_length(column), point), 1)
    most = compute.max(compute.if_else(compute.less(point, 0), 0, digits)).as_py()
    return scaled(values, most or 0)


def _only_missing_are_nan(column: Any, values: Floats) -> bool:
    """Whether no cell is such as `nan(ind)`, which pyarrow takes for a number."""
    return bool((np.isnan(values) <= missing(column)).all()) if np.isnan(values).any() else True


def _cast(column: Any, kind: Any) -> Any:
    try:
        return column.cast(kind)
    except import_module("pyarrow").ArrowInvalid:
        return None


def _floats(column: Any) -> Floats:
    return _values(_filled(column, np.float64(np.nan)) if column.null_count else column)


def _filled(column: Any, value: np.generic) -> Any:
    pa = import_module("pyarrow")
    array = pa.Array.from_buffers(column.type, 1, [None, pa.py_buffer(value.tobytes())])
    return import_module("pyarrow.compute").fill_null(column, array[0])


def _bools(column: Any) -> NDArray[np.bool_]:
    return _values(column.cast(import_module("pyarrow").uint8())).view(np.bool_)


def _values(column: Any) -> NDArray[Any]:
    """Numbers without nulls as an array."""
    whole = column if hasattr(column, "__dlpack__") else column.combine_chunks()
    return np.from_dlpack(whole)
