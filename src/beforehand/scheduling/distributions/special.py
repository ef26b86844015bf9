"""Special functions over arrays, of which numpy has none."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native

Floats = NDArray[np.float64]


def normal_tail(z: ArrayLike) -> Floats:
    """P(N > z) of a standard normal N."""
    out = np.array(z, dtype=np.float64, order="C")
    _native.normal_tail(out)
    return out


def normal_quantile(p: ArrayLike) -> Floats:
    """The z with P(N < z) = p."""
    out = np.array(p, dtype=np.float64, order="C")
    _native.normal_quantile(out)
    return out


def gamma_tail(a: float, x: ArrayLike) -> Floats:
    """P(X > x) of a Gamma(a, 1) variable X."""
    out = np.array(x, dtype=np.float64, order="C")
    _native.gamma_tail(a, out)
    return out
