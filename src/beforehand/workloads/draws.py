"""Random numbers that depend on seed, purpose and position alone: the first rows of a workload never change."""

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput

Floats = NDArray[np.float64]
BELOW_ONE = 1 - 2**-53


def uniforms(counters: NDArray[np.integer], seed: int, purpose: int) -> Floats:
    """Above 0, at most 1: one for each counter, whatever the order.

    Args:
        counters: Positions, such as the numbers of rows, from 0.
        seed: From 0 to 2**64 - 1.
        purpose: Another purpose of the same seed draws independent numbers.

    Raises:
        InvalidInput: the seed is out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed!r}, but must be a whole number from 0 to 2**64 - 1")
    out = np.empty(len(counters))
    _native.uniforms_at(np.ascontiguousarray(counters, dtype=np.uint64), int(seed), purpose, out)
    return out


def normals(counters: NDArray[np.integer], seed: int, purpose: int) -> Floats:
    """Standard normal, one for each counter; as `uniforms`."""
    out = np.minimum(uniforms(counters, seed, purpose), BELOW_ONE)
    _native.normal_quantile(out)
    return out


def exponentials(counters: NDArray[np.integer], seed: int, purpose: int) -> Floats:
    """Of mean 1, one for each counter; as `uniforms`."""
    out: Floats = -np.log(uniforms(counters, seed, purpose))
    return out
