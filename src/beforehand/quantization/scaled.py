"""One table of levels for blocks of values that have a scale each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import CapacityExceeded
from beforehand.quantization.groups import MOST_VALUES, grouping
from beforehand.quantization.inputs import Values
from beforehand.quantization.options import Objective, Scale


def solve_scaled(
    values: Values, n_levels: int, objective: Objective, block: int, scale: Scale, *, zero: bool, threads: int
) -> dict[str, Any]:
    """The fields of Levels that one table for scaled blocks has, found for these values.

    Raises:
        InvalidInput: A value is NaN or infinite.
        CapacityExceeded: There are more than 2**31 - 1 values.
    """
    if values.data.size > MOST_VALUES:
        raise CapacityExceeded(
            f"x has {values.data.size} values, but a table can be found for at most 2**31 - 1; pass some of the rows"
        )
    found = _native.scaled_levels(
        values.native,
        grouping(values.data.shape, None, block),
        objective=_native.Objective[objective],
        n_levels=n_levels,
        scale=_native.Scale[scale],
        zero=zero,
        threads=threads,
    )
    return _fields(values, found) | {"gap": 0.0 if found.exact or found.squared_error == 0 else None}


def score_scaled(values: Values, table: NDArray[Any], objective: Objective, block: int, scale: Scale) -> dict[str, Any]:
    """The same for a table that is given."""
    with np.errstate(over="ignore"):
        levels = table.astype(values.dtype.levels).astype(np.float64) + 0.0
    groups = grouping(values.data.shape, None, block)
    goal, kind = _native.Objective[objective], _native.Scale[scale]
    return _fields(values, _native.score_scaled(values.native, groups, levels, objective=goal, scale=kind, threads=1))


def _fields(values: Values, found: _native.ScaledTable) -> dict[str, Any]:
    return {
        "values": np.array(found.levels).astype(values.dtype.levels),
        "squared_error": found.squared_error,
        "vnmse": found.vnmse,
        "losses": tuple(found.losses),
    }
