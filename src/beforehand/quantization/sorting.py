"""Values in order, by the fastest sort at hand: numpy's, where a probe shows that it beats ours on this processor."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.quantization.inputs import Values

PROBED = 2**14  # values that both sort once


def ascending(values: Values, groups: _native.Grouping) -> NDArray[Any] | None:
    """The values of each group in order, in memory of their own; None where kernels sort, or need not sort, faster.

    Groups by blocks lie where they were, others one after the other.
    """
    if values.dtype.keyed or not numpy_is_faster(values.dtype.levels.name):
        return None
    if groups.block:
        copy = values.data.reshape(groups.outer, groups.inner).astype(values.dtype.levels)
        whole = groups.inner - groups.inner % groups.block
        copy[:, :whole].reshape(groups.outer, -1, groups.block).sort(axis=-1)
        copy[:, whole:].sort(axis=-1)
        return copy.reshape(-1)
    cube = values.data.reshape(groups.outer, groups.groups, groups.inner)
    rows = cube.swapaxes(0, 1).astype(values.dtype.levels, order="C").reshape(groups.groups, -1)
    rows.sort(axis=-1)
    return rows.reshape(-1)


@cache
def numpy_is_faster(dtype: str) -> bool:
    """Whether numpy sorts floats of this dtype faster than we do; measured once. What comes out is the same."""
    x = np.random.default_rng(0).standard_normal(PROBED).astype(dtype)
    return _seconds(lambda: np.sort(x)) < _seconds(lambda: _native.sort(_native.Values(x)))


def _seconds(sort: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        sort()
        times.append(time.perf_counter() - start)
    return min(times)
