"""Tables of levels as rows of an array, and how they are fitted to data that they were not made for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.quantization.dtypes import Dtype
from beforehand.quantization.inputs import Values
from beforehand.quantization.theory import Floats


def decodable(tables: NDArray[Any], dtype: Dtype) -> NDArray[Any]:
    """Levels as decoding gives them back: those of float16 data are rounded to float16, if it can hold them."""
    if dtype.decoded != np.float16:
        return tables
    with np.errstate(over="ignore", under="ignore"):
        rounded = tables.astype(np.float16).astype(tables.dtype)
    return np.where(np.isfinite(rounded), rounded, tables)


def fitted(
    tables: Floats, values: Values, grouping: _native.Grouping, objective: str
) -> tuple[Floats, NDArray[np.int64]]:
    """Tables as float64 in the precision of these values, without repeated levels, and how many each has.

    Unbiased rounding needs levels that enclose the data: there the ends move to the minimum and maximum of each group,
    and only the interior levels that still lie between them stay.

    Args:
        tables: One row for each group, or a single one for all; ascending, short ones padded with their last level.
        values: The data.
        grouping: Which of them share a table.
        objective: "unbiased" or "mse".

    Raises:
        InvalidInput: A value is NaN or infinite.
    """
    with np.errstate(over="ignore"):
        tables = np.broadcast_to(tables, (grouping.count, tables.shape[-1])).astype(values.dtype.levels)
    tables = decodable(tables, values.dtype).astype(np.float64, order="C") + 0.0  # -0.0 becomes 0.0
    if objective == "unbiased":
        tables = enclosing(tables, _native.ranges(values.native, grouping))
    return compacted(tables)


def compacted(tables: NDArray[Any]) -> tuple[Floats, NDArray[np.int64]]:
    """Tables in float64 without repeated levels, and how many each has."""
    tables = compact(tables.astype(np.float64))
    return tables, np.count_nonzero(tables[:, 1:] > tables[:, :-1], axis=1) + 1


def enclosing(tables: Floats, ranges: Floats) -> Floats:
    """Tables with their ends moved to these minima and maxima, and the interior levels that still lie between."""
    low, high = ranges[:, :1], ranges[:, 1:]
    interior = (tables > np.maximum(tables[:, :1], low)) & (tables < np.minimum(tables[:, -1:], high))
    moved = np.where(interior, tables, high)
    return np.sort(np.concatenate([low, moved], axis=1), axis=1)


def compact(tables: Floats) -> Floats:
    """Tables without repeated levels, padded with their last one."""
    repeated = tables[:, 1:] <= tables[:, :-1]
    return np.sort(np.concatenate([tables[:, :1], np.where(repeated, tables[:, -1:], tables[:, 1:])], axis=1), axis=1)
