"""What levels must cost: closed forms, bounds, and the arithmetic of whether better levels pay.

Pure functions of numbers; nothing here runs native code, so that native code can be tested against it.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.deprecation import renamed_arguments
from beforehand.core.errors import InvalidInput
from beforehand.quantization.foreign import read_floats
from beforehand.quantization.normal_levels import POSITIVE_LEVELS
from beforehand.quantization.options import ascending, check_objective

Floats = NDArray[np.float64]

# Spread over mean square, J / E[x^2], of the high-rate law; LogN(0, sigma) has sigma^2 times the value for sigma = 1.
HIGH_RATE_SPREADS = MappingProxyType(
    {
        "normal": 6 * math.sqrt(3) * math.pi,
        "lognormal": 6 * math.sqrt(3) * math.pi,
        "exponential": 13.5,
        "laplace": 54.0,
        "uniform": 12.0,
    }
)
ROTATION_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
SIZES = (*(size << shift for shift in range(15) for size in (2, 3)), 65536)  # 2, 3, 4, 6, 8, 12, ...


def interval_cost(x: ArrayLike, a: float, b: float, *, weights: ArrayLike | None = None) -> float:
    """Expected squared error of rounding to `a` or `b` without bias: the sum of w (b - x)(x - a) over a < x < b.

    Args:
        x: Values of any shape; those outside (a, b) cost nothing.
        a: The lower level.
        b: The upper level; at or below `a` the cost is 0.
        weights: Non-negative, broadcastable to the shape of `x`; 1 if left out.

    Cost:
        One pass, in float64.

    Example:
        >>> interval_cost([0, 1, 2, 3, 10], 0, 10)
        46.0
    """
    values = _floats("x", x)
    inside = (values > a) & (values < b)
    cost = np.where(inside, (b - values) * (values - a), 0.0)
    return float(np.sum(cost if weights is None else cost * _floats("weights", weights)))


def expected_squared_error(
    x: ArrayLike, levels: ArrayLike, *, weights: ArrayLike | None = None, objective: str = "unbiased"
) -> float:
    """Squared error of `x` rounded to `levels`, expected over the rounding.

    Args:
        x: Finite values of any shape.
        levels: Strictly ascending, 1-D. For `"unbiased"` they must cover `x`.
        weights: Non-negative, broadcastable to the shape of `x`; 1 if left out.
        objective: `"unbiased"` rounds to one of the two neighbors at random, `"mse"` to the nearest level.

    Cost:
        O(d log n) for d values and n levels, in float64.

    Raises:
        InvalidInput: `levels` are not ascending, or do not cover `x`; `x` contains NaN.

    Example:
        >>> expected_squared_error([0, 1, 2, 3, 10], [0, 3, 10])
        4.0
        >>> expected_squared_error([0, 1, 2, 3, 10], [0, 3, 10], objective="mse")
        2.0
    """
    values = _floats("x", x).ravel()
    table = ascending(levels)
    if not np.all(np.isfinite(values)):
        raise InvalidInput("x contains NaN or infinity, which cannot be rounded; remove such values first")
    lower = table[np.clip(np.searchsorted(table, values, side="right") - 1, 0, table.size - 1)]
    upper = table[np.clip(np.searchsorted(table, values, side="left"), 0, table.size - 1)]
    if _is_mse(objective):
        loss = np.minimum((values - lower) ** 2, (upper - values) ** 2)
    else:
        outside = int(np.count_nonzero((values < table[0]) | (values > table[-1])))
        if outside:
            raise InvalidInput(
                f"{outside} of {values.size} values of x lie outside the levels [{table[0]:g}, {table[-1]:g}], where "
                "rounding cannot be unbiased; extend the levels to the minimum and maximum of x"
            )
        loss = (upper - values) * (values - lower)
    if weights is not None:
        loss = loss * np.broadcast_to(_floats("weights", weights), np.shape(x)).ravel()
    return float(np.sum(loss))


def grid_bound(d: int, span: float, intervals: int) -> float:
    """Squared error lost at most by keeping levels on an equally spaced grid, if given 2n - 2 levels for n.

    Args:
        d: How many values there are.
        span: Their maximum minus their minimum.
        intervals: Intervals of the grid, one less than its candidates.

    Guarantee:
        The best 2n - 2 levels on the grid cost at most this more than the best n levels anywhere.

    Example:
        >>> grid_bound(d=1000, span=2.0, intervals=100)
        0.1

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Approximate Adaptive Stochastic Quantization.
        NeurIPS 2024, arXiv:2402.03158, Lemma 6.1.
    """
    return d * span**2 / (4 * intervals**2)


@renamed_arguments(s="n_levels")
def uniform_vnmse_bound(x: ArrayLike, n_levels: int) -> float:
    """Bound on the vNMSE of `n_levels` equally spaced levels from the minimum of `x` to its maximum, either objective.

    Example:
        >>> uniform_vnmse_bound([0.0, 1.0, 2.0, 3.0, 10.0], n_levels=6)
        0.043859649122807015
    """
    values = _floats("x", x)
    norm = float(np.sum(values**2))
    return grid_bound(values.size, float(np.ptp(values)), n_levels - 1) / norm if norm else 0.0


def mean_estimation_error(vnmse: float, workers: int) -> float:
    """The vNMSE of the mean of one vector sent by `workers`, each rounding it without bias and independently.

    Example:
        >>> mean_estimation_error(0.02, workers=8)
        0.0025
    """
    return vnmse / workers


@renamed_arguments(s="n_levels")
@cache
def lloyd_max_normal(n_levels: int) -> Floats:
    """The `n_levels` levels with the smallest mean squared error on N(0, 1) under rounding to the nearest.

    Args:
        n_levels: A power of two from 2 to 256.

    Guarantee:
        Each level is the mean of its cell, correct to the last bit and the same on every machine. Ascending, symmetric,
        read-only, float64 of shape (n_levels,).

    Example:
        >>> lloyd_max_normal(4).round(8)
        array([-1.51041761, -0.45278003,  0.45278003,  1.51041761])

    Reference:
        Lloyd: Least squares quantization in PCM. IEEE Transactions on Information Theory 28(2), 1982. Max: Quantizing
        for minimum distortion. IRE Transactions on Information Theory 6(1), 1960.
    """
    if n_levels not in ROTATION_SIZES:
        raise InvalidInput(f"n_levels is {n_levels}, but must be a power of two from 2 to 256; take the next one")
    positive = np.array(POSITIVE_LEVELS[n_levels])
    table = np.concatenate([-positive[::-1], positive])
    table.flags.writeable = False
    return table


@renamed_arguments(s="n_levels")
def rotation_vnmse(n_levels: int, objective: str = "unbiased") -> float:
    """The vNMSE of any vector after a random rotation, rounded to the `n_levels` of `lloyd_max_normal`.

    Rotation makes every long vector look normal, so that no knowledge of the data is needed; the price is that no
    element can be read alone.

    Args:
        n_levels: A power of two from 2 to 256.
        objective: `"unbiased"` rescales the decoded vector so that its mean is right, `"mse"` makes the error smallest.

    Example:
        >>> round(rotation_vnmse(16), 9), round(rotation_vnmse(16, "mse"), 9)
        (0.009592143, 0.009501008)

    Reference:
        Vargaftik et al.: DRIVE, NeurIPS 2021, arXiv:2105.08339; EDEN, ICML 2022, arXiv:2108.08842.
    """
    positive = lloyd_max_normal(n_levels)[n_levels // 2 :]
    edges = np.concatenate([[0.0], (positive[1:] + positive[:-1]) / 2, [np.inf]])
    above = np.array([math.erfc(edge / math.sqrt(2)) / 2 for edge in edges])
    distortion = 1.0 - 2.0 * float(np.sum((above[:-1] - above[1:]) * positive**2))
    return distortion if _is_mse(objective) else distortion / (1.0 - distortion)


def high_rate_spread(points: ArrayLike, density: ArrayLike) -> float:
    """J / E[x^2] of a density f given at ascending points, where J = (integral of f^(1/3))^3.

    `HIGH_RATE_SPREADS` holds the values of common densities. Optimal levels lie as densely as f^(1/3).

    Args:
        points: Ascending, reaching far enough that f^(1/3) is small at both ends.
        density: f at these points; need not be normalized.

    Example:
        >>> points = np.linspace(0, 200, 100_001)
        >>> round(high_rate_spread(points, np.exp(-points)), 3)
        13.5
    """
    x, f = _floats("points", points), _floats("density", density)
    return float(_trapezoid(x, np.cbrt(f)) ** 3 / _trapezoid(x, f * x**2))


@renamed_arguments(s="n_levels")
def high_rate_vnmse(spread: float, n_levels: int, objective: str = "unbiased") -> float:
    """The vNMSE of the best n levels when n is large: it falls as 1 / (n - 1)^2 (`"mse"`: 1 / n^2).

    Args:
        spread: J / E[x^2] of the data, from `HIGH_RATE_SPREADS` or `high_rate_spread`.
        n_levels: How many, n.
        objective: `"unbiased"`, or `"mse"`, which is half of it or less.

    Guarantee:
        An asymptote: within about 1 % on long normal data from 64 levels on.

    Example:
        >>> round(high_rate_vnmse(HIGH_RATE_SPREADS["normal"], n_levels=64), 6)
        0.001371

    Reference:
        Panter, Dite: Quantization distortion in pulse-count modulation with nonuniform spacing of levels.
        Proceedings of the IRE 39(1), 1951, for rounding to the nearest.
    """
    return spread / (12 * n_levels**2) if _is_mse(objective) else spread / (6 * (n_levels - 1) ** 2)


@renamed_arguments(s="n_levels")
def equivalent_levels(
    vnmse: ArrayLike, n_levels: int, curve: Callable[[int], ArrayLike], *, sizes: Sequence[int] = SIZES
) -> Floats:
    """How many levels the baseline needs for the error that a design has with `n_levels`.

    Args:
        vnmse: Errors of the design, shape (m,).
        n_levels: Of the design; one of `sizes`.
        curve: From a number of levels to the baseline's errors, shape (m,); asked only for `sizes` that matter, going
            away from `n_levels`.
        sizes: How many levels the baseline may have, ascending; by default 2, 3, 4, 6, 8, 12, ..., 65536.

    Guarantee:
        Where the baseline is as good as the design the answer is `n_levels`; else it lies between the two sizes where
        the baseline passes the design, by log-log interpolation, or at the end of `sizes`.

    Example:
        >>> equivalent_levels([0.01], 4, lambda size: [1 / size**2]).round(9)
        array([10.])
    """
    goal = _log(vnmse)
    result = np.full(goal.shape, float(n_levels))
    better = goal < _log(curve(n_levels))
    for waiting, away, sign in (
        (better, [size for size in sizes if size >= n_levels], 1.0),
        (goal > _log(curve(n_levels)), [size for size in reversed(sizes) if size <= n_levels], -1.0),
    ):
        here = _log(curve(n_levels))
        for near, far in pairwise(away):
            if not waiting.any():
                break
            there = _log(curve(far))
            passed = waiting & (sign * (there - goal) <= 0)
            share = (goal[passed] - here[passed]) / (there[passed] - here[passed])
            result[passed] = near * (far / near) ** share
            waiting = waiting & ~passed
            here = there
        result[waiting] = away[-1]
    return result


def net_bits(
    gain_bits: ArrayLike,
    *,
    extra_seconds: float,
    extra_table_bytes: float,
    bytes_per_second: float | None = None,
) -> Floats:
    """Bits a value that a design saves over the baseline at equal error, its own price subtracted.

    Args:
        gain_bits: Bits a value saved before any price.
        extra_seconds: Time a value beyond the baseline's.
        extra_table_bytes: Bytes of level tables a value beyond the baseline's.
        bytes_per_second: The link that the codes travel on, which could have carried bytes in the extra time. Left
            out, time is not converted: codes that are stored are written once.

    Example:
        >>> net_bits([3.6], extra_seconds=2.4e-9, extra_table_bytes=0, bytes_per_second=1.25e8)  # 1 Gbit/s
        array([1.2])
    """
    time = 0.0 if bytes_per_second is None else bytes_per_second * extra_seconds
    return _floats("gain_bits", gain_bits) - 8.0 * (time + extra_table_bytes)


def _is_mse(objective: str) -> bool:
    check_objective(objective)
    return objective == "mse"


def _floats(name: str, numbers: ArrayLike) -> Floats:
    return read_floats(numbers, f"{name} is", "pass numbers in rows of equal length")


def _log(values: ArrayLike) -> Floats:
    return np.log(np.maximum(_floats("vnmse", values), np.finfo(np.float64).tiny))


def _trapezoid(x: Floats, y: Floats) -> float:
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2)
