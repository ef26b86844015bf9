"""Optimal levels of which one is 0."""

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import Values, as_values
from beforehand.quantization.options import Objective
from beforehand.quantization.theory import Floats

HEAVY = 2.0**40  # times all weights of a group: no other level is worth what missing a value of this weight costs


def zero_levels(
    values: Values, groups: _native.Grouping, n_levels: int, objective: Objective, weights: Floats | None, threads: int
) -> tuple[Floats, NDArray[np.int64], float | None]:
    """One table for each group that is optimal among those with a level at 0; how many levels each has, and the gap.

    Each group gets one more value, 0, that weighs more than all others together.

    Args:
        values: The data.
        groups: Which of them share a table.
        n_levels: How many levels, that at 0 among them.
        objective: "unbiased" or "mse".
        weights: One for each value in C order, or None.
        threads: Maximum number of threads.

    Raises:
        InvalidInput: A value is NaN or infinite; all weights of a group are 0; there is no room for a level at 0.
    """
    low, high = _native.ranges(values.native, groups).T  # refuses what is not finite, at its place in the data
    if objective == "unbiased" and n_levels < 3 and ((low < 0) & (high > 0)).any():
        raise InvalidInput(
            f"n_levels is {n_levels}, but unbiased levels at 0, the minimum and the maximum are 3; pass at least 3"
        )
    rows = _rows(values.floats, groups)
    weight = _rows(np.ones(values.data.size) if weights is None else weights, groups)
    heavy = HEAVY * weight.sum(axis=1, keepdims=True)
    widened = as_values(np.concatenate([rows, np.zeros_like(rows[:, :1])], axis=1))
    found = _native.levels(
        widened.native,
        grouping(widened.data.shape, 0, None),
        method=_native.Method.exact,
        objective=_native.Objective[objective],
        n_levels=n_levels,
        weights=np.concatenate([weight, heavy], axis=1).reshape(-1),
        threads=threads,
    )
    tables = np.array(found.levels, np.float64)
    nearest = abs(tables).argmin(axis=1)[:, None]
    tables[tables == np.take_along_axis(tables, nearest, axis=1)] = 0  # a mean, which the heavy value brings close to 0
    return tables, np.array(found.counts), found.cost.gap


def _rows(flat: NDArray[np.floating], groups: _native.Grouping) -> NDArray[np.floating]:
    """The values of each group in a row; short blocks are filled up with zeros."""
    if not groups.block:
        return flat.reshape(groups.outer, groups.groups, groups.inner).swapaxes(0, 1).reshape(groups.groups, -1)
    rows = flat.reshape(groups.outer, groups.inner)
    block = min(groups.block, groups.inner)
    return np.pad(rows, ((0, 0), (0, -groups.inner % block))).reshape(-1, block)
