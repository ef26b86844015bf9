"""Vectors to quantize: some where adaptive levels pay, some where they cannot."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput


def skewed(count: int, length: int, *, seed: int) -> Trace:
    """Positive numbers with a long tail, as in the columns of embedding tables: lognormal, float32.

    Args:
        count: Vectors.
        length: Values in each.
        seed: Another seed gives other vectors of the same kind.

    Raises:
        InvalidInput: `count` or `length` is below 1.

    Example:
        >>> skewed(2, 3, seed=0)["values"].shape
        (2, 3)
    """
    return _vectors(lambda random, shape: random.lognormal(size=shape), count, length, seed)


def flat(count: int, length: int, *, seed: int) -> Trace:
    """Numbers spread evenly between two bounds, as angles are: uniform on 0 to 2 pi, float32.

    Args:
        count: Vectors.
        length: Values in each.
        seed: Another seed gives other vectors of the same kind.

    Raises:
        InvalidInput: `count` or `length` is below 1.

    Example:
        >>> bool(flat(2, 3, seed=0)["values"].max() < 6.2832)
        True
    """
    return _vectors(lambda random, shape: random.uniform(0, 2 * np.pi, shape), count, length, seed)


def _vectors(
    draw: Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]], count: int, length: int, seed: int
) -> Trace:
    if count < 1 or length < 1:
        raise InvalidInput(f"count is {count} and length {length}, but both must be at least 1")
    values = draw(np.random.default_rng(seed), (count, length)).astype(np.float32)
    return Trace("vectors", {"values": values}, meta={"seed": seed})
